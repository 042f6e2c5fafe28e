"""From `Scores` to advantages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardkit.diagnostics import RewardError
from rewardkit.normalizers.registry import get
from rewardkit.plugins import check_options, takes

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores


def advantage(
    scores: Scores, normalizer: str | None = None, *, lengths: Any = None, **options: Any
) -> np.ndarray:
    """Advantages of the scored rows: float64 (N,).

    Args:
        scores: what scoring gave, with groups.
        normalizer: a name; the spec's `advantage` statement unless given.
        lengths: (N,) tokens of each row, for a normalizer that counts tokens (`whiten: "token"`); others
            do not look at it.
        options: of the normalizer, over those of the spec. The spec's own apply only while the
            normalizer is the one that the spec names.

    Returns:
        One advantage per row. 0 for a skipped row, and for a row without any value. Where the spec
        gives `scale`, it multiplies last, after whitening; a row whose scale is null gets 0.

    Raises:
        AdvantageError: no normalizer is named or it is unknown, it has no such option, or the scores
            have no groups, or no lengths where tokens count, or a value is too large for its statistics.
    """
    try:
        return _advantage(scores, normalizer, lengths, options)
    except ValueError as error:
        raise AdvantageError(str(error)) from error


class AdvantageError(RewardError, ValueError):
    """Scores that no advantage can be made of, or a normalizer or option there is not."""


def _advantage(scores: Scores, normalizer: str | None, lengths: Any, options: dict[str, Any]) -> np.ndarray:
    name = normalizer if normalizer is not None else scores.normalizer
    if name is None:
        raise ValueError('no normalizer: write `advantage gdpo` in the spec or pass normalizer="gdpo"')
    if scores.groups is None:
        raise ValueError("advantages compare the rows of a group: score with group=... first")
    function = get(name)
    chosen = {**(scores.options if name == scores.normalizer else {}), **options}
    check_options(f"normalizer `{name}`", function, chosen)
    if lengths is not None and takes(function, "lengths"):
        chosen["lengths"] = _lengths(lengths, len(scores))
    # a skipped row is not there: not as a missing value either, which a normalizer may count
    here = ~scores.skipped
    if here.all():
        return _scaled(scores, function(scores.matrix, scores.groups, scores.weights, **chosen))
    if "lengths" in chosen:
        chosen["lengths"] = chosen["lengths"][here]
    found = np.zeros(len(scores))
    found[here] = function(scores.matrix[here], scores.groups[here], scores.weights, **chosen)
    return np.where(here, _scaled(scores, found), 0.0)


def _scaled(scores: Scores, advantages: Any) -> np.ndarray:
    found = np.asarray(advantages, dtype=np.float64)
    return found if scores.scale is None else found * np.nan_to_num(scores.scale, nan=0.0)


def _lengths(lengths: Any, n: int) -> np.ndarray:
    found = np.asarray(lengths)
    if found.shape != (n,):
        raise ValueError(f"lengths must have shape ({n},), one per row, not {found.shape}")
    return found
