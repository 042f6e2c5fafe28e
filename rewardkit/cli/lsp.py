"""`rewardkit lsp`."""

from __future__ import annotations

from typing import Annotated

import typer

from rewardkit.cli import codes
from rewardkit.diagnostics import RewardError

#: the protocol's own exit code for a client that says exit without shutdown
EXIT_WITHOUT_SHUTDOWN = 1


def run(
    stdio: Annotated[
        bool, typer.Option("--stdio", help="speak on standard input and output, as always")
    ] = True,
) -> int:
    """Start the language server on standard input and output, for an editor."""
    try:
        import pygls  # noqa: F401
    except ModuleNotFoundError:
        raise RewardError("the language server needs pygls: pip install 'rewardkit[lsp]'") from None
    from rewardkit.lsp.server import serve

    return codes.OK if serve() else EXIT_WITHOUT_SHUTDOWN
