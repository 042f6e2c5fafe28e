"""GFPO: many completions are sampled, and only those that are short or efficient are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .rows import Bools, Reals, Rows, State, Terms, prepare


def shortest(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    state: State,
    *,
    k: int = 8,
) -> tuple[Bools, State]:
    """Keeps the k shortest completions of each group, right or wrong. GFPO, arXiv 2508.09726, eq. 1.

    Args:
        rewards: (N, K) unweighted term values; only which rows have any matters.
        lengths: (N,) tokens.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,).
        state: comes back as it is.
        k: 2 or more, as one completion alone has nothing to be compared with.

    Returns:
        keep (N,): k rows of each group, or all that count where it has fewer. Of two equally long ones
        the earlier row wins. A row of NaN only is never kept and takes no place.

    Raises:
        ValueError: shapes do not fit, or k is less than 2.
    """
    check_k(k=k)
    rows = prepare(rewards, lengths, groups, weights)
    return rows.best(np.full(rows.groups, k), rows.lengths), dict(state)


def token_efficiency(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    state: State,
    *,
    k: int = 8,
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
        k: 2 or more.
        terms: number or name of the term that is the reward here, or several, whose weighted sum is; all
            unless given.
        names: (K,) of the terms.

    Returns:
        keep (N,), as for `shortest`. Of two equally efficient rows (all with a reward of 0 are) the
        shorter wins, then the earlier; rows without a value of the chosen terms come last.

    Raises:
        ValueError: shapes do not fit, k is less than 2, or a term is unknown.
    """
    check_k(k=k)
    rows = prepare(rewards, lengths, groups, weights, terms, names)
    return rows.best(np.full(rows.groups, k), *efficiency_keys(rows)), dict(state)


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


def check_k(**ks: int) -> None:
    """Raises ValueError for a k that is no integer from 2 on."""
    for name, k in ks.items():
        if not isinstance(k, int) or isinstance(k, bool) or k < 2:
            raise ValueError(f"{name} must be an integer from 2 on, not {k!r}")
