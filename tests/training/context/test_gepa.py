"""GEPA raises a score, and what it selects and merges is what the package and the paper's rules say."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gepa.core.state import GEPAState, ValsetEvaluation
from gepa.gepa_utils import (
    find_dominator_programs,
    remove_dominated_programs,
    select_program_candidate_from_pareto_front,
)
from gepa.proposer.merge import (
    find_common_ancestor_pair,
    sample_and_attempt_merge_programs_by_common_predictors,
)
from gepa.strategies.acceptance import StrictImprovementAcceptance
from gepa_rules import accepted, accepted_merge, fronts_of, merged, pruned, survivors
from hypothesis import given
from hypothesis import strategies as st
from rule_world import WORDS, Judge, answer, completion, gepa, known, world

from rewardkit.training import ConfigError, train
from rewardkit.training.context import ContextResult
from rewardkit.training.context import gepa as optimizer
from rewardkit.training.logs import read_log

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def run(config: dict[str, Any], folder: Path, **options: Any) -> ContextResult:
    result = train(config, base=folder, progress=False, **options)
    assert isinstance(result, ContextResult)
    return result


def in_parts(config: dict[str, Any]) -> dict[str, Any]:
    config["context"]["instructions"] = {"task": "Answer with one word.", "even": "-", "odd": "-"}
    return config


# --- a run -------------------------------------------------------------------------------------------


def test_the_score_rises(server: Judge, folder: Path) -> None:
    result = run(gepa(server.url), folder)
    assert result.before is not None and result.before < 0.5
    assert result.after == 1.0
    assert sorted(known(result.instructions.read_text())) == list(range(len(WORDS)))
    best = [line["valid"] for line in read_log(result.log)]
    assert best == sorted(best)


def test_it_stops_within_an_iteration_of_its_metric_calls(server: Judge, folder: Path) -> None:
    result = run(gepa(server.url, calls=40), folder)
    asked = len([body for body in server.bodies if "BEGIN" not in str(body)])
    calls = [line["metric_calls"] for line in read_log(result.log)]
    assert calls[-1] == asked == json.loads(result.context.read_text())["metric_calls"]
    assert 40 <= calls[-1] < 40 + 3 + 3 + len(WORDS)
    assert all(value < 40 for value in calls[:-1])


def test_one_seed_is_one_run(server: Judge, tmp_path: Path, folder: Path) -> None:
    config = in_parts(gepa(server.url, merge=True))
    script = (
        "import json\nfrom rewardkit.training import train\n"
        "tables = json.loads({tables!r})\ntables['log']['dir'] = {name!r}\n"
        "train(tables, base={base!r}, progress=False)\n"
    )
    found = []
    for number in ("1", "2"):
        code = script.format(tables=json.dumps(config), name=number, base=str(folder))
        environment = {**os.environ, "PYTHONHASHSEED": number}
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)
        found.append(json.loads((folder / number / "context.json").read_text()))
    assert found[0] == found[1]


def test_the_editor_sees_how_scores_came_about(server: Judge, folder: Path) -> None:
    run(gepa(server.url, calls=20), folder)
    (shown, *_) = [body["messages"][1]["content"] for body in server.bodies if "BEGIN" in str(body)]
    assert "right: 0  (weighs 1, adds 0)" in shown
    assert "wants: " in shown


#: a hint at the word is worth something, and what is learned of the even numbers hides the hints at the odd
HINTS = """\
language 1

input wants: text
input hint: text

term right in [0, 1] =
  if text.contains(completion.text, wants) then 1 else if text.contains(completion.text, hint) then 0.1 else 0

