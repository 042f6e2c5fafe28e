"""What the checker knows of normalizers: their names, options and profiles. `normalizers/` implements them.

A profile is a named row of options. The first of a normalizer is its default, and an option that is written
out lies over the profile's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rewardkit.types.interval import NON_NEGATIVE, Interval, between


@dataclass(frozen=True)
class Option:
    """An option of `advantage NAME { ... }`: a number in `range`, or one of `choices`."""

    kind: Literal["real", "int", "text", "bool"]
    default: Any  #: in the default profile; `None`: what `about` says
    range: Interval | None = None
    choices: tuple[str, ...] = ()
    about: str = ""


Row = Mapping[str, Any]


def _profiles(base: Row, **changes: Row) -> Mapping[str, Row]:
    """Profiles that are `base` with some options changed."""
    return {name: {**base, **changed} for name, changed in changes.items()}


_GRPO = {"eps": 1e-4, "ddof": 1, "baseline": "group", "single": "zero", "missing": "skip", "whiten": "none"}
_RLOO = {"eps": 1e-4, "ddof": 1, "single": "zero", "missing": "skip", "whiten": "none"}
_BATCH = {"eps": 1e-4, "ddof": 1, "missing": "skip", "whiten": "none"}
_PLUS = {"eps": 0.0, "eps_mode": "deviation", "ddof": 1, "baseline": "none", "single": "zero"}
_PLUS |= {"missing": "skip", "whiten": "token"}
_GDPO = {"eps": 1e-4, "batch_eps": None, "eps_mode": "deviation", "ddof": 1, "baseline": "group"}
_GDPO |= {"single": "zero", "missing": "skip", "whiten": "sequence"}

#: normalizer -> profile -> every option; where each row comes from: docs/normalizers.md
PROFILES: Mapping[str, Mapping[str, Row]] = {
    "grpo": _profiles(
        _GRPO,
        trl={},
        paper={"eps": 0.0},
        verl={"eps": 1e-6, "single": "raw"},
        nemo_rl={"eps": 1e-6, "baseline": "leave_one_out", "missing": "zero"},
        ms_swift={"missing": "zero"},
    ),
    "dr_grpo": _profiles(
        _GRPO,
        trl={},
        paper={},
        verl={"single": "raw"},
        nemo_rl={"baseline": "leave_one_out", "missing": "zero"},
        ms_swift={"missing": "zero"},
    ),
    "gdpo": _profiles(
        _GDPO,
        trl={},
        paper={"eps": 0.0, "batch_eps": 1e-4},
        verl={"eps": 1e-6, "batch_eps": 1e-8, "eps_mode": "variance", "single": "raw", "whiten": "token"},
        nemo_rl={"eps": 1e-6, "batch_eps": 0.0, "baseline": "leave_one_out", "missing": "zero"},
        ms_swift={"eps": 1e-8, "missing": "count"},
    ),
    "rloo": _profiles(
        _RLOO,
        trl={},
        paper={},
        verl={"single": "raw"},
        nemo_rl={"missing": "zero"},
        ms_swift={"missing": "zero"},
    ),
    "reinforce_pp": _profiles(
        _PLUS,
        paper={},
        verl={"eps": 1e-8, "eps_mode": "variance", "single": "raw"},
        nemo_rl={"eps": 1e-8, "eps_mode": "floor", "ddof": 0, "baseline": "group", "missing": "zero"},
        ms_swift={"eps": 1e-4, "baseline": "group", "missing": "zero", "whiten": "sequence"},
    ),
    "batch": _profiles(_BATCH, trl={}, paper={"eps": 0.0}, ms_swift={"missing": "zero"}),
}

#: option -> what it is; `choices` may be fewer for a normalizer, see `_WITHOUT`
_OPTIONS: Mapping[str, Option] = {
    "eps": Option("real", 0.0, NON_NEGATIVE, about="added to a standard deviation"),
    "batch_eps": Option("real", None, NON_NEGATIVE, about="the same for the batch's deviation: as `eps`"),
    "eps_mode": Option(
        "text", "", choices=("deviation", "variance", "floor"),
        about="what the batch's eps is added to; `floor`: the least variance",
    ),
    "ddof": Option("int", 1, between(0, 1), about="1 for the sample's deviation, 0 for the population's"),
    "baseline": Option(
        "text", "", choices=("group", "leave_one_out", "none"),
        about="the mean taken off: the group's, or that of the other rows, whose deviation then divides",
    ),
    "single": Option(
        "text", "", choices=("zero", "raw"), about="what the only value of its group gets: 0, or itself"
    ),
    "missing": Option(
        "text", "", choices=("skip", "zero", "count"),
        about="a row without values is in no statistic, or has the reward 0; `count`: only in the batch's",
    ),
    "whiten": Option(
        "text", "", choices=("none", "sequence", "token"),
        about="rescale over the batch, each row counting once, or once per token",
    ),
}  # fmt: skip

#: choices that make no sense, or no difference, for a normalizer
_WITHOUT: Mapping[str, tuple[str, ...]] = {
    "grpo": ("none", "count"),
    "dr_grpo": ("none", "count"),
    "gdpo": ("none",),
    "rloo": ("count",),
    "reinforce_pp": ("leave_one_out", "count"),
    "batch": ("count",),
}


def _declared(name: str) -> Mapping[str, Option]:
    profiles = PROFILES[name]
    default = next(iter(profiles))
    about = "the options of an implementation; what is written out lies over them"
    out = {"profile": Option("text", default, choices=tuple(profiles), about=about)}
    for option, value in profiles[default].items():
        o = _OPTIONS[option]
        without = _WITHOUT[name] if option in ("baseline", "missing") else ()
        out[option] = Option(o.kind, value, o.range, tuple(c for c in o.choices if c not in without), o.about)
    return out


NORMALIZERS: Mapping[str, Mapping[str, Option]] = {name: _declared(name) for name in PROFILES}


def resolved(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of a normalizer but `profile`: those that are given, the others from its profile.

    `None` is as not given, and a profile that there is not is as the default.
    """
    profiles = PROFILES[name]
    row = profiles.get(str(given.get("profile")), next(iter(profiles.values())))
    return {**row, **{k: v for k, v in given.items() if v is not None and k != "profile"}}
