"""Random minibatches for the losses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from rewardkit.training.losses import OBJECTIVES, Counts, count, sampled_kl

#: an objective, its options; each aggregation, ratio, score and contrast at least once
CASES = [
    ("ppo_clip", {}),
    ("ppo_clip", {"aggregation": "sequence_mean", "ratio": "sequence", "clip_low": 3e-4, "clip_high": 4e-4}),
    ("ppo_clip", {"aggregation": "sequence_mean", "ratio": "sequence_token"}),
    ("ppo_clip", {"aggregation": "constant_length", "max_length": 9, "dual_clip": 3.0}),
    ("ppo_clip", {"aggregation": "global_tokens", "clip_high": 0.28}),
    ("cispo", {}),
    ("cispo", {"ratio": "sequence", "clip_low": 0.2, "clip_high": 0.2, "aggregation": "sequence_mean"}),
    ("gvpo", {}),
    ("gvpo", {"beta": 2.0}),
    ("disco", {}),
    ("disco", {"score": "l_ratio", "tau": 0.1, "delta": 0.05, "penalty": 10.0}),
    ("disco", {"score": "l_ratio", "contrast": "mean", "penalty": 0.0}),
    ("disco", {"contrast": "mean", "delta": -1.0}),
]
IDS = [name + "".join(f"-{value}" for value in options.values()) for name, options in CASES]


@dataclass(frozen=True)
class Mini:
    """A minibatch of B completions of T tokens, float64."""

    new: Tensor
    old: Tensor
    advantages: Tensor
    mask: Tensor
    groups: Tensor

    def rows(self, rows: Tensor) -> Mini:
        return Mini(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def poisoned(self) -> Mini:
        """NaN and infinities wherever nothing may be read."""
        off = self.mask == 0
        advantages = torch.where(off.all(dim=1), math.nan, self.advantages)
        return replace(
            self,
            new=self.new.masked_fill(off, -math.inf),
            old=self.old.masked_fill(off, math.nan),
            advantages=advantages,
        )

    def call(self, name: str, options: dict, counts: Counts | None = None, kl: Tensor | None = None):
        """Loss, gradient (B, T) and metrics."""
        new = self.new.clone().requires_grad_()
        if kl is not None and OBJECTIVES[name].minibatch_kl:
            options = {**options, "kl": kl}
        loss, metrics = OBJECTIVES[name].function(
            new, self.old, self.advantages, self.mask, self.groups, counts=counts, **options
        )
        (gradient,) = torch.autograd.grad(loss, new)
        return loss.detach(), gradient, metrics

    def counts(self) -> Counts:
        return count(self.mask, self.groups)

    def kl(self) -> Tensor:
        return sampled_kl(self.new, self.old, self.mask)


def make(seed: int, rows: int, tokens: int, groups: int) -> Mini:
    """Ragged groups under any ids, in any order; some rows and some tokens in between are masked."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    old = -draw(rows, tokens).abs()
    ids = torch.randint(-(2**40), 2**40, (groups,), generator=rng)
    mask = torch.rand(rows, tokens, generator=rng) < 0.7
    mask &= torch.rand(rows, 1, generator=rng) < 0.8
    spread = 10.0 ** torch.randint(-4, 1, (), generator=rng)
    return Mini(
        new=old + spread * draw(rows, tokens),
        old=old,
        advantages=draw(rows) * (torch.rand(rows, generator=rng) < 0.8),
        mask=mask,
        groups=ids[torch.randint(0, groups, (rows,), generator=rng)],
    )


minibatches = st.builds(
    make,
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 12),
    tokens=st.integers(1, 6),
    groups=st.integers(1, 4),
)
