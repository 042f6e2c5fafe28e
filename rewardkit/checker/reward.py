"""Checking of `reward` and `advantage`: weights, and the options of a normalizer."""

from __future__ import annotations

from collections.abc import Mapping

from rewardkit.checker import builtins, units
from rewardkit.checker.constants import range_of
from rewardkit.checker.draft import Draft, contains
from rewardkit.checker.spec import AdvantageSpec, Value
from rewardkit.checker.wording import listed, meant, suggest, text_of
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import Interval, add, bare, coarse, hull, lies, multiply, point
from rewardkit.types.levels import Level
from rewardkit.types.normalizer import NORMALIZERS, Option
from rewardkit.types.types import UNKNOWN, Type


def reward(draft: Draft) -> None:
    for node in draft.statements(t.Reward)[:1]:
        draft.reward_range = range_of(node.range, Type("real"), draft.found)
        if not node.weights:
            help_ = "write `reward { accuracy: 1.0 }`"
            draft.found.error("RK0213", "`reward` lists no term", node.span, help=help_)
        total = point(0)
        shares: list[str] = []
        first: dict[str, Span] = {}
        for entry in node.weights:
            if entry.name in first:
                labels = (Label(first[entry.name], "first here"),)
                draft.found.error(
                    "RK0214",
                    f"`{entry.name}` is weighed twice",
                    entry.name_span,
                    "again here",
                    labels=labels,
                    help="write one weight",
                )
                continue
            first[entry.name] = entry.name_span
            share = _share(draft, entry)
            total = coarse(add(total, share))
            shares.append(f"`{entry.name}` adds {bare(share)}")
        draft.reward_interval = total
        inside = draft.reward_range is None or total.within(draft.reward_range)
        if not inside and not draft.found.has_errors:
            assert node.range is not None
            draft.found.error(
                "RK0701",
                "the reward can leave its range",
                node.range.span,
                f"the terms give {bare(total)}",
                help=f"write `reward in {total}`, or change the weights",
                notes=(", ".join(shares),),
            )


def _share(draft: Draft, entry: t.Entry) -> Interval:
    """What a weighted term adds to the reward."""
    weight = _weight(draft, entry)
    term = draft.terms.get(entry.name)
    if weight is None or term is None:
        return Interval()
    draft.weights.append((entry.name, weight))
    share = multiply(weight.interval, term.interval)
    # a term without a value adds nothing
    return hull(share, point(0)) if term.value.type.optional or term.value.faults else share


def _weight(draft: Draft, entry: t.Entry) -> Value | None:
    if entry.name not in draft.terms:
        if not isinstance(draft.nodes.get(entry.name), t.Term | t.Broken):
            _no_term(draft, entry)
        return None
    check = draft.expressions()
    weight = check.check(entry.value)
    if not check.wants_number(weight):
        return None
    if weight.type.unit:
        draft.found.error(
            "RK0402",
            f"a weight is a plain number, and this is in {weight.type.unit}",
            entry.value.span,
            labels=check.declared(weight),
            help=units.plain(check, weight),
        )
        return None
    if weight.level > Level.CONSTANT:
        draft.found.error(
            "RK0503",
            f"the weight of `{entry.name}` depends on the {weight.level}",
            entry.value.span,
            labels=check.declared(weight),
            help=f"a weight depends on params and `step` only; put it into the term: "
            f"`term {entry.name} = … * {text_of(weight)}`",
        )
        return None
    return weight


def _no_term(draft: Draft, entry: t.Entry) -> None:
    node = draft.nodes.get(entry.name)
    labels: tuple[Label, ...] = ()
    if node is not None:
        kind = type(node).__name__.lower()
        labels = (Label(draft.declarations[entry.name], f"this is a `{kind}`"),)
        help_ = f"only terms have weights: write `term … = {entry.name}`, and weigh that"
        if kind == "let":
            help_ = f"only terms have weights: write `term {entry.name} = …` instead of `let`"
    elif entry.name in (*builtins.ROOTS, "step"):
        help_ = f"`{entry.name}` is there on every row, and no term: weigh one, `term my_{entry.name} = …`"
    else:
        help_ = suggest(entry.name, draft.terms) or f"declare it: `term {entry.name} = …`"
    message = f"there is no term `{entry.name}`"
    fix = meant(help_, entry.name_span)
    draft.found.error("RK0213", message, entry.name_span, labels=labels, help=help_, fix=fix)


