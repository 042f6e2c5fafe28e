"""Mutation testing: would the tests of a spec notice if it said something else?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rewardkit.checker import check
from rewardkit.checker.spec import Spec, TestSpec
from rewardkit.diagnostics import RewardError
from rewardkit.testing.meaning import Meanings
from rewardkit.testing.mutants import Mutant, mutants
from rewardkit.testing.runner import Bench, reward_of, run_test

#: `killed` by a test; `survived` all of them; `refused` by the checker; `equal` in meaning to the spec;
#: `repeated` where a mutant before it says the same
Fate = Literal["killed", "survived", "refused", "equal", "repeated"]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. `by` is the test that killed it, or the code that refused it."""

    mutant: Mutant
    fate: Fate
    by: str | None = None

    def to_json(self) -> dict[str, Any]:
        line, column = self.mutant.place
        return {
            "fate": self.fate,
            "kind": self.mutant.kind,
            "change": self.mutant.what,
            "file": self.mutant.span.source.name,
            "line": line,
            "column": column,
            "by": self.by,
        }


@dataclass(frozen=True)
class MutationReport:
    """What became of the first `len(outcomes)` of `total` mutants."""

    outcomes: tuple[Outcome, ...]
    total: int

    def count(self, fate: Fate) -> int:
        return sum(outcome.fate == fate for outcome in self.outcomes)

    @property
    def score(self) -> float | None:
        """Killed mutants in percent of those that tests could kill; `None` where there are none."""
        killed = self.count("killed")
        alive = killed + self.count("survived")
        return 100 * killed / alive if alive else None

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        return tuple(outcome.mutant for outcome in self.outcomes if outcome.fate == "survived")

    def to_json(self) -> dict[str, Any]:
        return {
            "score": None if self.score is None else round(self.score, 2),
            **{fate: self.count(fate) for fate in get_args(Fate)},
            "total": self.total,
            "complete": len(self.outcomes) == self.total,
            "mutants": [outcome.to_json() for outcome in self.outcomes],
        }


def mutate(
    spec: Spec,
    tests: Sequence[TestSpec],
    params: Mapping[str, Any] | None = None,
    bench: Bench | None = None,
    equal: Callable[[Spec, Spec], bool] | None = None,
) -> Iterator[Outcome]:
    """What becomes of each mutant of a spec, in file order. The tests must pass on the spec itself.

    Left out as `equal` are mutants that training cannot tell from the spec: in code that no reward reads, of
    the same meaning (see `Meanings`), or so decided by `equal`; as `repeated` those that neither training nor
    a test can tell from a mutant before, like `not (a == b)` after `a != b`.
    """
    bench = Bench() if bench is None else bench
    names = [test.name for test in sorted(tests, key=lambda test: bool(test.rows))]  # quick ones first
    meanings = Meanings()
    own = reward_of(spec, (), params, bench)
    meaning = meanings.of(spec, own.plan, own.params)
    before: set[Any] = set()
    for mutant in mutants(spec.module):
        other, found = check(mutant.source())
        if other is None:
            yield Outcome(mutant, "refused", next(d.code for d in found if d.is_error))
            continue
        try:
            reward = reward_of(other, (), params, bench)
        except RewardError as error:  # a param that does not fit
            yield Outcome(mutant, "refused", str(error))
            continue
        found_meaning = meanings.of(other, reward.plan, reward.params)
        same = found_meaning == meaning
        if same or (equal is not None and equal(spec, other)):
            yield Outcome(mutant, "equal")
            continue
        seen = (found_meaning, meanings.to_tests(reward.plan, reward.params))
        if seen in before:
            yield Outcome(mutant, "repeated")
            continue
        before.add(seen)
        yield _run(mutant, other, names, params, bench)


def _run(
    mutant: Mutant, spec: Spec, names: Sequence[str], params: Mapping[str, Any] | None, bench: Bench
) -> Outcome:
    """Run the tests until one of them fails."""
    tests = {test.name: test for test in spec.tests}
    reward = reward_of(spec, [tests[name] for name in names], params, bench)
    for name in names:
        if not run_test(reward, tests[name], bench).passed:
            return Outcome(mutant, "killed", name)
    return Outcome(mutant, "survived")
