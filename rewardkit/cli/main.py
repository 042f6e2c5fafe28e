"""The entry point: verbs are found by name and imported only when they are run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import typer

from rewardkit.cli import codes
from rewardkit.diagnostics import RewardError, SpecError
from rewardkit.version import __version__

#: verb -> one line of help; the verb's module has the same name and a function `run`
VERBS = {
    "new": "start a folder with a spec, rows and tests from a template",
    "check": "check specs: syntax, names, types, units, ranges, nulls",
    "test": "run the tests inside specs",
    "score": "score rows: one row out per row in",
    "explain": "show how one row got its reward, as a tree",
    "train": "train a policy on a spec, from a run file",
}

_HELP = f"""rewardkit {__version__}: rewards for reinforcement learning, as small checked specs.

usage: rewardkit VERB …

{os.linesep.join(f"  {verb:<9}{line}" for verb, line in VERBS.items())}

`rewardkit VERB --help` tells what a verb takes. Exit codes: 0 ok; 1 the spec is wrong; 2 a test or
threshold failed; 3 usage, files or rows; 4 not decided or not there yet, under --strict."""


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and exit with its code. No error of a user's input shows a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_HELP)
        return codes.OK if words else codes.USAGE
    if words[0] in ("-V", "--version"):
        print(f"rewardkit {__version__}")
        return codes.OK
    verb, *rest = words
    if verb not in VERBS:
        return _fail(f"there is no verb `{verb}`{_suggest(verb)}")
    try:
        return _verb(verb, rest)
    except SpecError as error:
        return _wrong_spec(error)
    except RewardError as error:
        return _fail(str(error))
    except (KeyboardInterrupt, _InterruptedError) as stop:
        return _fail(f"interrupted{': ' if str(stop) else ''}{stop}", codes.INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output has gone (`| head`): not an error, and nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return codes.OK
    except MemoryError:
        return _fail("out of memory")
    except Exception as error:
        if os.environ.get("REWARDKIT_TRACEBACK"):
            raise
        return _bug(error)


def _verb(verb: str, rest: list[str]) -> int:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name=verb)(_keeping_interrupts(import_module(f"rewardkit.cli.{verb}").run))
    command = typer.main.get_command(app)
    # typer keeps its own copy of click or uses the installed one; its errors derive from this base
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        return command.main(rest, prog_name=f"rewardkit {verb}", standalone_mode=False) or codes.OK
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return _fail("interrupted", codes.INTERRUPTED)
    except usage_error as error:
        return _fail(f"{error.format_message()} (see `rewardkit {verb} --help`)")


class _InterruptedError(Exception):
    """Ctrl-C with what there is to say of it, past typer, which would end without a word."""


def _keeping_interrupts(run: Callable[..., int]) -> Callable[..., int]:
    @wraps(run)
    def guarded(*args: Any, **options: Any) -> int:
        try:
            return run(*args, **options)
        except KeyboardInterrupt as stop:
            raise _InterruptedError(str(stop)) from None

    return guarded


def _suggest(verb: str) -> str:
    import difflib

    near = difflib.get_close_matches(verb, VERBS, 1)
    return f"; did you mean `{near[0]}`?" if near else f"; the verbs are {', '.join(VERBS)}"


def _wrong_spec(error: SpecError) -> int:
    from rewardkit.cli.show import print_diagnostics

    print_diagnostics(error.diagnostics, "full")
    return codes.WRONG_SPEC


def _bug(error: Exception) -> int:
    """A failure that is ours: said in one fixed shape, so that a report holds what helps."""
    python = ".".join(map(str, sys.version_info[:3]))
    return _fail(
        f"this is a bug in rewardkit {__version__} (Python {python}, {sys.platform}): "
        f"{type(error).__name__}: {error}; REWARDKIT_TRACEBACK=1 shows where",
        codes.BUG,
    )


def _fail(message: str, code: int = codes.USAGE) -> int:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr)
    return code
