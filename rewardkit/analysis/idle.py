"""What a spec writes and nothing comes of: gates that never move, weights that do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rewardkit.analysis.cases import cases
from rewardkit.analysis.findings import Finding
from rewardkit.analysis.ranges import TermRange
from rewardkit.checker.spec import Value
from rewardkit.checker.wording import text_of
from rewardkit.prover.reach import reach
from rewardkit.runtime.reward import Reward
from rewardkit.types.interval import show
from rewardkit.types.levels import Level

Opens = Literal["never", "always", "sometimes", "unknown"]


@dataclass(frozen=True)
class Gate:
    """Whether a term's gate can open, over all rows that are not skipped."""

    term: str
    opens: Opens
    level: str  # "row", or "group" where all completions of a prompt share it

    def to_json(self) -> dict[str, Any]:
        return {"term": self.term, "opens": self.opens, "level": self.level}


def gates(reward: Reward, fixed: Mapping[str, Any]) -> tuple[Gate, ...]:
    """The gate of each gated term. `fixed` are params that are given."""
    found = []
    for name, term in reward.spec.terms.items():
        if term.value.data.gated:
            gate = term.value.args[1]
            found.append(Gate(name, _opens(reward, gate, fixed), str(gate.level)))
    return tuple(found)


def _opens(reward: Reward, gate: Value, fixed: Mapping[str, Any]) -> Opens:
    seen = cases(reward.spec, reward.plan.numbers, [gate], fixed)
    opens = any(case.found[0].true for case in seen.cases)
    closes = any(case.found[0].false for case in seen.cases)
    if opens != closes and not seen.complete:
        opens = closes = True
    if opens and closes:
        row = reach(reward.spec, [gate], fixed)
        if row is not None:
            opens = row.possible([(gate, True)]) is not False
            closes = row.possible([(gate, False)]) is not False
    if opens and closes:
        return "sometimes"
    if not opens and not closes:
        return "unknown"
    return "always" if opens else "never"


def of_gates(found: Sequence[Gate]) -> tuple[Finding, ...]:
    told = {
        "never": ("can never open", "no row meets its conditions: look at what they ask for together"),
        "always": ("is open on every row", "leave it out: `term … = …` without `when`"),
    }
    return tuple(
        Finding(
            f"gate-{g.opens}",
            "warning",
            g.term,
            f"the gate of `{g.term}` {told[g.opens][0]}",
            told[g.opens][1],
        )
        for g in found
        if g.opens in told
    )


def of_weights(reward: Reward, terms: Sequence[TermRange]) -> tuple[Finding, ...]:
    """Weights that do nothing, and terms that nothing comes of."""
    weighed = [term for term in terms if term.weight is not None]
    found: list[Finding] = []
    for term in weighed:
        found += _of_weight(reward, term)
    found += _twins(reward, [term.name for term in weighed])
    if len(weighed) == 1:
        (term,) = weighed
        found.append(
            Finding(
                "only-term",
                "note",
                term.name,
                f"the weight of `{term.name}`, the only one, has no effect under a normalizer that divides "
                "by the deviation of a group, such as grpo and gdpo",
            )
        )
    return tuple(found)


def _of_weight(reward: Reward, term: TermRange) -> list[Finding]:
    name, value = term.name, reward.spec.terms[term.name].value
    assert term.weight is not None
    if term.weight.constant == 0:
        help_ = "leave it out of `reward`: it is then a metric, computed and logged only"
        return [Finding("weight-zero", "warning", name, f"the weight of `{name}` is 0", help_)]
    if term.range.constant is not None and not term.null:
        message = f"`{name}` is always {show(term.range.constant)}: no normalizer sees it"
        return [Finding("constant", "warning", name, message, "a term that never varies teaches nothing")]
    if value.level <= Level.GROUP:
        message = f"`{name}` is the same for all completions of a prompt, so comparing them cancels it"
        help_ = "a weight per prompt is written `advantage … { scale: … }`"
        return [Finding("group-level", "warning", name, message, help_)]
    found = []
    if term.weight_now == 0:
        found.append(Finding("weight-zero-now", "note", name, f"the weight of `{name}` is 0 at this step"))
    factor = _group_factor(value.args[0])
    if factor is not None:
        message = f"the factor `{text_of(factor)}` of `{name}` is the same for all completions of a prompt"
        help_ = (
            "a normalizer that scales each term by its own deviation, such as gdpo, cancels it; a weight per "
            "prompt is written `advantage … { scale: … }`"
        )
        found.append(Finding("group-factor", "note", name, message, help_))
    return found


def _group_factor(value: Value) -> Value | None:
    """A factor or divisor that all completions of a prompt share."""
    while value.op in ("let", "alias", "bind"):
        (value,) = value.args
    if value.op not in ("mul", "div"):
        return None
    for factor, other in (value.args, value.args[::-1]):
        if Level.CONSTANT < factor.level <= Level.GROUP and other.level is Level.ROW:
            return factor
    return None


def _twins(reward: Reward, names: Sequence[str]) -> list[Finding]:
    """Terms that are the same expression under two names."""
    first: dict[tuple[int, ...], str] = {}
    found = []
    for name in names:
        step = reward.plan.steps[reward.plan.terms[name]]
        other = first.setdefault(step.args, name)
        if other != name:
            message = f"`{name}` is always equal to `{other}`"
            found.append(
                Finding("same-as", "warning", name, message, "weigh one of them, with both weights added up")
            )
    return found
