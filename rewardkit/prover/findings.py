"""Verdicts as diagnostics: what a spec's author sees of a claim that fails, or that is not decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.checker.wording import listed, peeled, text_of
from rewardkit.diagnostics import Diagnostic, Label
from rewardkit.language import tree as t
from rewardkit.prover.verdict import Verdict, Witness, WitnessRow
from rewardkit.prover.writing import number

_CODES = {
    "outranks": "RK0301",
    "condition": "RK0302",
    "range": "RK0302",
    "direction": "RK0303",
    "advantage": "RK0304",
}


def findings(spec: Spec, verdicts: Iterable[Verdict], *, tests: bool = True) -> tuple[Diagnostic, ...]:
    """An error for each refuted claim, a warning for each that is not decided or says nothing.

    `tests` shows the witness as a test block too.
    """
    out = []
    for verdict in verdicts:
        if verdict.answer == "refuted":
            out.append(_refuted(spec, verdict, tests))
        elif verdict.answer == "undecided":
            out.append(_undecided(spec, verdict))
        elif verdict.vacuous:
            out.append(_vacuous(verdict))
    return tuple(out)


def _undecided(spec: Spec, verdict: Verdict) -> Diagnostic:
    return Diagnostic(
        "RK0305",
        "warning",
        "this claim is not decided",
        Label(verdict.claim.span),
        help=_narrower(spec, verdict.claim),
        notes=(verdict.reason,) if verdict.reason else (),
    )


def _narrower(spec: Spec, claim: ClaimSpec) -> str:
    """What would make a claim easier: a range for what has none."""
    declared, held = dict[str, None](), dict[str, None]()
    stack, seen = (
        [value for value in (claim.subject, claim.other, claim.score) if value is not None],
        set[int](),
    )
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        stack.extend(part.args)
        if part.op not in ("column", "param") or not part.type.is_number:
            continue
        name = str(part.data)
        given = spec.params.get(name) or spec.inputs.get(name)
        if given is None:
            held[name] = None
        elif given.range is None or given.range.lo is None or given.range.hi is None:
            declared[name] = None
    if declared:
        return f"give {listed(declared)} a range, claim less, or test it with samples"
    if held:
        return f"hold {listed(held)} with `clamp` or a gate, claim less, or test it with samples"
    return "claim less, or test it with samples"


def _vacuous(verdict: Verdict) -> Diagnostic:
    claim = verdict.claim
    what = {"outranks": "one condition or the other", "advantage": "one condition or the other"}
    return Diagnostic(
        "RK0312",
        "warning",
        "this claim holds of no row",
        Label(claim.span, f"{what.get(claim.form, 'what it speaks of')} never happens"),
        help="look at the conditions: what the claim speaks of cannot be, so it says nothing",
    )


def _refuted(spec: Spec, verdict: Verdict, tests: bool) -> Diagnostic:
    claim, witness = verdict.claim, verdict.witness
    notes = []
    if witness is not None:
        shared = ", ".join(f"{name} {_shown(value)}" for name, value in witness.params.items())
        parts = ([f"with {shared}"] if shared else []) + [
            _described(claim, witness, row) for row in witness.rows[:2]
        ]
        notes.append("witness: " + "; ".join(parts))
        notes += witness.notes
        if tests and witness.test:
            notes.append("as a test, which fails until this is mended:\n" + witness.test)
    message, label, labels, help_ = _FORMS[claim.form](spec, claim, witness)
    return Diagnostic(
        _CODES[claim.form], "error", message, Label(claim.span, label), labels, help_, tuple(notes)
    )


Parts = tuple[str, str, tuple[Label, ...], str]


def _outranks(spec: Spec, claim: ClaimSpec, witness: Witness | None) -> Parts:
    assert claim.other is not None and claim.score is not None
    better, worse = text_of(claim.subject), text_of(claim.other)
    label = ""
    tie = False
    if witness is not None and claim.scope is not None:
        a, b = (row.values.get(claim.scope) for row in witness.rows[:2])
        label = f"`{better}` can score {_number(a)}, `{worse}` {_number(b)}"
        tie = a == b
    verb = "tie with" if tie else "outscore"
    message = f"a row with `{worse}` can {verb} one with `{better}`"
    if len(message) > 100:
        message = f"the worse row can {verb} the better one"
    labels: list[Label] = []
    help_ = "let the weights or the terms tell the two apart"
    if claim.scope == "reward" and witness is not None:
        labels, help_ = _culprits(spec, claim, witness)
    return message, label, tuple(labels), help_


def _culprits(spec: Spec, claim: ClaimSpec, witness: Witness) -> tuple[list[Label], str]:
    """The terms that pay the worse row more than the better, and what each is worth."""
    better, worse = (row.values for row in witness.rows[:2])
    labels, culprits, tells = [], [], False
    statements = {s.name: s for s in spec.module.statements if isinstance(s, t.Term)}
    entries = {e.name: e for s in spec.module.statements if isinstance(s, t.Reward) for e in s.weights}
    condition = text_of(claim.subject)
    for name, _ in spec.weights:
        high, low = worse.get(name), better.get(name)
        if not isinstance(high, int | float) or not isinstance(low, int | float) or high == low:
            continue
        node = statements.get(name)
        pays = high > low if _weight_sign(spec, name) > 0 else high < low
        tells = tells or not pays
        if node is None or not pays:
            continue
        culprits.append((_worth(spec, name) * abs(high - low), name))
        if node.gate is None:
            gain = f"not gated, so it also pays where `{condition}` is false"
            labels.append(Label(node.name_span, gain))
        if name in entries:
            labels.append(Label(entries[name].value.span, f"pays {_number(high)} against {_number(low)}"))
    return labels, _mend(spec, claim, max(culprits)[1] if culprits else None, tells)


def _mend(spec: Spec, claim: ClaimSpec, worst: str | None, tells: bool) -> str:
    """What to do about the term that pays the worse row most."""
    condition = text_of(claim.subject)
    if worst is None:
        more = "give the term that tells them apart more weight"
        return more if tells else f"no term tells the two apart: add one that pays where `{condition}`"
    gated = any(
        isinstance(s, t.Term) and s.name == worst and s.gate is not None for s in spec.module.statements
    )
    if not gated and not _names(claim.subject, worst):
        return f"gate the term: `term {worst} … when {condition} = …`"
    if tells:
        return f"give `{worst}` less weight than the terms that tell the two apart"
    return f"`{worst}` pays what is worse more: change what it pays, or claim less"


def _names(value: Value, term: str) -> bool:
    """Whether a condition reads a term."""
    stack, seen = [value], set[int]()
    while stack:
        part = stack.pop()
        if part.op == "term" and part.data.name == term:
            return True
        if id(part) not in seen:
            seen.add(id(part))
            stack.extend(part.args)
    return False


def _worth(spec: Spec, name: str) -> float:
    constant = dict(spec.weights)[name].interval.constant
    return abs(float(constant)) if constant is not None else 1.0


def _weight_sign(spec: Spec, name: str) -> int:
    weight = dict(spec.weights)[name]
    hi = weight.interval.hi
    return -1 if hi is not None and hi <= 0 else 1


def _range(spec: Spec, claim: ClaimSpec, witness: Witness | None) -> Parts:
    shown = text_of(claim.subject)
    value = _value(claim, witness)
    label = f"it can be {_number(value)}" if value is not None else ""
    declared = _declaration(spec, claim.subject)
    return f"`{shown}` can leave {claim.range}", label, declared, "widen the range, or hold the value in it"


def _condition(spec: Spec, claim: ClaimSpec, witness: Witness | None) -> Parts:
    return "this does not hold of every row", "", (), "claim less, or mend what it speaks of"


def _direction(spec: Spec, claim: ClaimSpec, witness: Witness | None) -> Parts:
    assert claim.other is not None
    subject, moved = text_of(claim.subject), text_of(claim.other)
    move = {"increasing": "fall", "decreasing": "rise", "constant": "change"}[claim.direction or ""]
    label = ""
    name = peeled(claim.subject).path
    if witness is not None and name is not None:
        a, b = (row.values.get(name) for row in witness.rows[:2])
        if a is not None or b is not None:
            label = f"from {_number(a)} to {_number(b)}"
    declared = _declaration(spec, claim.subject)
    rises = "as" if claim.direction == "constant" else "while"
    change = "changes" if claim.direction == "constant" else "rises"
    help_ = f"mend it, or claim what it does in `{moved}`"
    return f"`{subject}` can {move} {rises} `{moved}` {change}", label, declared, help_


def _advantage(spec: Spec, claim: ClaimSpec, witness: Witness | None) -> Parts:
    assert claim.other is not None and spec.advantage is not None
    better, worse = text_of(claim.subject), text_of(claim.other)
    label = ""
    if witness is not None:
        a, b = (row.values.get("advantage") for row in witness.rows[:2])
        label = f"`{better}` can get {_number(a)}, `{worse}` {_number(b)}"
    message = f"in a group of {claim.group_size}, `{worse}` can have the higher advantage"
    labels = (Label(spec.advantage.span, "normalized here"),)
    help_ = "prove it in the reward first: `prove " + claim.text.partition(" in advantage")[0] + "`"
    return (
        message if len(message) <= 100 else "the worse row can have the higher advantage",
        label,
        labels,
        help_,
    )


_FORMS = {
    "outranks": _outranks,
    "range": _range,
    "condition": _condition,
    "direction": _direction,
    "advantage": _advantage,
}


def _declaration(spec: Spec, value: Value) -> tuple[Label, ...]:
    name = peeled(value).path
    for statement in spec.module.statements:
        if isinstance(statement, t.Term | t.Let) and statement.name == name:
            return (Label(statement.name_span, "declared here"),)
    return ()


def _value(claim: ClaimSpec, witness: Witness | None) -> Any:
    name = peeled(claim.subject).path
    return witness.rows[0].values.get(name) if witness is not None and name is not None else None


def _described(claim: ClaimSpec, witness: Witness, row: WitnessRow) -> str:
    """A row in one clause: what makes it so, and what it scores."""
    given = {path: value for path, value in row.given.items() if path not in witness.params}
    facts = [f"{path} {_shown(value)}" for path, value in list(given.items())[:6]]
    facts += [f"{path} gives {_shown(value)}" for path, value in list(row.mocks.items())[:6]]
    wanted = "advantage" if claim.form == "advantage" else claim.scope
    keys = [wanted] if wanted is not None and wanted in row.values else []
    if claim.form == "condition":
        keys = list(row.values)
    about = ", ".join(f"{key} {_number(row.values[key])}" for key in keys or list(row.values)[:1])
    scored = f" has {about}" if about else ""
    return f"{row.name} ({', '.join(facts)}){scored}" if facts else f"{row.name}{scored}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        text = value if len(value) <= 24 else value[:23] + "…"
        return '"' + text.replace("\n", " ") + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict) and {"passed", "total"} <= value.keys():
        words = {"crashed": "crashed", "timed_out": "timed out", "memory": "out of memory"}
        flags = [word for name, word in words.items() if value.get(name)]
        if "first_failing" in value:
            flags.append(f"case {value['first_failing']} fails first")
        return ", ".join([f"{value['passed']} of {value['total']} passed", *flags])
    return _number(value) if isinstance(value, int | float) else str(value)[:40]


def _number(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        rounded = float(f"{value:.6g}")
        return number(rounded)
    return str(value)
