"""Rollouts on their way between processes: 12 bytes or so per token, without the padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .rollout import Rollout


@dataclass(frozen=True)
class Packed:
    """The tokens of N completions one behind the other; P and T are those of the `Rollout`."""

    prompts: np.ndarray  #: int32: tokens of the prompts
    prompt_lengths: np.ndarray  #: int32 (N,)
    tokens: np.ndarray  #: int32: of the completions, up to the last that the policy generated
    lengths: np.ndarray  #: int32 (N,)
    mask: np.ndarray  #: uint8, eight tokens each
    logp: np.ndarray  #: float32, as many as tokens
    texts: tuple[str, ...]
    finished: np.ndarray  #: bool (N,)


def pack(rollout: Rollout) -> Packed:
    """The rollout on the CPU, without padding."""
    mask, there = rollout.mask.cpu().numpy(), rollout.prompt_mask.cpu().numpy()
    lengths = np.where(mask.any(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1), 0)
    held = np.arange(mask.shape[1]) < lengths[:, None]
    return Packed(
        rollout.prompt_ids.cpu().numpy()[there].astype(np.int32),
        there.sum(axis=1).astype(np.int32),
        rollout.completion_ids.cpu().numpy()[held].astype(np.int32),
        lengths.astype(np.int32),
        np.packbits(mask[held]),
        rollout.logp.cpu().numpy()[held],
        rollout.texts,
        rollout.finished.cpu().numpy(),
    )


def unpack(parts: Sequence[Packed], pad_id: int, device: torch.device) -> Rollout:
    """One rollout of all parts, one behind the other, as if it had been sampled here."""
    prompt_lengths = np.concatenate([part.prompt_lengths for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    width, length = int(prompt_lengths.max()), int(lengths.max())
    there = np.arange(width) >= width - prompt_lengths[:, None]
    held = np.arange(length) < lengths[:, None]

    def spread(values: np.ndarray, where: np.ndarray, empty: float) -> Tensor:
        out = np.full(where.shape, empty, dtype=values.dtype)
        out[where] = values
        found = torch.from_numpy(out)
        return (found.long() if out.dtype == np.int32 else found).to(device)

    bits = [np.unpackbits(part.mask, count=len(part.tokens)).astype(bool) for part in parts]
    return Rollout(
        spread(np.concatenate([part.prompts for part in parts]), there, pad_id),
        torch.from_numpy(there).to(device),
        spread(np.concatenate([part.tokens for part in parts]), held, pad_id),
        spread(np.concatenate(bits), held, False),
        spread(np.concatenate([part.logp for part in parts]), held, 0.0),
        tuple(text for part in parts for text in part.texts),
        torch.from_numpy(np.concatenate([part.finished for part in parts])).to(device),
    )
