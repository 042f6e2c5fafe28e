"""What every normalizer starts from: checked arrays, laid out by group, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace, device, is_numpy_array, is_torch_array

from rewardkit.normalizers.segments import Array, Segments, segments

#: larger values could overflow when weighed and squared; also what finds infinities
LARGEST = 1e70


@dataclass(frozen=True)
class Batch:
    """N rows of K terms, sorted by group as `segments` lays them out: terms are axis 1.

    Statistics are taken in float64 whatever comes in, so float32 rewards with a large offset keep
    their variance.
    """

    xp: Any
    values: Array  #: float64, sorted (N, K), NaN where a term has no value
    present: Array | None  #: bool, sorted (N, K): the term has a value; None where all have
    counted: Array | None  #: bool, sorted (N,): the row has a value, the others are as skipped; None: all
    weights: Array  #: float64 (K,)
    segments: Segments
    dtype: Any  #: of the rewards, and so of the advantages
    largest: float | None  #: no value lies further from 0; None where nobody looked

    def weighted(self, x: Array, weights: Array, scale: Array | None = None) -> Array:
        """Sorted (N, K) -> (N,) weighted sums, one term after the other: the same bits in every layout.

        `scale`: a stat that multiplies each weight.
        """
        if x.shape[1] == 0:
            return self.xp.sum(x, axis=1)

        def weight(k: int) -> Array:
            return weights[k] if scale is None else self.segments.term(scale, k) * weights[k]

        found = x[:, 0] * weight(0)
        for k in range(1, x.shape[1]):
            found += x[:, k] * weight(k)
        return found

    def rows(self, x: Array) -> Array:
        """A sorted (N,) float64 result in the caller's row order."""
        return self.segments.unsort(x)


def prepare(rewards: Array, groups: Array, weights: Array, missing: str = "skip") -> Batch:
    """Checks (N, K) rewards, (N,) group ids and (K,) weights and sorts them by group.

    `missing`: "skip" leaves rows without a value out of every statistic; "zero" takes 0 for whatever has no
    value; "count" keeps what has none out of a group's statistics but counts its row in the batch's.

    Raises TypeError where rewards are no numpy or torch array, ValueError where shapes or dtypes do
    not fit, or a value is infinite (or beyond 1e70).
    """
    masked = type(rewards).__name__ == "MaskedArray"  # its mask would be lost: NaN says what is missing
    if masked or not (is_numpy_array(rewards) or is_torch_array(rewards)):
        raise TypeError(f"rewards must be a numpy array or a torch tensor, not {type(rewards).__name__}")
    xp, place = array_namespace(rewards), device(rewards)
    if rewards.dtype not in (xp.float32, xp.float64):
        raise ValueError(f"rewards must be float32 or float64, not {rewards.dtype}")
    if rewards.ndim != 2:
        raise ValueError(f"rewards must have shape (rows, terms), not {tuple(rewards.shape)}")
    n, k = rewards.shape
    # copied, as torch warns of the read-only arrays that polars hands out
    groups = xp.asarray(constant(groups), device=place, copy=True)
    if tuple(groups.shape) != (n,):
        raise ValueError(f"groups must have shape ({n},), one id per row, not {tuple(groups.shape)}")
    if n and not xp.isdtype(groups.dtype, "integral"):
        raise ValueError(f"groups must be integers, not {groups.dtype}")
    if is_torch_array(groups) and xp.isdtype(groups.dtype, "unsigned integer"):
        groups = xp.astype(groups, xp.int64)  # torch cannot compare most unsigned numbers
    weights = xp.asarray(constant(weights), dtype=xp.float64, device=place, copy=True)
    if tuple(weights.shape) != (k,):
        raise ValueError(f"weights must have shape ({k},), one per term, not {tuple(weights.shape)}")
    if not xp.all(xp.abs(weights) <= LARGEST):  # false for NaN as well
        raise ValueError("weights must be finite numbers")
    rewards = constant(rewards)
    largest = _largest(xp, rewards)
    parts = segments(xp, groups)
    values = xp.astype(parts.sort(rewards), xp.float64, copy=False)
    present = counted = None
    if largest is None and missing == "zero":
        values = xp.where(xp.isnan(values), 0.0, values)
    elif largest is None:
        present = ~xp.isnan(values)
        counted = xp.any(present, axis=1) if missing == "skip" else None
    return Batch(xp, values, present, counted, weights, parts, rewards.dtype, largest)


def _largest(xp: Any, rewards: Array) -> float | None:
    """The largest absolute value; None where some are missing. ValueError where one is infinite."""
    if rewards.shape[0] and rewards.shape[1]:
        # NaN wins a minimum and a maximum, and no comparison
        low, high = float(xp.min(rewards)), float(xp.max(rewards))
        if low >= -LARGEST and high <= LARGEST:
            return max(-low, high)
        if xp.any(xp.abs(rewards) > min(LARGEST, float(xp.finfo(rewards.dtype).max))):
            raise ValueError(f"rewards hold an infinity, or a value beyond {LARGEST:g}")
    return None  # without terms no row has a value


def constant(x: Array) -> Array:
    """`x` outside any autograd graph: an advantage is a constant of the policy loss."""
    return x.detach() if is_torch_array(x) else x
