"""`rewardkit lsp`."""

from __future__ import annotations

from typing import Annotated

import typer

from rewardkit.cli import codes
from rewardkit.diagnostics import RewardError


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

    serve()
    return codes.OK
