"""`tools.*`: reading tool calls out of a completion, and comparing them with the gold calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from rewardkit.types.function import Axiom, Example, Function, Parameter
from rewardkit.types.interval import UNIT, Interval, between, point
from rewardkit.types.types import BOOL, CALL, REAL, TEXT, list_of
from rewardkit.types.values import Call, canonical_json, decode_json, make_call, skip_space

#: Calls read from one completion, or in one gold list: matching them is cubic
MAX_CALLS = 64

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_HIGHEST = 3.0

Calls = tuple[Call, ...]


# --- reading ---------------------------------------------------------------------------------------


def parse(text: str, style: str = "hermes") -> Calls | None:
    """The calls in a text, or `None` where they cannot be read."""
    try:
        return _STYLES[style](text)
    except ValueError:
        return None


def _parse_hermes(text: str) -> Calls:
    calls: list[Call] = []
    end = 0
    while (start := text.find(_OPEN, end)) >= 0:
        _refuse_close(text, end, start)
        before = len(calls)
        end = skip_space(text, start + len(_OPEN))
        # JSON first, then the closing tag: an argument may hold that tag as text
        while not text.startswith(_CLOSE, end):
            value, end = decode_json(text, end)
            calls.append(_hermes_call(value))
            end = skip_space(text, end)
        if not before < len(calls) <= MAX_CALLS:
            raise ValueError("a block without a call, or too many calls")
        end += len(_CLOSE)
    _refuse_close(text, end, len(text))
    return tuple(calls)


def _refuse_close(text: str, start: int, end: int) -> None:
    if text.find(_CLOSE, start, end) >= 0:
        raise ValueError("a block is closed that was not opened")


def _hermes_call(value: Any) -> Call:
    """Nothing beside the name and the arguments: other keys would be a place to hide text in."""
    if not isinstance(value, dict) or value.keys() not in ({"name", "arguments"}, {"name", "parameters"}):
        raise ValueError("not a call")
    return make_call(value["name"], value.get("arguments", value.get("parameters")))


_STYLES: dict[str, Callable[[str], Calls]] = {"hermes": _parse_hermes}


# --- comparing -------------------------------------------------------------------------------------


def same(found: Calls, gold: Calls) -> bool:
    return Counter(found) == Counter(gold)


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
    return size, _MATCHINGS[matching](weights)


def _arguments(call: Call) -> dict[str, str]:
    return {key: canonical_json(value) for key, value in json.loads(call.arguments).items()}


def _size(calls: Sequence[dict[str, str]]) -> int:
    return sum(1 + len(arguments) for arguments in calls)


def _similarity(gold: dict[str, str], found: dict[str, str]) -> float:
    """Jaccard index of the parameter names, and one for each equal value."""
    shared = gold.keys() & found.keys()
    either = len(gold) + len(found) - len(shared)
    names = len(shared) / either if either else 1.0
    return names + sum(gold[key] == found[key] for key in shared)


# --- matching: the weight of a one-to-one matching of rows (gold) with columns (found) -------------


def _greedy(weights: list[list[float]]) -> float:
    """Each row in turn takes the best column left."""
    total, free = 0.0, set(range(len(weights[0]) if weights else 0))
    for row in weights:
        best = max(sorted(free), key=row.__getitem__, default=None)
        if best is not None and row[best] > 0:
            total += row[best]
            free.remove(best)
    return total


def _in_order(weights: list[list[float]]) -> float:
    """The heaviest matching without crossings."""
    best = [0.0] * (len(weights[0]) + 1 if weights else 1)
    for row in weights:
        above, best = best, [0.0]
        for column, weight in enumerate(row):
            best.append(max(best[-1], above[column + 1], above[column] + weight))
    return best[-1]


def _optimal(weights: list[list[float]]) -> float:
    """The heaviest matching: the Hungarian algorithm, adding one row at a time."""
    if weights and len(weights) > len(weights[0]):
        weights = [list(column) for column in zip(*weights, strict=True)]
    if not weights:
        return 0.0
    rows, columns = len(weights), len(weights[0])
    # Row and column 0 are outside the matrix; `owner[c]` is the row that column `c` is matched with.
    # Costs are negated weights, and `price_row[r] + price_column[c]` never exceeds the cost.
    price_row, price_column = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        slack, came_from = [float("inf")] * (columns + 1), [0] * (columns + 1)
        done = [False] * (columns + 1)
        while owner[column]:
            done[column] = True
            here, nearest, step = owner[column], 0, float("inf")
            for c in range(1, columns + 1):
                if done[c]:
                    continue
                left = -weights[here - 1][c - 1] - price_row[here] - price_column[c]
                if left < slack[c]:
                    slack[c], came_from[c] = left, column
                if slack[c] < step:
                    step, nearest = slack[c], c
            for c in range(columns + 1):
                if done[c]:
                    price_row[owner[c]] += step
                    price_column[c] -= step
                else:
                    slack[c] -= step
            column = nearest
        while column:
            owner[column] = owner[came_from[column]]
            column = came_from[column]
    return sum(weights[owner[c] - 1][c - 1] for c in range(1, columns + 1) if owner[c])


_MATCHINGS: dict[str, Callable[[list[list[float]]], float]] = {
    "optimal": _optimal,
    "greedy": _greedy,
    "in_order": _in_order,
}


# --- declarations ----------------------------------------------------------------------------------

_CALLS = list_of(CALL)
_FOUND, _GOLD = Parameter("found", _CALLS), Parameter("gold", _CALLS)
_MATCHING = Parameter("matching", TEXT, default="optimal", constant=True, choices=tuple(_MATCHINGS))


def _block(*calls: str) -> str:
    """An expression of the language for the calls of one Hermes block."""
    return f'tools.parse("""{_OPEN}{" ".join(calls)}{_CLOSE}""")'


_ADD = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
_WRONG = '{"name": "add", "arguments": {"a": 1, "b": 3}}'
_SPAM = '{"name": "sub", "arguments": {"a": 1, "b": 2}}'
_TOO_MANY = f"more than {MAX_CALLS} gold calls"

FUNCTIONS = (
    Function(
        name="tools.parse",
        parameters=(
            Parameter("text", TEXT),
            Parameter("style", TEXT, default="hermes", constant=True, choices=tuple(_STYLES)),
        ),
        result=_CALLS.nullable,
        summary="the tool calls in a text; `[]` where there are none, null where they cannot be read",
        executor="inline",
        implementation=parse,
        examples=(
            Example(f"len({_block(_ADD, _SPAM)})", 2),
            Example('len(tools.parse("none needed"))', 0),
            Example(f"{_block(_ADD[:-1])} == null", True),
        ),
        doc=f"""\