def advantage(draft: Draft) -> None:
    for node in draft.statements(t.Advantage)[:1]:
        known = NORMALIZERS.get(node.name)
        if known is None:
            help_ = suggest(node.name, NORMALIZERS) or f"normalizers are {listed(NORMALIZERS)}"
            fix = meant(help_, node.name_span)
            message = f"there is no normalizer `{node.name}`"
            draft.found.error("RK0211", message, node.name_span, help=help_, fix=fix)
        scale: Value | None = None
        options: dict[str, Value] = {}
        first: dict[str, Span] = {}
        for entry in node.options:
            if entry.name in first:
                labels = (Label(first[entry.name], "first here"),)
                message = f"`{entry.name}` is given twice"
                draft.found.error(
                    "RK0214", message, entry.name_span, "again here", labels=labels, help="write one"
                )
                continue
            first[entry.name] = entry.name_span
            if entry.name == "scale":
                scale = _scale(draft, entry)
            elif known is not None:
                value = _option(draft, entry, node.name, known)
                if value is not None:
                    options[entry.name] = value
        draft.advantage = AdvantageSpec(node.name, options, scale, node.span)


def _scale(draft: Draft, entry: t.Entry) -> Value | None:
    check = draft.expressions()
    value = check.check(entry.value)
    if not check.wants_number(value):
        return None
    if value.level > Level.GROUP or value.type.unit:
        code, problem, help_ = (
            "RK0402",
            f"is in {value.type.unit}",
            units.plain(check, value) if value.type.unit else "",
        )
        if value.level > Level.GROUP:
            code, problem = "RK0503", "differs between rows of a group"
            help_ = (
                "it multiplies the advantages of a whole group: declare an input `per prompt`, or aggregate, "
                f"`mean({text_of(value)}) over group`"
            )
        labels = check.declared(value)
        draft.found.error(code, f"`scale` {problem}", entry.value.span, labels=labels, help=help_)
        return None
    return value


def _option(draft: Draft, entry: t.Entry, normalizer: str, known: Mapping[str, Option]) -> Value | None:
    check = draft.expressions()
    option = known.get(entry.name)
    if option is None:
        names = [*known, "scale"]
        help_ = suggest(entry.name, names) or f"its options are {listed(names)}"
        message = f"`{normalizer}` has no option `{entry.name}`"
        fix = meant(help_, entry.name_span)
        draft.found.error("RK0212", message, entry.name_span, help=help_, fix=fix)
        return None
    value = check.check(entry.value)
    if value.type == UNKNOWN:
        return None
    kind = value.type.kind
    ok = kind == option.kind or (option.kind == "real" and kind == "int")
    if not ok or value.type.unit or value.type.optional:
        message = f"`{entry.name}` is a `{option.kind}`, found `{value.type}`"
        help_ = f"write `{entry.name}: {option.default}`"
        if option.choices:
            help_ = "it is one of " + listed(f'"{choice}"' for choice in option.choices)
        draft.found.error("RK0401", message, entry.value.span, labels=check.declared(value), help=help_)
        return None
    steps = contains(value, "step") is not None
    if value.level > Level.CONSTANT or steps:
        message = f"`{entry.name}` depends on {'`step`' if steps else f'the {value.level}'}"
        help_ = "an option is a number, a text or a param; what differs between prompts is `scale: …`"
        draft.found.error("RK0503", message, entry.value.span, labels=check.declared(value), help=help_)
        return None
    if option.choices and value.op == "constant" and value.data not in option.choices:
        near = suggest(str(value.data), option.choices)
        draft.found.error(
            "RK0408",
            f"`{entry.name}` cannot be `{text_of(value)}`",
            entry.value.span,
            help=near or "it is one of " + listed(f'"{choice}"' for choice in option.choices),
        )
        return None
    if option.range is not None and not value.interval.within(option.range):
        draft.found.error(
            "RK0705",
            f"`{entry.name}` must lie in {option.range}",
            entry.value.span,
            lies(value.interval),
            labels=check.declared(value),
            help=f"give a number in {option.range}",
        )
        return None
    return value
