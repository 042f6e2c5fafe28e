"""`rewardkit fmt`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rewardkit.checker import read_source
from rewardkit.cli import codes
from rewardkit.cli.files import difference, replace_file
from rewardkit.cli.options import specs_in
from rewardkit.cli.show import Format, ok, print_diagnostics, print_json
from rewardkit.diagnostics import Diagnostic, RewardError, Source, SpecError, to_json
from rewardkit.language.formatter import formatted
from rewardkit.language.parser import MAX_CHARACTERS

_STDIN = "-"


@dataclass(frozen=True)
class _Result:
    source: Source
    text: str | None  # the canonical form, `None` where the file does not parse
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def changed(self) -> bool:
        return self.text is not None and self.text != self.source.text


def run(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="SPEC…", help="`.rwd` files, folders of them, or - for standard input"),
    ],
    check: Annotated[
        bool,
        typer.Option("--check", help="write nothing; exit 1, as for a wrong spec, where a file would change"),
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="write nothing; print what would change")] = False,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Write specs in their one canonical form.

    Only white space changes. A file that does not parse is left as it is and reported; the others are
    formatted. With -, the spec is read from standard input and its canonical form is printed.
    """
    if _STDIN in paths and len(paths) > 1:
        raise RewardError("- is standard input, and stands alone: name files in another run")
    results = []
    for source in [_standard_input()] if paths == [_STDIN] else map(read_source, _files(paths)):
        result = _formatted(source)
        results.append(result)
        if result.changed and source.path is not None and not check and not diff:
            replace_file(source.path, result.text or "")
        if form is Format.full:
            _print(result, check, diff)
    if form is Format.json:
        print_json([_report(result, diff) for result in results])
    elif not (diff or paths == [_STDIN]):
        _print_summary(results, check)
    wrong = any(result.text is None or (check and result.changed) for result in results)
    return codes.WRONG_SPEC if wrong else codes.OK


def _files(paths: list[str]) -> list[Path]:
    """The files named, and those below the folders named; links below a folder are passed over."""
    return [f for path in paths for f in specs_in([path]) if not (os.path.isdir(path) and f.is_symlink())]


def _standard_input() -> Source:
    if sys.stdin is None:
        raise RewardError("standard input is closed")
    data = sys.stdin.buffer.read(4 * MAX_CHARACTERS + 1)
    if len(data) > 4 * MAX_CHARACTERS:
        raise RewardError(
            f"standard input is too large for a spec: at most {MAX_CHARACTERS:,} characters are read"
        )
    try:
        return Source("<stdin>", data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RewardError(f"standard input is not UTF-8: byte {error.start}") from None


def _formatted(source: Source) -> _Result:
    try:
        return _Result(source, formatted(source))
    except SpecError as error:
        return _Result(source, None, error.diagnostics)


def _print(result: _Result, check: bool, diff: bool) -> None:
    name = result.source.name
    if result.text is None:
        print_diagnostics(result.diagnostics, "full")
    elif diff:
        print(_diff(result), end="")
    elif result.source.path is None:
        if not check:
            sys.stdout.flush()
            sys.stdout.buffer.write(result.text.encode("utf-8"))
        elif result.changed:
            print(f"would change {name}")
    elif result.changed:
        print(f"would change {name}" if check else f"formatted {name}")


def _print_summary(results: list[_Result], check: bool) -> None:
    changed, broken = sum(r.changed for r in results), sum(r.text is None for r in results)
    same = len(results) - changed - broken
    parts = []
    if changed:
        parts.append(f"{_files_of(changed)} {'would change' if check else 'formatted'}")
    if same:
        parts.append(f"{_files_of(same)} {'is' if same == 1 else 'are'} in form")
    if broken:
        parts.append(f"{_files_of(broken)} with errors left as {'it is' if broken == 1 else 'they are'}")
    print(ok(", ".join(parts)) if not broken and not (check and changed) else ", ".join(parts))


def _files_of(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _diff(result: _Result) -> str:
    return difference(result.source.name, result.source.text, result.text or "", "formatted")


def _report(result: _Result, diff: bool) -> dict[str, Any]:
    report: dict[str, Any] = {
        "file": result.source.name,
        "ok": result.text is not None,
        "changed": result.changed,
        "diagnostics": [to_json(d) for d in result.diagnostics],
    }
    if diff:
        report["diff"] = _diff(result)
    if result.source.path is None:
        report["text"] = result.text
    return report
