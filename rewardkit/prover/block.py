"""A witness as a `test` block, which states the claim for the rows that break it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rewardkit.checker import builtins
from rewardkit.checker.claims import is_measure
from rewardkit.checker.draft import contains
from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.checker.wording import peeled, text_of
from rewardkit.language import tree as t
from rewardkit.prover.candidate import RowCandidate
from rewardkit.prover.functions import EXACT
from rewardkit.prover.queries import reward_terms, roots
from rewardkit.prover.reproduce import GroupReplayed, Replayed, any_value
from rewardkit.prover.verdict import Witness, WitnessRow
from rewardkit.prover.writing import literal, plain, shown
from rewardkit.types.interval import Interval
from rewardkit.types.types import INT, UNITS, Type


@dataclass
class _Sample:
    name: str
    fields: dict[str, str]
    mocks: dict[str, str]
    given: dict[str, Any]
    mocked: dict[str, Any]


def witness_of(spec: Spec, claim: ClaimSpec, rows: Sequence[RowCandidate], replayed: Replayed) -> Witness:
    """What is shown of rows that break a claim."""
    notes: list[str] = []
    samples = [_sample(spec, row, replayed.reached[i], notes) for i, row in enumerate(rows)]
    grouped = needs_group(spec, claim)
    expects = _expects(spec, claim, samples, rows, replayed, notes)
    complete = not any(note.startswith("the block") for note in notes)
    outside = _outside(spec, samples)
    text = (
        _block(claim.text, samples, outside, expects, grouped, claim.form == "direction") if complete else ""
    )
    shown = tuple(
        WitnessRow(s.name, s.given, s.mocked, _shown(spec, claim, replayed, i)) for i, s in enumerate(samples)
    )
    params = {name: value for row in rows[:1] for name, value in row.params.items()}
    return Witness(shown, params, rows[0].step, text, tuple(dict.fromkeys(notes)), grouped)


def group_witness(spec: Spec, claim: ClaimSpec, found: GroupReplayed) -> Witness:
    """What is shown of a group in which a worse row has the higher advantage."""
    notes: list[str] = []
    samples = [
        _sample(spec, row, reached, notes) for row, reached in zip(found.rows, found.reached, strict=True)
    ]
    order = [found.better, found.worse]
    order += [i for i in range(len(samples)) if i not in order]
    names = {found.better: "better", found.worse: "worse"}
    for i, sample in enumerate(samples):
        sample.name = names.get(i, sample.name)
    if found.better == found.worse:  # one row is both
        order = order[1:]
    expects = [f"{samples[found.better].name}.advantage > {samples[found.worse].name}.advantage"]
    complete = not any(note.startswith("the block") for note in notes)
    outside = _outside(spec, samples)
    text = _block(claim.text, [samples[i] for i in order], outside, expects, True) if complete else ""
    rows = tuple(
        WitnessRow(samples[i].name, samples[i].given, samples[i].mocked, found.values[i]) for i in order
    )
    params = dict(found.rows[0].params)
    return Witness(rows, params, found.rows[0].step, text, tuple(dict.fromkeys(notes)), True)


def needs_group(spec: Spec, claim: ClaimSpec) -> bool:
    """Whether the claim reads an aggregate, so that a test must say what the group is."""
    roots_ = [*roots(spec, claim), *reward_terms(spec, claim)]
    return any(contains(value, "aggregate") for value in roots_)


def _shown(spec: Spec, claim: ClaimSpec, replayed: Replayed, row: int) -> dict[str, Any]:
    """What the claim is about, first, and the terms and the reward where it is about that."""
    values = replayed.values[row]
    if claim.scope not in (None, "reward"):
        return {claim.scope or "": values[claim.scope or ""]}
    if claim.form == "condition" and row == 0 and replayed.parts:
        return dict(replayed.parts)
    about: dict[str, Any] = {}
    if claim.form in ("range", "direction") and row < len(replayed.subject):
        about = {peeled(claim.subject).path or text_of(claim.subject): replayed.subject[row]}
    if about and "reward" not in about:
        return about
    wanted = [*(name for name, _ in spec.weights), "reward"]
    return {**about, **{name: values[name] for name in wanted if name in values}} or dict(values)


# --- samples -----------------------------------------------------------------------------------


def _sample(spec: Spec, row: RowCandidate, reached: frozenset[int], notes: list[str]) -> _Sample:
    fields: dict[str, str] = {}
    given: dict[str, Any] = {}

    def put(path: str, value: Any, type_: Type) -> None:
        fields[path] = literal(value, type_)
        given[path] = plain(value)

    if row.step:
        put("step", row.step, INT)
    for name, value in row.params.items():
        put(name, value, spec.params[name].type)
    for name, value in row.columns.items():
        type_ = spec.inputs[name].type if name in spec.inputs else builtins.COLUMNS[name]
        if value is None or (name == "completion.finished" and value is True):
            continue
        if name.endswith(".messages") and name.replace("messages", "text") in row.columns:
            continue
        put(name, value, type_)
    mocks, mocked = _mocks(spec, row, reached, notes)
    return _Sample(row.name, fields, mocks, given, mocked)


def _mocks(
    spec: Spec, row: RowCandidate, reached: frozenset[int], notes: list[str]
) -> tuple[dict[str, str], dict[str, Any]]:
    """What the block must fix: lets that are a call, else the functions themselves."""
    lets = {id(inner): name for name, let in spec.lets.items() for inner in _names(let)}
    out: dict[str, str] = {}
    mocked: dict[str, Any] = {}
    for value, result in row.results:
        if id(value) not in reached or is_measure(value):
            continue
        path = lets.get(id(value))
        if path is None and value.op == "call":
            path = value.data.function.name
        if path is None:
            what = " ".join(value.span.text.split())
            notes.append(
                f"the block cannot fix `{what}`, which is {shown(result)} in `{row.name}`: name it with `let`"
            )
            continue
        if result is None and value.op == "call" and not value.data.function.result.optional:
            notes.append(
                f"the block cannot make `{value.data.function.name}` fail, as it does in `{row.name}`"
            )
            continue
        text = literal(result, value.type)
        if out.setdefault(path, text) != text:
            notes.append(
                f"the block cannot fix the calls of `{path}` in `{row.name}`, which return "
                f"{shown(mocked[path])} and {shown(result)}: name them with `let`"
            )
        mocked.setdefault(path, plain(result))
    return out, mocked


def _outside(spec: Spec, samples: Sequence[_Sample]) -> dict[str, str]:
    """Calls that the claim does not read and the terms make, and that no test may: each gets some result."""
    fixed = set.intersection(*(set(sample.mocks) for sample in samples))
    out: dict[str, str] = {}
    stack, seen = [*(term.value for term in spec.terms.values()), *spec.skips, *spec.masks], set[int]()
    while stack:
        value = stack.pop()
        if id(value) in seen or (value.op == "let" and value.data in fixed):
            continue
        seen.add(id(value))
        stack += value.args
        if value.op == "call" and value.data.function.purity != "pure":
            function = value.data.function
            if function.name not in fixed:
                out[function.name] = literal(any_value(function.result, function.range), function.result)
    return dict(sorted(out.items()))


def _names(let: Value) -> list[Value]:
    """The values that a let is by itself."""
    found, value = [], let
    while value.op in ("let", "alias", "bind"):
        value = value.args[0]
        found.append(value)
    return found


# --- expectations ------------------------------------------------------------------------------


def _expects(
    spec: Spec,
    claim: ClaimSpec,
    samples: Sequence[_Sample],
    rows: Sequence[RowCandidate],
    replayed: Replayed,
    notes: list[str],
) -> list[str]:
    first = samples[0].name
    if claim.form == "outranks":
        return [f"{first}.{claim.scope} > {samples[1].name}.{claim.scope}"]
    if claim.form == "direction":
        return _moved(claim, samples, rows, replayed)
    subject = _rewritten(spec, claim, samples[0], rows[0], notes)
    if claim.form == "condition":
        return [subject]
    assert claim.range is not None
    suffix = UNITS[claim.subject.type.unit] if claim.subject.type.unit else ""
    if claim.subject.op != "alias" or peeled(claim.subject).op not in ("let", "term"):
        subject = f"({subject})"
    return [_inside(subject, claim.range, suffix)]


def _inside(subject: str, interval: Interval, suffix: str) -> str:
    parts = []
    if interval.lo is not None:
        parts.append(f"{subject} {'>' if interval.lo_open else '>='} {_bound(interval.lo)}{suffix}")
    if interval.hi is not None:
        parts.append(f"{subject} {'<' if interval.hi_open else '<='} {_bound(interval.hi)}{suffix}")
    return " and ".join(parts)


def _bound(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else repr(float(value))


def _moved(
    claim: ClaimSpec, samples: Sequence[_Sample], rows: Sequence[RowCandidate], replayed: Replayed
) -> list[str]:
    name = peeled(claim.subject).path
    sign = {"increasing": "<=", "decreasing": ">=", "constant": "=="}[claim.direction or ""]
    low, high = f"{samples[0].name}.{name}", f"{samples[1].name}.{name}"
    if rows[0].step != rows[1].step:  # a test has one step: the other value is written out
        before = replayed.subject[0]
        low = literal(before, claim.subject.type)
    if claim.subject.type.kind == "bool" and sign != "==":
        low, high = (low, high) if sign == "<=" else (high, low)
        return [f"not {low} or {high}"]
    return [f"{low} {sign} {high}"]


def _rewritten(spec: Spec, claim: ClaimSpec, sample: _Sample, row: RowCandidate, notes: list[str]) -> str:
    """The claim's expression with the sample's name before each value, and inputs written out."""
    source, start = claim.span.source, claim.subject.span.start
    statement = next(
        s for s in spec.module.statements if isinstance(s, t.Prove) and s.span.start == claim.span.start
    )
    edits: list[tuple[int, int, str]] = []
    stack: list[t.Node] = [statement.subject]
    start, end = statement.subject.span.start, statement.subject.span.end
    while stack:
        node = stack.pop()
        path = t.dotted(node) if isinstance(node, t.Name | t.Field) else None
        root = path.partition(".")[0] if path else ""
        new: str | None = None
        if isinstance(node, t.RewardValue):
            new = f"{sample.name}.reward"
        elif isinstance(node, t.Call) and (node.over is not None or node.generator is not None):
            notes.append("the block cannot state a claim that aggregates: name that part with `let`")
            continue
        elif isinstance(node, t.Call) and node.function not in (*EXACT, "len", "failed"):
            notes.append(f"the block cannot state what `{node.function}` returns: name the call with `let`")
            continue
        elif path is not None and isinstance(node, t.Name) and (path in spec.lets or path in spec.terms):
            new = f"{sample.name}.{path}"
        elif path is not None and (path in spec.params or path == "step"):
            new = sample.fields.get(path) or ("0" if path == "step" else None)
            if new is None:
                new = literal(row.params.get(path, spec.params[path].default), spec.params[path].type)
        elif path is not None and isinstance(node, t.Field) and root in (*spec.lets, *spec.terms):
            notes.append(f"the block cannot name `{path}`: name it with `let`")
            continue
        elif path is not None and root in (*builtins.ROOTS, *spec.inputs):
            new = _written_out(spec, claim, path, row, notes)
        if new is None:
            stack.extend(t.children(node))
        else:
            edits.append((node.span.start, node.span.end, new))
    text = source.text
    out, here = "", start
    for left, right, new in sorted(edits):
        out += text[here:left] + new
        here = right
    return " ".join((out + text[here:end]).split())


def _written_out(spec: Spec, claim: ClaimSpec, path: str, row: RowCandidate, notes: list[str]) -> str | None:
    """The value of an input that the sample leaves to its default, or a measure of its text."""
    root, _, field = path.partition(".")
    if path in row.columns or path in spec.inputs or path in builtins.COLUMNS:
        value = row.columns.get(path, True if path == "completion.finished" else None)
        type_ = spec.inputs[path].type if path in spec.inputs else builtins.COLUMNS[path]
        if type_.kind == "list" and type_.item is not None and type_.item.kind in ("text", "int", "bool"):
            item = type_.item
            return "[" + ", ".join(literal(x, item) for x in value or ()) + "]"
        if type_.kind not in ("bool", "int", "real", "text"):
            notes.append(f"the block cannot name `{path}`: name what is made of it with `let`")
        return literal(value, type_)
    text = row.columns.get(f"{root}.text")
    if field in builtins.MEASURES and isinstance(text, str):
        counted = {"chars": len(text), "words": len(text.split()), "lines": len(text.splitlines())}[field]
        return literal(counted, builtins.MEASURES[field][0])
    notes.append(f"the block cannot name `{path}`: name it with `let`")
    return "null"


def _block(
    name: str,
    samples: Sequence[_Sample],
    outside: Mapping[str, str],
    expects: Sequence[str],
    grouped: bool,
    apart: bool = False,
) -> str:
    """The test; `grouped` samples stand in one group, or where they are the same row moved `apart`."""
    title = "counterexample: " + name.replace("\\", "").replace('"', "'")
    lines = [f'test "{title}" {{']
    steps = {sample.fields.get("step") for sample in samples}
    declared = []
    for sample in samples if len(steps) == 1 else samples[1:2]:
        fields = "  ".join(f"{path} = {value}" for path, value in sample.fields.items())
        declared.append(f"sample {sample.name} {{ {fields} }}" if fields else f"sample {sample.name} {{}}")
    if grouped and apart:
        lines += [f"  group {{ {sample} }}" for sample in declared]
    elif grouped:
        lines += ["  group {", *(f"    {sample}" for sample in declared), "  }"]
    else:
        lines += [f"  {sample}" for sample in declared]
    lines += [f"  mock {name} = {value}" for name, value in outside.items()]
    for sample in samples if len(steps) == 1 else samples[1:2]:
        lines += [f"  mock {sample.name}.{path} = {value}" for path, value in sample.mocks.items()]
    lines += [f"  expect {expect}" for expect in expects]
    return "\n".join([*lines, "}"])
