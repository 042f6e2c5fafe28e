"""The entry point: verbs are found by name and imported only when they are run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, TextIO

import typer

from rewardkit.cli import codes
from rewardkit.diagnostics import RewardError, SpecError, visible
from rewardkit.version import __version__

#: verb -> one line of help; its module has the same name and a function `run`, or `COMMANDS` of its own
VERBS = {
    "new": "start a folder with a spec, rows and tests from a template",
    "check": "check specs: syntax, names, types, units, ranges, nulls, claims",
    "prove": "prove the claims of specs, or show a case that breaks them",
    "test": "run the tests inside specs",
    "fmt": "write specs in their one canonical form",
    "score": "score rows: one row out per row in",
    "diff": "show what changed in meaning between two specs, and on rows",
    "explain": "show how one row got its reward, as a tree",
    "analyze": "show what each term does to reward and advantage, from the spec and from rows",
    "lsp": "start the language server, for an editor",
    "doc": "show the page of a function, statement, normalizer or diagnostic",
    "sandbox": "build, check and measure what programs under test run in",
    "train": "train a policy on a spec, from a run file",
}

_HELP = f"""rewardkit {__version__}: rewards for reinforcement learning, as small checked specs.

usage: rewardkit VERB …

{os.linesep.join(f"  {verb:<9}{line}" for verb, line in VERBS.items())}

`rewardkit VERB --help` tells what a verb takes. Exit codes: 0 ok; 1 the spec or a claim is wrong; 2 a test or
threshold failed; 3 usage, files or rows; 4 not decided, under --strict."""


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and exit with its code. No error of a user's input shows a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    _fill_streams()
    code = _run(words)
    _flush(sys.stderr)
    sys.exit(code)


def _fill_streams() -> None:
    """Descriptors 0 to 2 that the caller closed: the next file opened must not be taken for one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (where it is None, `print` uses stdout)


def _run(words: list[str]) -> int:
    try:
        code = _dispatch(words)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except RewardError as error:
        return _fail(str(error))
    except KeyboardInterrupt as stop:
        return _fail(f"interrupted{': ' if str(stop) else ''}{stop}", codes.INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output has gone (`| head`): not an error, and nothing more to say
        _flush(sys.stdout)
        return codes.OK
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except MemoryError:
        return _fail("out of memory")
    except Exception as error:
        if os.environ.get("REWARDKIT_TRACEBACK"):
            raise
        return _bug(error)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_HELP)
        return codes.OK if words else codes.USAGE
    if words[0] in ("-V", "--version"):
        print(f"rewardkit {__version__}")
        return codes.OK
    verb, *rest = words
    if verb not in VERBS:
        return _fail(f"there is no verb `{verb}`{_suggest(verb)}")
    return _verb(verb, rest)


def _verb(verb: str, rest: list[str]) -> int:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    module = import_module(f"rewardkit.cli.{verb}")
    if commands := getattr(module, "COMMANDS", None):
        app.callback(help=VERBS[verb][0].upper() + VERBS[verb][1:] + ".")(lambda: None)
        for name, function in commands.items():
            app.command(name=name)(function)
    else:
        app.command(name=verb)(module.run)
    command = typer.main.get_command(app)
    # typer keeps its own copy of click or uses the installed one; its errors derive from this base
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        # not `command.main`, which turns Ctrl-C, a closed pipe and EOFError into exit codes of its own
        with command.make_context(f"rewardkit {verb}", list(rest)) as context:
            return command.invoke(context) or codes.OK
    except SpecError as error:
        return _wrong_spec(error)
    except typer.Exit as stop:
        return stop.exit_code
    except usage_error as error:
        where = getattr(getattr(error, "ctx", None), "command_path", f"rewardkit {verb}")
        return _fail(f"{_usage(error, rest)} (see `{where} --help`)")


def _usage(error: Any, words: list[str]) -> str:
    """What is wrong with the words of a verb. Of a wrong value the parser's text differs between its versions
    and speaks of the libraries below it."""
    option = getattr(error, "param", None)
    names = [name for name in getattr(option, "opts", ()) if name.startswith("-")]
    if type(error).__name__ != "BadParameter" or not names:
        return str(error.format_message()).rstrip(".")
    name, text = max(names, key=len), str(error.message).removeprefix("Value error, ").rstrip(".")
    value = next((found for found in _values(words, names)), "")
    if choices := re.search(r" is not one of (.*)", text):
        return f"{name}: `{value}` is not one of {choices[1].replace(chr(39), '')}"
    if kind := re.search(r"valid (number|integer)", text):
        return f"{name}: `{value}` is not {'a number' if kind[1] == 'number' else 'a whole number'}"
    return f"{name}: `{value}` {text.removeprefix(value).strip().replace('Input should', 'must')}"


def _values(words: list[str], names: list[str]) -> Iterator[str]:
    """What the words give for an option, the last first."""
    for i in range(len(words) - 1, -1, -1):
        name, equals, value = words[i].partition("=")
        if name in names and (equals or i + 1 < len(words)):
            yield value if equals else words[i + 1]


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
    _flush(sys.stdout)
    with suppress(OSError):
        print(f"error: {visible(message)}", file=sys.stderr)
    return code


def _flush(stream: TextIO | None) -> None:
    """Write what is held back; drop it where nothing takes it, or Python would try again at exit."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
