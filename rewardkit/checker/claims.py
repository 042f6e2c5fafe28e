"""Checking of `prove`: what each claim compares, moves or holds, with its types and levels."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from rewardkit.checker.constants import range_of
from rewardkit.checker.draft import Draft
from rewardkit.checker.expressions import Expressions
from rewardkit.checker.spec import ClaimSpec, Value
from rewardkit.checker.wording import listed, peeled, suggest, text_of
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import point
from rewardkit.types.levels import Level
from rewardkit.types.normalizer import NORMALIZERS
from rewardkit.types.types import BOOL, INT, REAL, UNKNOWN

#: the largest group that a claim may speak of
LARGEST_GROUP = 1024


def claims(draft: Draft) -> None:
    reward = reward_value(draft)
    for node in draft.statements(t.Prove):
        check = draft.expressions()
        check.reward = reward
        claim = _FORMS[node.form](draft, check, node)
        if claim is not None:
            draft.claims.append(claim)


def reward_value(draft: Draft) -> Value | None:
    """`reward` as a value: the weighted terms added up, one without a value left out."""
    statements = draft.statements(t.Reward)
    if not statements or not draft.weights:
        return None
    span = statements[0].span
    total: Value | None = None
    for name, weight in draft.weights:
        term = draft.terms[name].value
        level = max(term.level, weight.level)
        if term.type.optional:
            zero = Value("constant", (), INT, span, point(0), data=Fraction(0))
            term = Value("coalesce", (term, zero), term.type.required, span, level=level)
        share = Value("mul", (weight, term), REAL, span, level=level, faults=term.faults)
        if total is None:
            total = share
        else:
            faults = total.faults or share.faults
            total = Value("add", (total, share), REAL, span, level=max(total.level, level), faults=faults)
    assert total is not None
    return Value(
        "let", (total,), REAL, span, draft.reward_interval, total.level, total.faults, "reward", "reward"
    )


# --- the forms -----------------------------------------------------------------------------------


def _condition(draft: Draft, check: Expressions, node: t.Prove) -> ClaimSpec | None:
    subject = check.condition(node.subject, "`prove`")
    if subject.type != BOOL:
        return None
    return ClaimSpec("condition", subject, node.span)


def _range(draft: Draft, check: Expressions, node: t.Prove) -> ClaimSpec | None:
    subject = check.check(node.subject)
    if subject.type == UNKNOWN:
        range_of(node.range, UNKNOWN, draft.found)
        return None
    if not subject.type.is_number:
        draft.found.error(
            "RK0401",
            f"only a number lies in a range, and this is `{subject.type}`",
            subject.span,
            labels=check.declared(subject),
            help=f"claim it by itself, `prove {text_of(subject)}`"
            if subject.type == BOOL
            else f"measure it: `len({text_of(subject)})`"
            if subject.type.kind in ("text", "list")
            else "claim something of a number",
        )
        return None
    interval = range_of(node.range, subject.type, draft.found)
    return None if interval is None else ClaimSpec("range", subject, node.span, range=interval)


def _outranks(draft: Draft, check: Expressions, node: t.Prove) -> ClaimSpec | None:
    assert node.other is not None
    better = check.condition(node.subject, "`outranks`")
    worse = check.condition(node.other, "`outranks`")
    size = _group_size(draft, node)
    score = _score(draft, check, node)
    if better.type != BOOL or worse.type != BOOL or score is None or size is None:
        return None
    if _shared(draft, check, better, worse):
        return None
    if node.scope == "advantage":
        return ClaimSpec("advantage", better, node.span, worse, score=score, group_size=size)
    name = node.term if node.scope == "term" else "reward"
    return ClaimSpec("outranks", better, node.span, worse, score=score, scope=name)


def _direction(draft: Draft, check: Expressions, node: t.Prove) -> ClaimSpec | None:
    assert node.other is not None
    subject = check.check(node.subject)
    moved = check.check(node.other)
    if UNKNOWN in (subject.type, moved.type):
        return None
    subject_ok = _is_subject(draft, check, subject, node)
    if not subject_ok or not _can_move(draft, check, moved, node.direction or ""):
        return None
    claim = ClaimSpec("direction", subject, node.span, moved, direction=node.direction)
    if not reads(subject, moved):
        draft.found.warning(
            "RK0308",
            f"`{text_of(subject)}` does not read `{text_of(moved)}`",
            moved.span,
            labels=_declared_at(draft, subject, "declared here"),
            help="name what it reads, or leave the claim out: it always holds",
        )
    return claim


# --- what a claim is about -----------------------------------------------------------------------


def _score(draft: Draft, check: Expressions, node: t.Prove) -> Value | None:
    """What an `outranks` compares; `None` where there is none (reported)."""
    if node.scope == "term":
        assert node.term is not None
        if node.term in draft.terms:
            return draft.terms[node.term].value
        declared = draft.nodes.get(node.term)
        if not isinstance(declared, t.Term | t.Broken):
            help_ = suggest(node.term, draft.terms) or f"the terms are {listed(draft.terms)}"
            if not draft.terms:
                help_ = f"declare it: `term {node.term} = …`"
            at = node.span.inside(node.span.text.rfind(node.term))
            span = Span(at.source, at.start, at.start + len(node.term))
            labels = (
                (Label(draft.declarations[node.term], f"this is a `{type(declared).__name__.lower()}`"),)
                if declared is not None
                else ()
            )
            draft.found.error(
                "RK0306", f"there is no term `{node.term}` to compare", span, labels=labels, help=help_
            )
        return None
    if check.reward is None and not draft.found.has_errors:
        draft.found.error(
            "RK0306",
            "there is no `reward` to compare",
            node.span,
            help="add a `reward` statement, or compare a term: `prove … outranks … in TERM`",
        )
    return check.reward


def _group_size(draft: Draft, node: t.Prove) -> int | None:
    """The rows of a group that an advantage claim speaks of, 0 for other claims; `None` where wrong."""
    if node.scope != "advantage":
        return 0
    assert node.group_size is not None
    number, ok = node.group_size, True
    if not number.whole or number.unit or not 2 <= number.value <= LARGEST_GROUP:
        draft.found.error(
            "RK0310",
            f"a group of {text_of(number.span)} cannot be compared",
            number.span,
            help=f"name a whole number of rows from 2 to {LARGEST_GROUP}",
        )
        ok = False
    broken = any(isinstance(s, t.Broken) and s.keyword == "advantage" for s in draft.module.statements)
    if draft.advantage is None:
        if not broken:
            draft.found.error(
                "RK0309",
                "there is no `advantage` statement",
                node.span,
                help="add one: `advantage gdpo`",
            )
        ok = False
    elif draft.advantage.name not in NORMALIZERS:
        ok = False  # reported there
    return int(number.value) if ok else None


def _shared(draft: Draft, check: Expressions, better: Value, worse: Value) -> bool:
    """Whether no two rows of a group can differ in either condition (reported)."""
    if max(better.level, worse.level) > Level.GROUP:
        return False
    draft.found.error(
        "RK0311",
        "the two rows of a claim agree on these conditions",
        better.span,
        "the same for the whole group",
        labels=(Label(worse.span, "and so is this"), *check.declared(better)),
        help="compare rows by what differs between the completions of a prompt",
    )
    return True


def _is_subject(draft: Draft, check: Expressions, subject: Value, node: t.Prove) -> bool:
    named = peeled(subject)
    if named.op in ("term", "let") and (subject.type.is_number or subject.type.kind == "bool"):
        return True
    if named.op == "let":
        draft.found.error(
            "RK0306",
            f"only a number moves, and this is `{subject.type}`",
            subject.span,
            labels=check.declared(subject),
            help="claim something of a term, of a number or of `reward`",
        )
        return False
    help_ = f"name it: `let x = {text_of(subject)}`, then `prove x {node.direction} in …`"
    if named.op in ("column", "param", "step"):
        help_ = "name a term, a `let` or `reward`"
    draft.found.error("RK0306", "this is no term, no `let` and not `reward`", subject.span, help=help_)
    return False


def _can_move(draft: Draft, check: Expressions, moved: Value, direction: str) -> bool:
    source = peeled(moved)
    if not is_source(source):
        draft.found.error(
            "RK0307",
            f"`{text_of(moved)}` cannot be moved by itself",
            moved.span,
            labels=check.declared(moved),
            help="name an input, a param, `step`, or a field such as `completion.tokens`",
        )
        return False
    kind = source.type.required
    if direction != "constant" and not kind.is_number and kind.kind != "bool":
        draft.found.error(
            "RK0307",
            f"a `{kind}` has no order to move along",
            moved.span,
            labels=check.declared(moved),
            help=f"name a number, or claim `constant in {text_of(moved)}`",
        )
        return False
    return True


def is_source(value: Value) -> bool:
    """Whether a value comes with the row, or is a measure of what comes with it."""
    if value.op == "call":
        return is_measure(value)
    return value.op in ("column", "param", "step")


def is_measure(value: Value) -> bool:
    """`completion.words` and the like."""
    return value.op == "call" and value.path is not None and "." in value.path and bool(value.args)


def same_source(a: Value, b: Value) -> bool:
    """Whether two values are the same input, param, `step` or measure."""
    a, b = peeled(a), peeled(b)
    if a.op != b.op or a.op not in ("column", "param", "step", "call"):
        return False
    if a.op == "call":
        return is_measure(a) and is_measure(b) and a.path == b.path
    return bool(a.data == b.data)


def reads(value: Value, source: Value) -> bool:
    """Whether a value reads a source."""
    return id(value) in readers([value], source)


def readers(roots: Iterable[Value], source: Value) -> set[int]:
    """The `id` of every part that reads a source; what an aggregate reads does not count, as it is held."""
    found: set[int] = set()
    stack, seen = [(root, False) for root in roots], set[int]()
    while stack:
        part, ready = stack.pop()
        if ready:
            if part.op != "aggregate" and any(id(arg) in found for arg in part.args):
                found.add(id(part))
        elif id(part) not in seen:
            seen.add(id(part))
            if same_source(part, source):
                found.add(id(part))
            stack.append((part, True))
            stack.extend((arg, False) for arg in part.args)
    return found


def _declared_at(draft: Draft, value: Value, text: str) -> tuple[Label, ...]:
    span = draft.declarations.get(peeled(value).path or "")
    return (Label(span, text),) if span is not None else ()


_FORMS = {"condition": _condition, "range": _range, "outranks": _outranks, "direction": _direction}
