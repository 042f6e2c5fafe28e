"""Where a row stands in its group: its advantage, and each term beside the group's mean and deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rewardkit.normalizers.apply import AdvantageError, advantage
from rewardkit.types.normalizer import PROFILES, resolved

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores


@dataclass(frozen=True)
class Standing:
    """`mean` and `std` are those of the `count` rows of the group that have a value; NaN without."""

    name: str
    value: float
    mean: float
    std: float
    count: int


@dataclass(frozen=True)
class Advantage:
    """`remark` says what the number leaves out, or why there is none."""

    value: float | None
    size: int
    remark: str
    standings: tuple[Standing, ...]


def stand(scores: Scores, row: int, whole_batch: bool) -> Advantage | None:
    """A row's advantage under the spec's normalizer; `None` without groups or a normalizer.

    Whitening looks at the whole batch: unless the rows are one, the advantage is the one before it.
    """
    if scores.groups is None or scores.normalizer is None:
        return None
    name, given = scores.normalizer, scores.options
    options = resolved(name, given) if name in PROFILES else dict(given)
    tokens = options.get("whiten") == "token"
    whitens = tokens or (options.get("whiten", "none") != "none" and not whole_batch)
    members = (scores.groups == scores.groups[row]) & ~scores.skipped
    ddof = int(options.get("ddof", 1))
    columns = {"reward": scores.total} | {name: scores.matrix[:, k] for k, name in enumerate(scores.terms)}
    standings = tuple(_standing(column, x, members, row, ddof) for column, x in columns.items())
    size = int(members.sum())
    if name == "batch" and not whole_batch:
        return Advantage(None, size, "it is divided by the deviation of the whole batch", standings)
    try:
        found = advantage(scores, **({"whiten": "none"} if whitens else {}))
    except AdvantageError as error:
        return Advantage(None, size, str(error), standings)
    what = "the tokens of the whole batch" if tokens else "the whole batch"
    remark = f"before whitening, which looks at {what}" if whitens else ""
    return Advantage(float(found[row]), size, remark, standings)


def _standing(
    name: str, values: NDArray[np.float64], members: NDArray[np.bool_], row: int, ddof: int
) -> Standing:
    there = values[members & ~np.isnan(values)]
    with np.errstate(all="ignore"):
        mean = float(there.mean()) if len(there) else np.nan
        std = float(there.std(ddof=ddof)) if len(there) > ddof else np.nan
    mean, std = (x if np.isfinite(x) else np.nan for x in (mean, std))  # too large for a number
    return Standing(name, float(values[row]), mean, std, len(there))
