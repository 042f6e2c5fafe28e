"""The losses are those of verl 0.9, value and gradient, in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from peer_environment import ask
from torch import Tensor

from rewardkit.training.losses import aggregate, cispo, gae, kl_penalty, ppo_clip, value_loss, whiten

BATCHES = 200
OURS = {
    "token-mean": "token_mean",
    "seq-mean-token-mean": "sequence_mean",
    "seq-mean-token-sum-norm": "constant_length",
}


def make(seed: int) -> dict[str, np.ndarray]:
    """Ragged lengths with holes, no completion without a token."""
    rng = np.random.default_rng(seed)
    rows, tokens = rng.integers(2, 9), rng.integers(2, 12)
    mask = np.arange(tokens) < rng.integers(1, tokens + 1, (rows, 1))
    mask[:, 1:] &= rng.random((rows, tokens - 1)) < 0.9  # the first token stays: no completion is empty
    mask[0, :2] = True  # two tokens at least: verl refuses to whiten one
    old = -rng.exponential(1.0, (rows, tokens))
    new = old + 10.0 ** rng.integers(-3, 1) * rng.normal(size=(rows, tokens))
    arrays = {
        "new": new,
        "old": old,
        "advantages": rng.normal(size=(rows, tokens)),
        "values": rng.normal(size=(rows, tokens)),
        "mask": mask,
        "options": np.array([rng.uniform(0, 0.3), rng.uniform(0, 0.4), rng.uniform(1.5, 4)]),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.fixture(scope="module")
def batches() -> list[dict[str, np.ndarray]]:
    return [make(seed) for seed in np.random.SeedSequence(5).generate_state(BATCHES)]


@pytest.fixture(scope="module")
def found(
    batches: list[dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, np.ndarray]:
    arrays = {f"{i}/{name}": array for i, batch in enumerate(batches) for name, array in batch.items()}
    arrays["batches"] = np.array(len(batches))
    return ask("verl", "losses_in_verl.py", arrays, tmp_path_factory.mktemp("verl"))


Compute = Callable[[dict[str, Tensor], str], Tensor]


def _clipped(options: Tensor) -> dict[str, float]:
    return {"clip_low": float(options[0]), "clip_high": float(options[1])}


def _policy(loss: str) -> Compute:
    def compute(x: dict[str, Tensor], mode: str) -> Tensor:
        given = x["new"], x["old"], x["advantages"], x["mask"]
        clip = _clipped(x["options"])
        if loss == "gspo":  # whatever the mode
            return ppo_clip(*given, ratio="sequence_token", aggregation="sequence_mean", **clip)[0]
        shared = {**clip, "aggregation": OURS[mode], "max_length": x["mask"].shape[1]}
        if loss == "cispo":
            return cispo(*given, **shared)[0]
        return ppo_clip(*given, dual_clip=float(x["options"][2]), **shared)[0]

    return compute


def _aggregated(x: dict[str, Tensor], mode: str) -> Tensor:
    return aggregate(x["new"], x["mask"], OURS[mode], x["mask"].shape[1])


def _valued(x: dict[str, Tensor], mode: str) -> Tensor:
    length = x["mask"].shape[1]
    shared = {"aggregation": OURS[mode], "max_length": length}
    return value_loss(x["values"], x["old"], x["advantages"], x["mask"], clip=0.5, **shared)[0]


LOSSES: dict[str, Compute] = {
    "vanilla": _policy("vanilla"),
    "gspo": _policy("gspo"),
    "cispo": _policy("cispo"),
    "agg": _aggregated,
    "value": _valued,
}


def close(actual: Tensor, expected: np.ndarray) -> None:
    torch.testing.assert_close(actual, torch.from_numpy(expected), rtol=1e-5, atol=1e-5, check_dtype=False)


@pytest.mark.parametrize("mode", OURS)
@pytest.mark.parametrize("name", LOSSES)
def test_losses(batches: list, found: dict, name: str, mode: str) -> None:
    for i, batch in enumerate(batches):
        x = {key: torch.from_numpy(array) for key, array in batch.items()}
        by = (x["values"] if name == "value" else x["new"]).requires_grad_()
        loss = LOSSES[name](x, mode)
        close(loss.detach(), found[f"{i}/{name}/{mode}"])
        close(torch.autograd.grad(loss, by)[0], found[f"{i}/{name}/{mode}/gradient"])


def test_kl(batches: list, found: dict) -> None:
    """verl holds k3 to at most 10 nats, which k3 passes at a log-ratio of about -2.6."""
    for i, batch in enumerate(batches):
        new, old, mask = (torch.from_numpy(batch[name]) for name in ("new", "old", "mask"))
        for kind in ("k1", "k2", "k3"):
            ours = kl_penalty(new, old, mask, kind)
            close(ours.clamp(max=10) if kind == "k3" else ours, found[f"{i}/kl/{kind}"])


def test_gae(batches: list, found: dict) -> None:
    for i, batch in enumerate(batches):
        rewards, values, mask = (torch.from_numpy(batch[name]) for name in ("advantages", "values", "mask"))
        advantages, returns = gae(rewards, values, mask, gamma=0.99, lam=0.95)
        close(whiten(advantages, mask), found[f"{i}/gae"])
        close(returns, found[f"{i}/returns"])


def test_the_share_of_clipped_values(batches: list, found: dict) -> None:
    for i, batch in enumerate(batches):
        x = {key: torch.from_numpy(array) for key, array in batch.items()}
        _, metrics = value_loss(x["values"], x["old"], x["advantages"], x["mask"], clip=0.5)
        close(metrics["value_clip_fraction"], found[f"{i}/value_clip_fraction"])
