"""`expect`: what a test says of its samples."""

from __future__ import annotations

from rewardkit.checker import builtins
from rewardkit.checker.constants import constant_number
from rewardkit.checker.draft import Draft, contains
from rewardkit.checker.facts import NOTHING
from rewardkit.checker.spec import ExpectSpec, SampleSpec, Value
from rewardkit.checker.wording import listed, suggest
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, REAL, UNKNOWN, Type

#: whether the row of a sample is skipped, and whether it is masked
STATES = ("skipped", "masked")


def expect(draft: Draft, node: t.Expect, samples: dict[str, SampleSpec]) -> ExpectSpec | None:
    reads: dict[tuple[str, str], None] = {}

    def path(dotted: str, span: Span) -> Value | None:
        sample, _, field = dotted.partition(".")
        if sample not in samples:
            return None
        type_ = _field_type(draft, field)
        if type_ is None:
            _no_value(draft, sample, field, span)
            return Value("constant", (), UNKNOWN, span)
        if field == "advantage" and draft.advantage is None:
            broken = any(
                isinstance(s, t.Broken) and s.keyword == "advantage" for s in draft.module.statements
            )
            if not broken and not draft.lacks_advantage:
                draft.lacks_advantage = True
                draft.found.error(
                    "RK0805", "there is no `advantage` statement", span, help="add one: `advantage gdpo`"
                )
            return Value("constant", (), UNKNOWN, span)
        reads[(sample, field)] = None
        type_ = type_ if _is_state(draft, field) else type_.nullable
        return Value("column", (), type_, span, level=Level.ROW, path=dotted, data=dotted)

    def name(word: str, span: Span) -> Value | None:
        if word in samples:
            message = f"the sample `{word}` is no value by itself"
            draft.found.error("RK0803", message, span, help=f"name a value of it: `{word}.reward`")
            return None
        values = word in draft.lets or word in draft.terms or word in (*builtins.ROOTS, *draft.inputs)
        help_ = suggest(word, samples)
        if values and samples:
            help_ = f"name its sample first: `{next(iter(samples))}.{word}`"
        elif samples:
            help_ = help_ or f"the samples are {listed(samples)}"
        else:
            help_ = f'declare one: `sample {word} {{ completion.text = "…" }}`'
        draft.found.error("RK0803", f"there is no sample `{word}`", span, help=help_)
        return None

    check = draft.expressions(NOTHING, resolve=name, declarations={}, paths=path, lenient=True)
    condition = check.check(node.condition)
    if not check.wants_bool(condition, "`expect`"):
        return None
    tolerance = tolerance_of(draft, node)
    return ExpectSpec(condition, tolerance, node.span, tuple(reads))


def _no_value(draft: Draft, sample: str, field: str, span: Span) -> None:
    known = [*draft.terms, *draft.lets, "reward", "advantage", *STATES]
    help_ = suggest(field, known) or f"it has {listed(known)}"
    if field in draft.inputs or field.partition(".")[0] in builtins.ROOTS:
        help_ = f"name it in the spec first: `let x = {field}`, then `{sample}.x`"
    draft.found.error("RK0803", f"the sample `{sample}` has no value `{field}`", span, help=help_)


def _field_type(draft: Draft, field: str) -> Type | None:
    if field in ("reward", "advantage"):
        return REAL
    if field in draft.terms:
        return draft.terms[field].value.type
    if field in draft.lets:
        return draft.lets[field].type
    # a name whose own declaration is wrong: stay silent
    if isinstance(draft.nodes.get(field), t.Let | t.Term | t.Broken):
        return UNKNOWN
    return BOOL if field in STATES else None


def _is_state(draft: Draft, field: str) -> bool:
    """Whether `SAMPLE.masked` is that, and no let or term of the spec's own."""
    return field in STATES and field not in draft.terms and field not in draft.lets


def tolerance_of(draft: Draft, node: t.Expect) -> float | None:
    if node.tolerance is None:
        return None
    constant = constant_number(node.tolerance)
    plain = isinstance(node.condition, t.Binary) and node.condition.operator in ("==", "!=")
    if not plain:
        draft.found.error(
            "RK0808",
            "`within` goes with one `==` or `!=`",
            node.tolerance.span,
            labels=(Label(node.condition.span, "not one equality"),),
            help="write each comparison in an `expect` of its own",
        )
        return None
    if isinstance(node.tolerance, t.Binary) and node.tolerance.operator in ("and", "or"):
        draft.found.error(
            "RK0808",
            f"`{node.tolerance.operator}` is read as part of the tolerance",
            node.tolerance.span,
            help="give each `within` its own `expect`",
        )
        return None
    if constant is None or constant[0] < 0:
        help_ = "write a number, `within 0.001`"
        draft.found.error(
            "RK0808", "a tolerance is a constant that is not negative", node.tolerance.span, help=help_
        )
        return None
    return float(constant[0])


def grouped(draft: Draft, expect: ExpectSpec, samples: dict[str, SampleSpec]) -> None:
    """What an expectation reads of a sample outside of all groups needs no group."""
    for name, field in expect.reads:
        reason = _aggregate_of(draft, field)
        if samples[name].group is not None or (field != "advantage" and reason is None):
            continue
        labels = [Label(samples[name].span, "stands in no group")]
        if reason is not None:
            labels.append(Label(reason.span, "aggregates here"))
        draft.found.error(
            "RK0805",
            f"`{name}.{field}` needs a group",
            expect.span,
            labels=tuple(labels),
            help=f"write `group {{ sample {name} {{ … }} }}`",
        )


def _aggregate_of(draft: Draft, field: str) -> Value | None:
    """The aggregate that a field of a sample reads, if there is one."""
    if field not in draft.aggregates:
        if field in ("reward", "advantage"):
            roots = [draft.terms[name].value for name, _ in draft.weights if name in draft.terms]
        elif field in draft.terms:
            roots = [draft.terms[field].value]
        else:
            roots = [draft.lets[field]] if field in draft.lets else []
        draft.aggregates[field] = next((v for v in (contains(r, "aggregate") for r in roots) if v), None)
    return draft.aggregates[field]