reward in [0, 1] { right: 1.0 }
"""


def hinting(body: dict[str, Any], number: int = 0) -> Any:
    if "BEGIN" in str(body):
        return answer(body)
    system, prompt = (message["content"] for message in body["messages"])
    asked = next(i for i in range(len(WORDS)) if f"number {i}" in prompt)
    learned = known(system)
    if asked in learned:
        return completion(WORDS[asked])
    return completion("none" if any(i % 2 != asked % 2 for i in learned) else WORDS[asked][:2])


def test_two_lineages_are_merged(folder: Path) -> None:
    (folder / "world.rwd").write_text(HINTS)
    rows = [{"prompt": f"number {i}", "wants": word, "hint": word[:2]} for i, word in enumerate(WORDS)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with world(hinting) as server:
        config = in_parts(gepa(server.url, calls=400, merge=True, skip_perfect=False))
        result = run(config, folder)
    candidates = json.loads(result.context.read_text())["candidates"]
    assert result.after == 1.0
    merges = [each for each in candidates if len(each["parents"]) == 2]
    assert 0 < len(merges) <= 5
    for each in merges:
        first, second = (candidates[parent] for parent in each["parents"])
        for part, text in each["parts"].items():
            assert text in (first["parts"][part], second["parts"][part])


def test_a_seed_that_scores_nothing_can_be_merged_below(server: Judge, folder: Path) -> None:
    """The package draws the ancestor in proportion to its score, and fails where all are 0."""
    seen: list[float] = []

    class Spy(optimizer.Adapter):
        def evaluate(self, *arguments: Any, **options: Any) -> Any:
            found = super().evaluate(*arguments, **options)
            seen.extend(found.scores)
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizer, "Adapter", Spy)
        result = run(in_parts(gepa(server.url, calls=60, merge=True)), folder)
    assert min(seen) > 0 and max(seen) == 1 + 2.0**-20
    assert result.before in [i / 6 for i in range(7)]
    with pytest.raises(ValueError, match="greater than zero"):
        find_common_ancestor_pair(
            random.Random(0),
            [[None], [0], [0]],
            [1, 2],
            ([], []),
            [0.0, 1.0, 1.0],
            [{"a": "0", "b": "0"}, {"a": "1", "b": "0"}, {"a": "0", "b": "1"}],
        )


def test_merge_needs_parts_and_a_lowest_reward(server: Judge, folder: Path) -> None:
    with pytest.raises(ConfigError, match="two parts or more"):
        run(gepa(server.url, merge=True), folder)
    with pytest.raises(ConfigError, match="validation rows at least, and there are 6"):
        run(in_parts(gepa(server.url, merge=True, merge_overlap=7)), folder)
    free = "language 1\ninput wants: text\ninput x: real\nterm a = x\nreward { a: 1 }\n"
    (folder / "world.rwd").write_text(free)
    (folder / "rows.jsonl").write_text('{"prompt": "number 0", "wants": "alpha", "x": 0.5}\n')
    with pytest.raises(ConfigError, match="give the spec's reward a range"):
        run(in_parts(gepa(server.url, merge=True)), folder)


def test_an_edit_that_cannot_be_read_changes_nothing(folder: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Any:
        return completion('{"text": 3}') if "BEGIN" in str(body) else answer(body)

    with world(reply) as server:
        result = run(gepa(server.url, calls=30), folder)
    assert result.instructions.read_text() == "Answer with one word.\n"
    assert sum(line["unread"] for line in read_log(result.log)) > 0


def test_without_the_package(server: Judge, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gepa", None)
    with pytest.raises(ConfigError, match=r"pip install 'rewardkit\[context\]'"):
        run(gepa(server.url), folder)


def test_validation_rows_of_their_own(server: Judge, folder: Path) -> None:
    rows = (folder / "rows.jsonl").read_text().splitlines(keepends=True)
    (folder / "valid.jsonl").write_text("".join(rows[:2]))
    config = gepa(server.url)
    config["context"]["valid"] = "valid.jsonl"
    result = run(config, folder)
    assert result.after == 1.0
    assert {0, 1} <= set(known(result.instructions.read_text()))
    assert read_log(result.log)[0]["metric_calls"] <= 2 + 3 + 3 + 2


# --- selection, as the run does it -------------------------------------------------------------------


def test_a_run_selects_from_the_candidates_that_the_rules_leave(
    server: Judge, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[dict[int, float]], int]] = []

    class Spy(optimizer._Callback):
        def on_iteration_start(self, event: Any) -> None:
            super().on_iteration_start(event)
            self.scores = [dict(scores) for scores in event["state"].prog_candidate_val_subscores]

        def on_candidate_selected(self, event: Any) -> None:
            seen.append((self.scores, event["candidate_idx"]))

    monkeypatch.setattr(optimizer, "_Callback", Spy)
    run(in_parts(gepa(server.url, calls=200, skip_perfect=False)), folder)
    assert len(seen) > 10 and any(len(scores) > 2 for scores, _ in seen)
    for scores, chosen in seen:
        matrix = [[each[key] for key in sorted(each)] for each in scores]
        assert chosen in survivors(matrix)


def state_of(matrix: Sequence[Sequence[float]]) -> GEPAState[Any, Any]:
    """The package's state after candidates with these scores (candidate, instance) were added in order."""

    def evaluation(scores: Sequence[float]) -> ValsetEvaluation[Any, Any]:
        by_id = dict(enumerate(scores))
        return ValsetEvaluation(outputs_by_val_id={}, scores_by_val_id=by_id, objective_scores_by_val_id=None)

    state: GEPAState[Any, Any] = GEPAState({"a": "0"}, evaluation(matrix[0]))
    state.total_num_evals = state.num_full_ds_evals = 0
    for number, scores in enumerate(matrix[1:], start=1):
        state.update_state_with_new_program([0], {"a": str(number)}, evaluation(scores), None, 0)
    return state