`hermes`: JSON objects between `{_OPEN}` and `{_CLOSE}`, one or more to a block, any number of blocks,
with white space anywhere that JSON allows it and free text outside. Each object holds exactly `name`,
a text, and `arguments` (or `parameters`), an object. All of `text` is read, so cut reasoning off first
if calls that are only thought of must not count.

Null: a tag without its partner, an empty block, anything but such objects in a block, JSON that is not
strict (NaN, repeated keys, very deep nesting, endless digits), more than {MAX_CALLS} calls.
""",
    ),
    Function(
        name="tools.same",
        parameters=(_FOUND, _GOLD),
        result=BOOL,
        summary="whether the two lists hold the same calls, in any order",
        executor="inline",
        implementation=same,
        examples=(
            Example(f"tools.same({_block(_ADD, _SPAM)}, {_block(_SPAM, _ADD)})", True),
            Example(f"tools.same({_block(_ADD)}, {_block(_ADD, _ADD)})", False),
        ),
        axioms=(
            Axiom(True, "tools.match", point(3)),
            Axiom(False, "tools.match", Interval(Fraction(-3), Fraction(3), hi_open=True)),
            Axiom(True, "tools.name_match", point(1)),
            Axiom(True, "tools.argument_match", point(1)),
        ),
        doc="""\
