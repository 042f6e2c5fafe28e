"""How a batch is divided: into minibatches, among processes, and into parts that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


def minibatches(groups: np.ndarray, size: int, seed: int) -> Iterator[Tensor]:
    """Split rows into `size` parts of whole groups, groups in random order: row indices, int64.

    There are fewer parts where there are fewer groups.
    """
    ids = np.unique(groups)
    shuffled = np.random.default_rng(seed).permutation(ids)
    for part in np.array_split(shuffled, min(size, len(ids))):
        yield torch.from_numpy(np.flatnonzero(np.isin(groups, part)))


def micro_batches(rows: Tensor, groups: np.ndarray, size: int | None, whole_groups: bool) -> list[Tensor]:
    """Split the rows of a minibatch into parts of at most `size`, of whole groups if need be.

    A group larger than `size` is a part of its own then.
    """
    if size is None or len(rows) <= size:
        return [rows]
    if not whole_groups:
        return list(torch.split(rows, size))
    parts: list[list[Tensor]] = [[]]
    own = groups[rows.numpy()]
    for group in np.unique(own):
        members = rows[torch.from_numpy(own == group)]
        if parts[-1] and sum(map(len, parts[-1])) + len(members) > size:
            parts.append([])
        parts[-1].append(members)
    return [torch.cat(part) for part in parts]


def shares(rows: Tensor, groups: np.ndarray, tokens: Tensor, processes: int) -> list[Tensor]:
    """The rows of a minibatch by process, in whole groups, such that each has about as many tokens.

    `groups` (N,) and `tokens` (N,), those that carry loss, are of the whole batch.
    The longest group first, each to the process that has the fewest tokens so far.
    """
    if processes == 1:
        return [rows]
    own = groups[rows.numpy()]
    lengths = tokens[rows].cpu().numpy()
    ids, dense = np.unique(own, return_inverse=True)
    sums = np.bincount(dense, weights=lengths)
    owner, held = np.zeros(len(ids), dtype=np.int64), np.zeros(processes)
    for group in np.argsort(-sums, kind="stable"):
        owner[group] = held.argmin()
        held[owner[group]] += sums[group]
    return [rows[torch.from_numpy(owner[dense] == rank)] for rank in range(processes)]
