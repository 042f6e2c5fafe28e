"""How far the calls that were found are the gold ones: ToolRL's correctness and its parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from rewardkit.library.tools.matching import MATCHINGS
from rewardkit.library.tools.reading import MAX_CALLS, Calls
from rewardkit.types.values import Call, canonical_json

_HIGHEST = 3.0
#: No argument has this name: half of a surrogate pair is in no text
_NO_NAME = "\ud800"


def same(found: Calls, gold: Calls) -> bool:
    return Counter((c.name, c.arguments) for c in found) == Counter((c.name, c.arguments) for c in gold)


def name_match(found: Calls, gold: Calls) -> float:
    """Jaccard index of the two multisets of names."""
    if not found and not gold:
        return 1.0
    shared = (Counter(call.name for call in found) & Counter(call.name for call in gold)).total()
    return shared / (len(found) + len(gold) - shared)


def argument_match(found: Calls, gold: Calls, matching: str = "optimal") -> float:
    """What the matched calls earn, as a share of what the larger of the two lists could earn."""
    if not found and not gold:
        return 1.0
    size, matched = _compare(found, gold, matching, published=False)
    return matched / size


def match(found: Calls, gold: Calls, style: str = "toolrl", matching: str = "optimal") -> float:
    published = style == "toolrl_published"
    if not gold:
        return 0.0 if published else -_HIGHEST if found else _HIGHEST
    size, matched = _compare(found, gold, matching, published)
    return 2 * _HIGHEST * (name_match(found, gold) + matched) / (1 + size) - _HIGHEST


def _compare(found: Calls, gold: Calls, matching: str, published: bool) -> tuple[int, float]:
    """The most that can be earned, and what the matched calls earn."""
    if len(gold) > MAX_CALLS:
        raise ValueError(f"{len(gold)} gold calls, at most {MAX_CALLS} can be matched")
    theirs, ours = [_arguments(call) for call in found], [_arguments(call) for call in gold]
    size = _size(ours) if published else max(_size(ours), _size(theirs))
    if len(found) > MAX_CALLS:
        return size, 0.0  # no gold list is as long, so nothing that right is lost
    weights = [
        [_similarity(a, b) if f.name == g.name else 0.0 for f, b in zip(found, theirs, strict=True)]
        for g, a in zip(gold, ours, strict=True)
    ]
    return size, MATCHINGS[matching](weights)


def _arguments(call: Call) -> dict[str, str]:
    """Each argument's canonical text. Of a message's call they may be some text that is no JSON object."""
    arguments = json.loads(call.arguments)
    if not isinstance(arguments, dict):
        return {_NO_NAME: call.arguments}
    return {key: canonical_json(value) for key, value in arguments.items()}


def _size(calls: Sequence[dict[str, str]]) -> int:
    return sum(1 + len(arguments) for arguments in calls)


def _similarity(gold: dict[str, str], found: dict[str, str]) -> float:
    """Jaccard index of the parameter names, and one for each equal value."""
    shared = gold.keys() & found.keys()
    either = len(gold) + len(found) - len(shared)
    names = len(shared) / either if either else 1.0
    return names + sum(gold[key] == found[key] for key in shared)