Equal as multisets: order does not count, repetition does. Arguments are equal as JSON: the order of keys
and white space do not count, `1.0` is `1`, but `1`, `true` and `"1"` are three values.
""",
    ),
    Function(
        name="tools.name_match",
        parameters=(_FOUND, _GOLD),
        result=REAL,
        range=UNIT,
        summary="how far the names of the calls agree",
        executor="inline",
        implementation=name_match,
        examples=(Example(f"tools.name_match({_block(_ADD, _SPAM)}, {_block(_ADD)})", 0.5),),
        doc="""\
The Jaccard index of the two multisets of names: those in common over those in either; 1 where both
lists are empty.
""",
    ),
    Function(
        name="tools.argument_match",
        parameters=(_FOUND, _GOLD, _MATCHING),
        result=REAL,
        range=UNIT,
        faults=True,
        fails=_TOO_MANY,
        summary="how far the arguments of the calls agree",
        executor="inline",
        implementation=argument_match,
        examples=(
            Example(f"tools.argument_match({_block(_ADD)}, {_block(_ADD)})", 1.0),
            Example(f"tools.argument_match({_block(_ADD, _SPAM)}, {_block(_ADD)})", 0.5),
        ),
        doc="""\
Calls of the same name are matched one to one. A matched pair earns the Jaccard index of its parameter
names plus one for each equal value; the sum is divided by `1 + number of arguments`, summed over the
calls of the larger list. 1 where both lists are empty. `matching` is explained at `tools.match`.
""",
    ),
    Function(
        name="tools.match",
        parameters=(
            _FOUND,
            _GOLD,
            Parameter("style", TEXT, default="toolrl", constant=True, choices=("toolrl", "toolrl_published")),
            _MATCHING,
        ),
        result=REAL,
        range=between(-3, 3),
        faults=True,
        fails=_TOO_MANY,
        summary="ToolRL's correctness: 3 for exactly the gold calls, -3 for nothing of them",
        executor="inline",
        implementation=match,
        examples=(
            Example(f"tools.match({_block(_ADD)}, {_block(_ADD)})", 3.0),
            Example(f"tools.match({_block(_WRONG)}, {_block(_ADD)})", 1.5),
            Example(f'tools.match({_block(_SPAM)}, tools.parse(""))', -3.0),
        ),
        doc=f"""\
The correctness reward of ToolRL (Qian et al. 2025, arXiv 2504.13958, reward design), as GDPO uses it:

    r_name  = names in common / names in either, as multisets
    r_param = for each matched pair, parameter names in common / in either (1 where there are none)
    r_value = for each matched pair, how many parameters have equal values
    R       = 6 * (r_name + sum of r_param + sum of r_value) / S_max - 3

Calls are matched one to one, and only with calls of their own name. `matching` says how: `optimal` takes
the heaviest matching, as the paper describes; `greedy` lets each gold call in turn take the best call
left, as the published code does; `in_order` takes the heaviest one without crossings, so that a wrong
order costs. Arguments are equal as JSON (see `tools.same`).

Two styles differ in what else may be called:

- `toolrl_published`: `S_max = 1 + sum over gold of (1 + its parameters)`. A right call of one parameter
  with a needless call beside it still scores 2, a right call of eight scores 2.7; gold without calls
  scores 0 whatever is called.
- `toolrl`, the default: `S_max` is the larger of that sum for the gold and for the found calls, so that
  every call and every argument too many costs what a missing one does. Where no call is expected, none
  scores 3 and any scores -3. It equals the published score whenever the found calls are not the larger.

3 is reached by the same calls only (in any order, unless `in_order`). The arguments of more than
{MAX_CALLS} found calls earn nothing. Calls that could not be read are null, and so is their score: the
spec says what that is worth, as in `tools.match(tools.parse(completion.text), gold) ?? -3`.
""",
    ),
)
