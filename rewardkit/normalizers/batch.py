"""What every normalizer starts from: checked arrays, sorted by group, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace, device, is_numpy_array, is_torch_array

from rewardkit.normalizers.segments import Array, Segments, segments
from rewardkit.types.normalizer import WHITEN

#: larger values could overflow when weighed and squared; also what finds infinities
LARGEST = 1e70


@dataclass(frozen=True)
class Batch:
    """N rows of K terms, sorted by group.

    Statistics are taken in float64 whatever comes in, so float32 rewards with a large offset keep
    their variance.
    """

    xp: Any
    values: Array  #: float64 (N, K), NaN where a term has no value
    present: Array  #: bool (N, K): the term has a value
    counted: Array  #: bool (N,): the row has a value; the others are as skipped
    weights: Array  #: float64 (K,)
    segments: Segments
    dtype: Any  #: of the rewards, and so of the advantages

    def rows(self, x: Array) -> Array:
        """A sorted (N,) result in the caller's row order and dtype."""
        return self.xp.astype(self.segments.unsort(x), self.dtype)


def prepare(rewards: Array, groups: Array, weights: Array) -> Batch:
    """Checks (N, K) rewards, (N,) group ids and (K,) weights and sorts them by group.

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
    groups = xp.asarray(_constant(groups), device=place, copy=True)
    if tuple(groups.shape) != (n,):
        raise ValueError(f"groups must have shape ({n},), one id per row, not {tuple(groups.shape)}")
    if n and not xp.isdtype(groups.dtype, "integral"):
        raise ValueError(f"groups must be integers, not {groups.dtype}")
    weights = xp.asarray(_constant(weights), dtype=xp.float64, device=place, copy=True)
    if tuple(weights.shape) != (k,):
        raise ValueError(f"weights must have shape ({k},), one per term, not {tuple(weights.shape)}")
    if not xp.all(xp.abs(weights) <= LARGEST):  # false for NaN as well
        raise ValueError("weights must be finite numbers")
    dtype = rewards.dtype
    rewards = xp.astype(_constant(rewards), xp.float64, copy=False)
    if xp.any(xp.abs(rewards) > LARGEST):
        raise ValueError(f"rewards hold an infinity, or a value beyond {LARGEST:g}")
    parts = segments(xp, groups)
    values = parts.sort(rewards)
    present = ~xp.isnan(values)
    return Batch(xp, values, present, xp.any(present, axis=1), weights, parts, dtype)


def check_options(eps: float, ddof: int, whiten: str) -> None:
    """Raises ValueError for an option outside what `rewardkit.types.normalizer` declares."""
    if not 0 <= eps < float("inf"):
        raise ValueError(f"eps must be a number >= 0, not {eps!r}")
    if ddof not in (0, 1):
        raise ValueError(f"ddof must be 0 or 1, not {ddof!r}")
    if whiten not in WHITEN:
        raise ValueError(f"whiten must be one of {', '.join(WHITEN)}, not {whiten!r}")


def _constant(x: Array) -> Array:
    """`x` outside any autograd graph: an advantage is a constant of the policy loss."""
    return x.detach() if is_torch_array(x) else x
