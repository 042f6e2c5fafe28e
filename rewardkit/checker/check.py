"""Checking a file: a table of named stages, in an order that the remarks explain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rewardkit.checker import claims, functions, reward, stages, tests
from rewardkit.checker.draft import Draft
from rewardkit.checker.libraries import Libraries, Read
from rewardkit.checker.spec import Spec, Value
from rewardkit.diagnostics import Collector, Diagnostic, RewardError, Source, Span, TooMany, visible
from rewardkit.language import parse
from rewardkit.language import tree as t

STAGES: tuple[tuple[str, Callable[[Draft], None]], ...] = (
    ("structure", stages.structure),
    ("names", stages.names),
    ("inputs and params", stages.inputs_and_params),  # constants only, so before any expression
    ("functions", functions.functions),  # every later expression may call them
    ("order", stages.order),  # which lets the skip conditions read is known before they are checked
    ("skips", stages.skips),  # what they settle holds for every later stage
    ("lets and terms", stages.lets_and_terms),
    ("masks", stages.masks),
    ("reward", reward.reward),  # the terms' intervals are known
    ("advantage", reward.advantage),
    ("claims", claims.claims),  # the reward is known
    ("tests", tests.tests),  # what the spec reads is known
)


@dataclass(frozen=True, eq=False)
class Examination:
    """What is known of a file, right or wrong. `values` holds every expression that could be typed."""

    draft: Draft
    spec: Spec | None
    diagnostics: tuple[Diagnostic, ...]
    values: tuple[tuple[t.Expr, Value], ...]


def check(source: Source, read: Read | None = None) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """The checked spec, or `None` where there are errors, and every finding in file order.

    `read` reads the files that the spec uses (`read_source` by default); what is found in them is told too.
    """
    found = Collector()
    draft = _draft(source, found, read)
    with suppress(TooMany):
        if draft is not None and any(_misleads(s) for s in draft.module.statements):
            functions.files(draft)  # what else is found now may be wrong
        elif draft is not None:
            for _, stage in STAGES:
                stage(draft)
    diagnostics = found.sorted(source)
    return None if draft is None or found.has_errors else _spec(draft, diagnostics), diagnostics


def examine(source: Source, read: Read | None = None) -> Examination:
    """As `check`, for an editor: what can be known of a file stays known where other parts are wrong."""
    found = Collector()
    draft = _draft(source, found, read) or Draft(source, t.Module(Span(source, 0, 0), ()), found)
    values: list[tuple[t.Expr, Value]] = []
    draft.seen = values
    if any(_misleads(s) for s in draft.module.statements):
        with suppress(TooMany):
            functions.files(draft)
        draft.found = Collector()  # what is found now may be wrong, and is not shown
    with suppress(TooMany):
        for _, stage in STAGES:
            stage(draft)
    diagnostics = found.sorted(source)
    spec = None if found.has_errors else _spec(draft, diagnostics)
    return Examination(draft, spec, diagnostics, tuple(values))


def _draft(source: Source, found: Collector, read: Read | None) -> Draft | None:
    own = [] if source.path is None else [source.path.resolve()]
    try:
        return Draft(
            source, parse(source, found), found, libraries=Libraries(read or read_source, reading=own)
        )
    except TooMany:
        return None


def _spec(draft: Draft, diagnostics: tuple[Diagnostic, ...]) -> Spec:
    return Spec(
        source=draft.source,
        module=draft.module,
        inputs=draft.inputs,
        params=draft.params,
        # in file order, not in the order they were checked in
        lets={name: draft.lets[name] for name in draft.nodes if name in draft.lets},
        terms={name: draft.terms[name] for name in draft.nodes if name in draft.terms},
        weights=tuple(draft.weights),
        reward_range=draft.reward_range,
        reward_interval=draft.reward_interval,
        skips=tuple(draft.skips),
        masks=tuple(draft.masks),
        advantage=draft.advantage,
        tests=tuple(draft.tests),
        claims=tuple(draft.claims),
        diagnostics=diagnostics,
        columns=frozenset(tests.used_columns(draft)),
        functions={name: callee for name, callee in draft.functions.items() if callee is not None},
        libraries=tuple(draft.libraries.modules.values()),
    )


def _misleads(statement: t.Statement) -> bool:
    """Whether a statement that could not be read would make errors of sound ones: by what it may declare,
    or by the nulls that it may settle."""
    return isinstance(statement, t.Broken) and (
        statement.keyword == "skip" or (statement.name is None and statement.keyword not in _HARMLESS)
    )


#: statements that nothing else depends on
_HARMLESS = ("language", "reward", "advantage", "mask", "prove", "test")


def read_source(path: str | Path) -> Source:
    """A file's text.

    Raises:
        RewardError: the file is missing, is not a file, is too large or is not UTF-8.
    """
    from rewardkit.language.parser import MAX_CHARACTERS

    if path == "":
        raise RewardError("an empty path names no spec")
    path = Path(path)
    try:
        if path.is_dir():
            specs = [p for p in path.glob("*.rwd") if p.is_file()]
            advice = f"; did you mean `{specs[0]}`?" if len(specs) == 1 else ""
            raise RewardError(f"cannot read `{path}`: it is a folder, and a spec is a `.rwd` file{advice}")
        if path.exists() and not path.is_file():
            raise RewardError(f"cannot read `{path}`: a spec is a regular file, not a pipe or a device")
        with path.open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except OSError as error:
        shown = str(path) if len(str(path)) <= 200 else str(path)[:199] + "…"
        raise RewardError(f"cannot read `{shown}`: {error.strerror or error}") from None
    if len(data) > 4 * MAX_CHARACTERS:
        raise RewardError(f"`{path}` is too large for a spec: at most {MAX_CHARACTERS:,} characters are read")
    try:
        return Source(visible(str(path)), data.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise RewardError(
            f"`{path}` is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}; save it as UTF-8"
        ) from None