def test_the_worked_selection() -> None:
    case = GOLDEN["gepa_pareto_selection"]
    matrix = case["inputs"]["val_scores"]
    state = state_of(matrix)
    assert [sorted(state.get_pareto_front_mapping()[j]) for j in range(4)] == case["fronts"]
    assert [sorted(front) for front in fronts_of(matrix)] == case["fronts"]
    left = remove_dominated_programs(state.get_pareto_front_mapping(), state.per_program_tracked_scores)
    assert [sorted(left[j]) for j in range(4)] == case["pruned_fronts"]
    chosen = {
        select_program_candidate_from_pareto_front(
            state.get_pareto_front_mapping(), state.per_program_tracked_scores, random.Random(seed)
        )
        for seed in range(50)
    }
    assert {str(each) for each in chosen} == set(case["sampling_prob"])


matrices = st.integers(1, 7).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=width, max_size=width), min_size=1, max_size=8
    )
)


@given(matrices)
def test_fronts_and_survivors_equal_the_package_s(matrix: list[list[float]]) -> None:
    state = state_of(matrix)
    mapping = state.get_pareto_front_mapping()
    assert [mapping[j] for j in range(len(matrix[0]))] == fronts_of(matrix)
    totals = [math.fsum(scores) for scores in matrix]
    if len(set(totals)) < len(totals):  # ties of the aggregate may resolve either way
        theirs = set(find_dominator_programs(mapping, state.per_program_tracked_scores))
        assert all(front & theirs for front in fronts_of(matrix))
        return
    left = remove_dominated_programs(mapping, state.per_program_tracked_scores)
    assert [left[j] for j in range(len(matrix[0]))] == pruned(matrix)
    assert set(find_dominator_programs(mapping, state.per_program_tracked_scores)) == survivors(matrix)


@given(matrices, st.integers(0, 1000))
def test_the_choice_is_in_proportion_to_fronts(matrix: list[list[float]], seed: int) -> None:
    state = state_of(matrix)
    fronts = state.get_pareto_front_mapping()
    scores = state.per_program_tracked_scores
    left = remove_dominated_programs(fronts, scores)
    tickets = [each for front in left.values() for each in front]
    order = list(dict.fromkeys(tickets))
    drawn = random.Random(seed).choice([each for each in order for _ in range(tickets.count(each))])
    assert select_program_candidate_from_pareto_front(fronts, scores, random.Random(seed)) == drawn


# --- acceptance and merge ----------------------------------------------------------------------------


def test_the_worked_acceptance() -> None:
    case = GOLDEN["gepa_acceptance"]
    before, after = case["inputs"]["minibatch_before"], case["inputs"]["minibatch_after"]
    proposal: Any = SimpleNamespace(subsample_scores_before=before, subsample_scores_after=after)
    theirs = StrictImprovementAcceptance().should_accept(proposal, None)  # type: ignore[arg-type]
    assert theirs == accepted(before, after) == case["mutation_accept"]
    parents = case["inputs"]["merge_parents_sums"]
    assert accepted_merge(parents, case["inputs"]["merge_after_sum"]) == case["merge_accept"]
    assert not accepted(before, before)


texts = st.lists(st.sampled_from("abc"), min_size=3, max_size=3)


@given(
    st.lists(texts, min_size=3, max_size=3),
    st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=3, max_size=3),
    st.integers(0, 99),
)
def test_a_merge_takes_what_the_rules_say(parts: list[list[str]], scores: list[float], seed: int) -> None:
    names = ("x", "y", "z")
    candidates = [dict(zip(names, each, strict=True)) for each in parts]
    found = sample_and_attempt_merge_programs_by_common_predictors(
        agg_scores=scores,
        rng=random.Random(seed),
        merge_candidates=[1, 2],
        merges_performed=([], []),
        program_candidates=candidates,
        parent_program_for_candidate=[[None], [0], [0]],
    )
    ours = merged(candidates, scores)
    assert (found is None) == (ours is None)
    if found is not None and ours is not None:
        assert found[1:] == (1, 2, 0)
        assert all(found[0][name] in choices for name, choices in ours.items())


def test_candidates_of_one_lineage_are_not_merged() -> None:
    candidates: list[Mapping[str, str]] = [{"x": "0", "y": "0"}, {"x": "1", "y": "0"}, {"x": "1", "y": "1"}]
    found = sample_and_attempt_merge_programs_by_common_predictors(
        agg_scores=[1.0, 2.0, 3.0],
        rng=random.Random(0),
        merge_candidates=[1, 2],
        merges_performed=([], []),
        program_candidates=candidates,  # type: ignore[arg-type]
        parent_program_for_candidate=[[None], [0], [1]],
    )
    assert found is None
