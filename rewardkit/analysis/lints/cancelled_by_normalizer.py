"""What is the same for all completions of a prompt, where a normalizer takes it out again."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import plain, reads, term_parts, weighted
from rewardkit.checker.spec import AdvantageSpec, Spec, TermSpec, Value
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import Label
from rewardkit.types.levels import Level
from rewardkit.types.normalizer import resolved

#: normalizers that take a group's mean off, and those of them that divide by its deviation
_CENTRED = ("grpo", "dr_grpo", "gdpo", "rloo", "batch")
_SCALED = ("grpo", "gdpo")


def find(spec: Spec) -> Iterator[Finding]:
    name = spec.advantage.name if spec.advantage else None
    if spec.advantage and name not in _CENTRED and not _compares(spec.advantage):
        return
    terms = [term for term, *_ in weighted(spec)]
    labels = (Label(spec.advantage.span, "the normalizer"),) if spec.advantage else ()
    for term in terms:
        if term.value.level < Level.ROW:
            yield _same(term, labels)
        elif name == "gdpo" or (name in _SCALED and len(terms) == 1):
            yield from _factors(term, str(name), labels)


def _compares(advantage: AdvantageSpec) -> bool:
    """Whether REINFORCE++ is told, in so many words, to compare within groups."""
    given = {option: value.data for option, value in advantage.options.items() if value.op == "constant"}
    return advantage.name == "reinforce_pp" and resolved(advantage.name, given)["baseline"] == "group"


def _same(term: TermSpec, labels: tuple[Label, ...]) -> Finding:
    what = "for all rows" if term.value.level < Level.GROUP else "for all completions of a prompt"
    return Finding(
        f"`{term.name}` is the same {what}, so it adds nothing to any advantage",
        term.span,
        "compare a completion with its group, or leave the term out of `reward`: it is computed and logged "
        "as a metric",
        labels=labels,
        notes=("an advantage is what a completion has over the others of its group",),
    )


def _factors(term: TermSpec, normalizer: str, labels: tuple[Label, ...]) -> Iterator[Finding]:
    value, _, otherwise = term_parts(term)
    if otherwise is not None and otherwise.interval.constant != 0:
        return  # where the gate is closed the factor does not apply
    for factor in _factors_of(value):
        steps = reads(factor).step
        shared = factor.level in (Level.GROUP, Level.BATCH) and factor.interval.constant is None
        if not steps and not shared:
            continue
        put = f"write it into the weight: `{term.name}: {text_of(factor)}`"
        if not steps:
            put = f"write `advantage {normalizer} {{ scale: {text_of(factor)} }}`, which multiplies last"
        yield Finding(
            f"`{normalizer}` takes this factor of `{term.name}` out again",
            factor.span,
            put,
            labels=(Label(term.span, "the same for every row of a group"), *labels),
            notes=(
                f"`{normalizer}` divides the term by its deviation in the group, which has that factor too",
            ),
        )


def _factors_of(value: Value) -> Iterator[Value]:
    """The factors that a whole value is a product of, those that it is divided by among them."""
    stack, seen = [value], set[int]()
    while stack:
        part = stack.pop()
        top = plain(part)
        if id(top) in seen:
            continue
        seen.add(id(top))
        if top.op in ("mul", "div"):
            stack.extend(reversed(top.args))
        elif top.op == "neg":
            stack.append(top.args[0])
        else:
            yield part


LINT = Lint("RK1006", "cancelled-by-normalizer", find)
