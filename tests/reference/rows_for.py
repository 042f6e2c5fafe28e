"""Rows for any checked spec, by the types and ranges that it declares."""

import random
from fractions import Fraction
from typing import Any

from rewardkit.checker.spec import InputSpec, Spec
from rewardkit.types.interval import FULL, Interval, whole
from rewardkit.types.types import Type

_TEXTS = (
    "", "a", "4", "so \\boxed{4}", "a b a b", "<think>so</think><answer>4</answer>", "1,200.5", "é\nÄ",
    '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>', "```python\nx = 1\n```", '{"a": 1}',
)  # fmt: skip
_CALLS = (
    {"name": "add", "arguments": {"a": 1}},
    {"name": "add", "arguments": {}},
    {"name": "b", "arguments": {}},
)


def rows_for(spec: Spec, chance: random.Random, size: int, groups: int) -> list[dict[str, Any]]:
    """`groups` groups of `size` rows each, every value inside its declared range."""
    rows = []
    for _ in range(groups):
        shared = {"prompt": chance.choice(_TEXTS)}
        shared |= {i.column: _value(i, chance) for i in spec.inputs.values() if i.per_prompt}
        for _ in range(size):
            own = {i.column: _value(i, chance) for i in spec.inputs.values() if not i.per_prompt}
            rows.append({**_completion(chance), **own, **shared})
    return rows


def _completion(chance: random.Random) -> dict[str, Any]:
    text = chance.choice(_TEXTS)
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": text, "tool_calls": []}]
    return {
        "completion": chance.choice([text, messages]),
        "completion_tokens": chance.choice([0, 1, 7, 300, 5000]),
        "finished": chance.random() < 0.8,
    }


def _value(given: InputSpec, chance: random.Random) -> Any:
    if given.type.optional and chance.random() < 0.25:
        return None
    return value_of(given.type.required, given.range or FULL, chance)


def value_of(type_: Type, range_: Interval, chance: random.Random) -> Any:
    """A value of a type that rows may bring."""
    if type_.kind == "int":
        return _whole_number(whole(range_), chance)
    if type_.kind == "real":
        return _real(range_, chance)
    if type_.kind == "list":
        assert type_.item is not None
        return [value_of(type_.item, FULL, chance) for _ in range(chance.randrange(4))]
    return {
        "bool": chance.random() < 0.5,
        "text": chance.choice(_TEXTS),
        "call": chance.choice(_CALLS),
        "message": {"role": chance.choice(["user", "assistant"]), "content": chance.choice(_TEXTS)},
        "json": chance.choice([1, '"a"', [1, None], {"a": 0.5}]),
        "testcase": {"input": "", "output": ""},
    }[type_.kind]


def _whole_number(a: Interval, chance: random.Random) -> int:
    lo = int(a.lo) if a.lo is not None else max(-(2**63), int(a.hi) - 10**9 if a.hi is not None else -(2**63))
    hi = int(a.hi) if a.hi is not None else min(2**63 - 1, lo + 10**9 if a.lo is not None else 2**63 - 1)
    near = [x for x in (lo, hi, 0, 1, -1, 3, lo + 1, hi - 1) if lo <= x <= hi]
    return chance.choice([*near, chance.randint(lo, hi)])


def _real(a: Interval, chance: random.Random) -> float:
    lo = float(a.lo) if a.lo is not None else -1e6 if a.hi is None else float(a.hi) - 1e6
    hi = float(a.hi) if a.hi is not None else lo + 2e6
    for x in (chance.choice([lo, hi, 0.0, 0.5, 1.0, 0.1]), chance.uniform(lo, hi)):
        if a.contains(Fraction(x)):
            return x
    return lo + (hi - lo) / 2
