"""The losses are those of TRL 1.16's GRPOTrainer, value and gradient, in float32."""

from __future__ import annotations

import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peer_environment import missing
from torch import Tensor

from rewardkit.training.losses import Counts, aggregate, cispo, kl_penalty, ppo_clip

LENGTH = 16


@pytest.fixture(scope="module")
def trainer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from trl import GRPOTrainer
        except ImportError:
            missing("TRL is not installed; `pip install 'rewardkit[bench]'` brings it")
    return GRPOTrainer


def loss_of(trainer: Any, x: dict[str, Tensor], loss: str, level: str, beta: float, **options: Any) -> Tensor:
    """`GRPOTrainer._compute_loss` itself, on log-probabilities that are given instead of a model's."""
    accelerator = SimpleNamespace(
        num_processes=1, gather=lambda t: t, gather_for_metrics=lambda t: t, reduce=lambda t, **_: t
    )
    args = SimpleNamespace(delta=options["delta"], use_bias_correction_kl=False, steps_per_generation=2)
    stand_in = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (x["new"], torch.zeros_like(x["new"]), None),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level=level,
        beta=beta,
        args=args,
        loss_type=loss,
        epsilon_low=options["low"],
        epsilon_high=options["high"],
        use_vllm=False,
        model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=2,
        max_completion_length=LENGTH,
        accelerator=accelerator,
        _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list)},
    )
    rows = len(x["new"])
    inputs = {
        "prompt_ids": torch.ones(rows, 1, dtype=torch.int64),
        "prompt_mask": torch.ones(rows, 1, dtype=torch.int64),
        "completion_ids": torch.ones(x["new"].shape, dtype=torch.int64),
        "completion_mask": x["mask"].long(),
        "advantages": x["advantages"],
        "old_per_token_logps": x["old"],
        "ref_per_token_logps": x["ref"],
        "num_items_in_batch": x["items"],
    }
    value: Tensor = trainer._compute_loss(stand_in, None, inputs)
    return value


def make(seed: int) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    rows, tokens = (int(torch.randint(2, high, (), generator=rng)) for high in (9, LENGTH))
    lengths = torch.randint(1, tokens + 1, (rows, 1), generator=rng)
    old = -torch.randn(rows, tokens, generator=rng).abs()
    spread = 10.0 ** torch.randint(-3, 1, (), generator=rng)
    mask = torch.arange(tokens) < lengths
    return {
        "new": old + spread * torch.randn(rows, tokens, generator=rng),
        "old": old,
        "ref": old + 0.1 * torch.randn(rows, tokens, generator=rng),
        "advantages": torch.randn(rows, generator=rng),
        "mask": mask,
        "items": mask.sum() + 37.0,  # of the whole generation batch, of which this is a part
    }


#: TRL's loss, its level, and ours. Its `epsilon_high` for CISPO is the bound of the weight itself.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "grpo": ("grpo", "token", {"aggregation": "sequence_mean"}),
    "gspo": ("grpo", "sequence", {"aggregation": "sequence_mean", "ratio": "sequence"}),
    "bnpo": ("bnpo", "token", {"aggregation": "token_mean"}),
    "dr_grpo": ("dr_grpo", "token", {"aggregation": "constant_length", "max_length": LENGTH}),
    "dapo": ("dapo", "token", {"aggregation": "global_tokens"}),
    "cispo": ("cispo", "token", {"aggregation": "global_tokens"}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_losses(trainer: Any, name: str, beta: float) -> None:
    loss, level, options = CASES[name]
    for seed in range(100):
        x = make(seed)
        new = x["new"].requires_grad_()
        high = 1.5 if name == "cispo" else 0.28
        theirs = loss_of(trainer, x, loss, level, beta, low=0.2, high=high, delta=None)
        # it is half of two accumulated parts, but for the losses that divide by all tokens
        theirs = theirs * (1 if name in ("dapo", "cispo") else 2)
        counts = None
        if options["aggregation"] == "global_tokens":
            counts = Counts(float(x["items"]), 0.0, 0.0, 0.0)
        given = new, x["old"], x["advantages"], x["mask"]
        if name == "cispo":
            ours = cispo(*given, clip_low=1.0, clip_high=high - 1, counts=counts, **options)[0]
        else:
            ours = ppo_clip(*given, clip_low=0.2, clip_high=high, counts=counts, **options)[0]
        if beta:
            kl = kl_penalty(new, x["ref"], x["mask"], "k3")
            ours = ours + beta * aggregate(
                kl, x["mask"], options["aggregation"], options.get("max_length"), counts
            )
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        gradients = [torch.autograd.grad(value, new)[0] for value in (ours, theirs)]
        torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)
