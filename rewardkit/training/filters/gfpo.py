"""GFPO: many completions are sampled, and only those that are short or efficient are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .rows import Bools, Ints, Reals, Rows, State, Terms, prepare


def shortest(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    state: State,
    *,
    k: float = 0.5,
) -> tuple[Bools, State]:
    """Keeps the k shortest completions of each group, right or wrong. GFPO, arXiv 2508.09726, eq. 1.

    Args:
        rewards: (N, K) unweighted term values; only which rows have any matters.
        lengths: (N,) tokens.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,).
        state: comes back as it is.
        k: an integer from 2 on, as one completion alone has nothing to be compared with; or a share of the
            group's rows below 1, rounded up, that is of two rows at least. The paper's 8 of 16 is 0.5.

    Returns:
        keep (N,): k rows of each group, or all that count where it has fewer. Of two equally long ones
        the earlier row wins. A row of NaN only is never kept and takes no place.

    Raises:
        ValueError: shapes do not fit, or k is out of range.
    """
    check_k(k=k)
    rows = prepare(rewards, lengths, groups, weights)
    return rows.best(places(k, rows), rows.lengths), dict(state)


def token_efficiency(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    state: State,
    *,
    k: float = 0.5,
    terms: Terms = None,
    names: Sequence[str] | None = None,
) -> tuple[Bools, State]:
    """Keeps the k completions of each group with the most reward per token. GFPO, arXiv 2508.09726.

    The measure is meant for rewards from 0 on: where one is negative, being long makes it look better.
    With a 0/1 reward and k or more right completions only right ones stay, and with nothing but equal
    rewards the group then teaches nothing.

    Args:
        rewards: (N, K) unweighted term values, NaN where a term has no value.
        lengths: (N,) tokens; 0 counts as 1.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,) finite.
        state: comes back as it is.
        k: as for `shortest`.
        terms: number or name of the term that is the reward here, or several, whose weighted sum is; all
            unless given.
        names: (K,) of the terms.

    Returns:
        keep (N,), as for `shortest`. Of two equally efficient rows (all with a reward of 0 are) the
        shorter wins, then the earlier; rows without a value of the chosen terms come last.

    Raises:
        ValueError: shapes do not fit, k is out of range, or a term is unknown.
    """
    check_k(k=k)
    rows = prepare(rewards, lengths, groups, weights, terms, names)
    return rows.best(places(k, rows), *efficiency_keys(rows)), dict(state)


def efficiency_keys(rows: Rows) -> tuple[Reals, Reals]:
    """Keys of `Rows.best`: the most efficient first, then the shortest."""
    return np.where(rows.valued, -rows.totals / rows.lengths, np.inf), rows.lengths


def excess_length_reduction(initial: float, grpo: float, gfpo: float) -> float:
    """ELR: the share of the length that GRPO added which GFPO saved; 1 where it added none.

    ELR = (L_GRPO - L_GFPO) / (L_GRPO - L_initial); arXiv 2508.09726, section 4.

    Args:
        initial: mean length before training (the paper's SFT model).
        grpo: mean length after GRPO.
        gfpo: mean length after the same training with a filter.

    Raises ValueError where GRPO left the length as it was, as there is no excess to reduce.
    """
    if grpo == initial:
        raise ValueError("GRPO left the length as it was, so there is no excess length to reduce")
    return (grpo - gfpo) / (grpo - initial)


def places(k: float, rows: Rows) -> Ints:
    """(G,) how many rows of each group are kept."""
    if isinstance(k, int):
        return np.full(rows.groups, min(k, len(rows.group)), dtype=np.int64)
    sizes = np.bincount(rows.group, rows.counted, rows.groups)
    share: Ints = np.ceil(k * sizes - 1e-9).astype(np.int64)
    return np.maximum(share, 2)


def check_k(**ks: float) -> None:
    """Raises ValueError for a k that is neither an integer from 2 on nor a share."""
    for name, k in ks.items():
        count = isinstance(k, int) and not isinstance(k, bool) and k >= 2
        if not count and not (isinstance(k, float) and 0 < k < 1):
            raise ValueError(f"{name} must be an integer from 2 on, or a share between 0 and 1, not {k!r}")
