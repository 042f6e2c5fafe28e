"""What a condition settles, and where: a table of sound specs, and their unsound neighbours."""

from __future__ import annotations

import pytest
from checking import checked, codes

INPUTS = """
input a: text?
input b: text?
input x: real?
input n: int in [-5, 5]
input d: real in [0, 1] per prompt
input xs: list[text]?
"""

#: sound because of what is known where the value stands
SETTLED = [
    'term t = a != null and a == "x"',
    'term t = a == null or a == "x"',
    'term t = not (a == null) and a == "x"',
    "term t = not (a == null or b == null) and a == b",
    'term t = if a != null then a == "x" else false',
    'term t = if a == null then false else a == "x"',
    "term t = if a != null and b != null then a == b else false",
    'term t when a != null = a == "x"',
    "term t when x != null = x",
    "term t when x == null else x = 1",
    "term t when x != null else null = x",
    'skip when a == null\nterm t = a == "x"',
    "skip when a == null or b == null\nterm t = a == b",
    'skip when a == null\nskip when a == "" \nterm t = a == "x"',
    'let there = a != null\nterm t when there = a == "x"',
    'let gone = a == null\nskip when gone\nterm t = a == "x"',
    "let both = a != null and b != null\nterm t = if both then a == b else false",
    'let same = math.equal(a, "x") ?? false\nterm t = same',
    "term t when x != null and x > 0 = 1 / x",
    "term t when n > 0 = 1 / n",
    "term t when n >= 1 = 1 / n",
    "term t when n < 0 = 1 / n",
    "term t when 0 < n = 1 / n",
    "term t when not (n <= 0) = 1 / n",
    "term t = if n > 0 then 1 / n else 0",
    "term t = n > 0 and 1 / n > 0.5",
    "term t = n <= 0 or 1 / n > 0.5",
    "skip when n <= 0\nterm t = 1 / n",
    "skip when n < 0\nterm t when n != 0 = 1 / n",
    "term t in [0, 1] when n >= 0 = n / 5",
    "term t when xs != null = len(xs)",
    "term t when d > 0 = mean(n / d) over group",
    "term t = mean(1 / n where n > 0) over group ?? 0",
    "term t when x != null = x - (mean(x) over group)",
    'let m = completion.messages[0]\nterm t when m != null = m.role == "user"',
    "term t when n > 0 = any(len(m.text) / 1ch > 1 / n for m in completion.messages)",
    "term t = (if x == null then 1 else x) / 2",
]

#: the same shapes, where nothing or not enough is known
UNSETTLED = [
    ('term t = a == "x" and a != null', "RK0601"),
    ('term t = a != null or a == "x"', "RK0601"),
    ('term t = if a != null then true else a == "x"', "RK0601"),
    ('term t when a == null = a == "x"', "RK0601"),
    ("term t when x != null else x = x", "RK0604"),
    ("term t when x == null else x = x", "RK0604"),
    ("term t = (a != null or b != null) and a == b", "RK0601"),
    ('skip when a == "x"\nterm t = true', "RK0601"),
    ('let same = a == "x"\nskip when a == null\nterm t = same', None),
    ('let same = a == "x"\nskip when a == null or same\nterm t = true', "RK0601"),
    ("term t when n >= 0 = 1 / n", "RK0702"),
    ("term t when n != 1 = 1 / n", "RK0702"),
    ("term t when n > d = 1 / (n - d)", "RK0702"),
    ("term t = if n > 0 then 0 else 1 / n", "RK0702"),
    ("term t = n > 0 or 1 / n > 0", "RK0702"),
    ("skip when n > 0\nterm t = 1 / n", "RK0702"),
    # a gate knows its own row only
    ("term t when n > 0 = mean(1 / n) over group", "RK0702"),
    ("term t when n > 0 = rank(1 / n) over batch", "RK0702"),
    ('term t when a != null = any(a == "x") over group', "RK0601"),
    ("term t when d > 0 = mean(n / d) over batch", "RK0702"),
    ("term t when x != null = mean(x where n > 0) over group", "RK0604"),
    ("let rel = x - (mean(x) over group)\nterm t when x != null = rel", "RK0601"),
    ("term t when n > 0 and d > 0 = mean(1 / (n * d)) over group", "RK0702"),
    # a value that comes out of a list is another one each time
    ('term t = completion.messages[0] != null and completion.messages[0].role == "x"', "RK0601"),
    ('term t when xs != null = xs[0] == "x"', "RK0601"),
]


@pytest.mark.parametrize("body", SETTLED)
def test_settled(body: str) -> None:
    checked(INPUTS + body)


@pytest.mark.parametrize(("body", "code"), UNSETTLED)
def test_unsettled(body: str, code: str | None) -> None:
    assert sorted(set(codes(INPUTS + body))) == ([code] if code else [])


def test_a_skip_says_nothing_in_the_lets_that_skips_read() -> None:
    body = 'skip when a == null\nlet same = a == "x"\nskip when same\nterm t = true'
    assert codes(INPUTS + body) == ["RK0601"]


def test_what_a_later_skip_reads_itself_is_settled_by_the_earlier() -> None:
    checked(INPUTS + 'skip when a == null\nskip when a == "x"\nterm t = true')
