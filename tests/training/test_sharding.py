"""FSDP through accelerate's configuration: the same run, with the weights in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from several import together
from several_shards import ALGORITHMS
from test_resume import same_end

from rewardkit.training.policy import open_policy


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return together("several_shards:compared", tmp_path_factory.mktemp("shards"))[0]


def test_each_process_holds_a_part(found: Any) -> None:
    assert len(found["shared"]) >= 2 * len(ALGORITHMS)  # references too
    assert all(sharded and 0.4 < part < 0.6 for sharded, part in found["shared"])


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "bf16"])
def test_parts_take_the_same_steps(found: Any, name: str) -> None:
    (whole, whole_end), (parts, parts_end) = found[f"{name} whole"], found[f"{name} parts"]
    assert len(whole) == 4
    for one, other in zip(whole, parts, strict=True):
        for measure in ("reward", "loss", "approx_kl", "kl", "clip_fraction", "gradient_norm"):
            if one[measure] is None:
                assert (measure, other[measure]) == ("kl", None)
            else:
                assert other[measure] == pytest.approx(one[measure], rel=1e-4, abs=1e-5), measure
    files = [{path.name for path in Path(end).iterdir()} for end in (whole_end, parts_end)]
    assert files[0] == files[1]
    if name == "grpo":  # an ordinary folder, whoever wrote it
        for one, other in zip(
            *(open_policy(end).model.parameters() for end in (whole_end, parts_end)), strict=True
        ):
            assert one.shape == other.shape
            assert (one - other).abs().max() < 1e-3  # Adam takes whole steps where a gradient is almost 0


def test_what_does_not_go_together_is_refused(found: Any) -> None:
    assert "[policy.lora] does not go with `fsdp_activation_checkpointing`" in found["refused"]


def test_mixed_precision_in_parts(found: Any) -> None:
    """Near the run in which each process casts all weights, which leaves some sums in float32."""
    for line, other in zip(found["bf16 parts"][0], found["bf16 whole"][0], strict=True):
        assert line["loss"] != other["loss"]
        assert line["approx_kl"] == pytest.approx(other["approx_kl"], abs=0.05)


def test_a_run_in_parts_goes_on_bit_for_bit(found: Any) -> None:
    resumed, end = found["again"]
    assert resumed == 2
    assert same_end(Path(end), Path(found["grpo parts"][1]))
