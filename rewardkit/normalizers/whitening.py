"""Finished advantages rescaled over the whole batch, each row counting once, or once per token."""

from __future__ import annotations

from typing import Any

from array_api_compat import device

from rewardkit.normalizers.options import Options
from rewardkit.normalizers.rows import Batch, constant
from rewardkit.normalizers.segments import Array

#: larger counts of tokens are no counts: float64 has no more whole numbers
_MOST_TOKENS = 2.0**53


def finished(
    batch: Batch, advantages: Array, options: Options, lengths: Array | None, *, zero_sum: bool
) -> Array:
    """Sorted advantages as the caller gets them: whitened, in the caller's row order and dtype.

    Args:
        batch: where they come from.
        advantages: sorted (N,), 0 in rows that do not count.
        options: `whiten`, `batch_eps`, `eps_mode` and `ddof` are read.
        lengths: (N,) tokens of each row in the caller's order, read by `whiten` "token".
        zero_sum: the advantages add up to 0 by construction. What rounding leaves of their mean is then
            not taken off where each row counts once, as it would give rows without signal an advantage.

    Raises:
        ValueError: tokens are to be counted and there are no lengths, or they are no token counts, or an
            advantage is beyond the dtype of the rewards.
    """
    xp = batch.xp
    # in the caller's order, so that a sum over the batch adds the same numbers up in any layout
    x = batch.rows(advantages)
    if options.whiten != "none":
        counted = None if batch.counted is None else batch.rows(batch.counted)
        tokens = _tokens(xp, lengths, x) if options.whiten == "token" else None
        weigh = tokens if counted is None else xp.astype(counted, xp.float64)
        if tokens is not None and counted is not None:
            weigh = weigh * tokens
        x = _whitened(xp, x, weigh, options, centre=not (zero_sum and tokens is None))
        if counted is not None:
            x = xp.where(counted, x, 0.0)
    if batch.dtype != xp.float64 and not xp.all(xp.abs(x) <= xp.finfo(batch.dtype).max):
        raise ValueError("an advantage is too large for float32: give rewards as float64, or smaller ones")
    return xp.astype(x, batch.dtype)


def spread(batch: Batch, x: Array, ddof: int) -> Array:
    """The standard deviation of sorted (N,) values over all rows that count, a number of the array kind."""
    xp, x = batch.xp, batch.rows(x)
    if x.shape[0] == 0:
        return xp.sum(x)
    counted = None if batch.counted is None else batch.rows(batch.counted)
    shifted = x - xp.min(x if counted is None else xp.where(counted, x, float("inf")))
    if counted is None:
        total = float(x.shape[0])
        shifted = shifted - xp.sum(shifted) / total
    else:
        total = float(xp.sum(xp.astype(counted, xp.float64)))
        shifted = xp.where(counted, shifted, 0.0)
        shifted = xp.where(counted, shifted - xp.sum(shifted) / max(total, 1.0), 0.0)
    return xp.sqrt(xp.sum(shifted * shifted) / max(total - ddof, 1.0))


def _whitened(xp: Any, x: Array, weigh: Array | None, options: Options, *, centre: bool) -> Array:
    """(N,) over the deviation of rows that count `weigh` times (None: once)."""
    total = float(x.shape[0]) if weigh is None else float(xp.sum(weigh))
    if total == 0:
        return x
    if centre:
        # as in a group: what is constant is exactly 0 after its least is taken off
        x = x - xp.min(x if weigh is None else xp.where(weigh > 0, x, float("inf")))
        x = x - xp.sum(x if weigh is None else x * weigh) / total
    squares = xp.sum(x * x if weigh is None else x * x * weigh)
    variance = float(squares) / max(total - options.ddof, 1.0)
    return x * _scale(variance, options)


def _scale(variance: float, options: Options) -> float:
    eps = options.eps if options.batch_eps is None else options.batch_eps
    if variance == 0:
        return 1.0  # what it would scale is 0
    if options.eps_mode == "variance":
        return float((variance + eps) ** -0.5)
    if options.eps_mode == "floor":
        return float(max(variance, eps) ** -0.5)
    return float(1.0 / (variance**0.5 + eps))


def _tokens(xp: Any, lengths: Array | None, like: Array) -> Array:
    if lengths is None:
        raise ValueError(
            'whiten "token" counts each row once per token: pass lengths=..., the tokens of each row, or '
            'take whiten "sequence"'
        )
    tokens = xp.astype(xp.asarray(constant(lengths), device=device(like), copy=True), xp.float64)
    if tuple(tokens.shape) != tuple(like.shape):
        raise ValueError(f"lengths must have shape {tuple(like.shape)}, not {tuple(tokens.shape)}")
    if not xp.all((tokens >= 0) & (tokens <= _MOST_TOKENS)):
        raise ValueError("lengths must be token counts, 0 or more")
    return tokens
