"""What generated specs declare, and rows for it: what hypothesis feeds to both evaluators."""

from typing import Any

from hypothesis import strategies as st

#: declared in every spec; a spec reads some of them
HEADER = """\
input i: int
input small: int in [-5, 5]
input n: int?
input r: real in [-2, 2]
input wide: real
input q: real?
input b: bool
input c: bool?
input s: text
input t: text?
input words: list[text]
input xs: list[int]
input share: real in [0, 1]
input odds: real in (0, 2]
input rate: real? in [0, 1]
input rounds: int in (0, 10)
input time: seconds in [0s, 100s]
input calls: list[call]
input gold: list[call]
input prompted: int in [0, 9] per prompt
input hardness: real in [0, 1] per prompt
input topic: text? per prompt
param budget: tokens in [1tok, 100tok] = 10tok
param scale: real in [0, 2] = 0.5
param mode: text = "fast"
param on: bool = true
param rounds_wanted: int in (0, 5) = 2
"""

#: what a run may say about the params instead
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "budget": st.integers(1, 100),
        "scale": st.sampled_from([0, 0.1, 1.0, 2]),
        "mode": st.sampled_from(["", "slow", "a b"]),
        "on": st.booleans(),
        "rounds_wanted": st.integers(1, 4),
    },
)

INTS = st.one_of(
    st.integers(-4, 4),
    st.sampled_from([2**31, -(2**31), 2**53 + 1, 2**62, 2**62 - 1, 2**63 - 1, -(2**63), 3 * 10**9]),
)
SMALL = st.integers(-5, 5)
REALS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.1, 0.5, 1e-9, 1e16, 1e200, -1e200, 1.7e308, -1.7e308, 5e-324]),
    st.floats(-10, 10, width=16),
)
TEXTS = st.one_of(
    st.sampled_from(["", "a", "ab", "a b", "4", "so \\boxed{4}", "-3.5", "é\nÄ ", "tool", "x" * 40]),
    st.sampled_from(
        [
            "<think>so</think>\n<answer>4</answer>",
            "<think></think><answer>4</answer>",
            "<answer>1/2</answer> and <answer>",
            "```python\nx = 1\n```",
            '{"a": [1, null]}',
            "The answer is 1,200.",
            "#### -7",
            "a b a b a b\nc",
            "привет, a",
            '<tool_call>{"name": "tool", "arguments": {"x": 1}}</tool_call>',
            '<tool_call>{"name": "a", "arguments": {}} {"name": "a", "arguments": {"x": 1.0}}</tool_call>',
            '<tool_call>{"name": "tool", "arguments"',
        ]
    ),
    st.text("ab 1\n", max_size=4),
)
CALL = st.builds(
    lambda name, n: {"type": "function", "function": {"name": name, "arguments": {"x": n}}},
    st.sampled_from(["a", "tool"]),
    st.integers(0, 2),
)
_MESSAGE = st.builds(
    lambda role, text, calls: {"role": role, "content": text, **({"tool_calls": calls} if calls else {})},
    st.sampled_from(["assistant", "tool", "user"]),
    TEXTS,
    st.lists(CALL, max_size=2),
)
ROW = st.fixed_dictionaries(
    {
        "i": INTS,
        "small": SMALL,
        "n": st.none() | INTS,
        "r": st.floats(-2, 2, width=32) | st.sampled_from([0.1, -0.3]),
        "wide": REALS,
        "q": st.one_of(st.none(), st.just(float("nan")), REALS),
        "b": st.booleans(),
        "c": st.none() | st.booleans(),
        "s": TEXTS,
        "t": st.none() | TEXTS,
        "words": st.lists(TEXTS, max_size=3),
        "xs": st.lists(INTS, max_size=3),
        "share": st.sampled_from([0.0, 1.0, 0.1, 0.3, 1 / 3]) | st.floats(0, 1),
        "odds": st.sampled_from([2.0, 0.1, 1e-9, 5e-324]) | st.floats(0, 2, exclude_min=True),
        "rate": st.none() | st.floats(0, 1, width=16),
        "rounds": st.integers(1, 9),
        "time": st.sampled_from([0, 1.5, 100.0]) | st.floats(0, 100, width=32),
        "calls": st.lists(CALL, max_size=3),
        "gold": st.lists(CALL, max_size=2),
        "completion": TEXTS | st.lists(_MESSAGE, min_size=1, max_size=3),
        "completion_tokens": st.integers(0, 30),
        "finished": st.booleans(),
    }
)


#: of all rows of a prompt
PROMPT = st.fixed_dictionaries(
    {
        "prompt": TEXTS,
        "prompted": st.integers(0, 9),
        "hardness": st.sampled_from([0.0, 0.5, 1.0]),
        "topic": st.none() | st.sampled_from(["a", "ab"]),
    }
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[dict[str, Any]], int]:
    """Rows, and how many of them are a group."""
    size, groups = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    rows = []
    for _ in range(groups):
        shared = draw(PROMPT)
        rows += [{**draw(ROW), **shared} for _ in range(size)]
    return rows, size
