"""`json.*` against Python's own values: what is read, what is found at a path, and in what time."""

import json
import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from rewardkit.library.format import FUNCTIONS as FORMAT
from rewardkit.library.json import get, items, number, parse, text, truth
from rewardkit.library.json_text import check_pointer, spot

KEYS = st.text(alphabet="ab/~0 é", max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(alphabet='ab"\\/é\U0001f600\n', max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
is_json = next(f.implementation for f in FORMAT if f.name == "format.json")


def places(value, path=()):
    """Every value inside a value, with its path."""
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield from places(item, (*path, step))


def pointer(path):
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans(), st.booleans())
def test_a_value_is_read_however_it_is_spelled(value, indent, ascii_only, sort):
    spelled = json.dumps(value, indent=indent, ensure_ascii=ascii_only, sort_keys=sort)
    found = parse(f" \n{spelled}\t")
    assert found == parse(json.dumps(value)) == parse(found)
    assert json.loads(found) == value


@given(VALUES)
def test_every_value_is_found_at_its_path(value):
    x = parse(json.dumps(value))
    for path, inner in places(value):
        at = pointer(path)
        assert check_pointer(at) is None
        assert get(x, at) == parse(json.dumps(inner))
        assert text(x, at) == (inner if isinstance(inner, str) else None)
        assert truth(x, at) == (inner if isinstance(inner, bool) else None)
        is_number = isinstance(inner, int | float) and not isinstance(inner, bool)
        assert number(x, at) == (float(inner) if is_number else None)
        assert items(x, at) == (
            tuple(parse(json.dumps(i)) for i in inner) if isinstance(inner, list) else None
        )
        assert get(x, at + "/nowhere") is None


@given(VALUES, st.sampled_from([None, 2]))
def test_a_spot_is_where_the_text_of_a_value_begins(value, indent):
    spelled = json.dumps(value, indent=indent)
    for path, inner in places(value):
        found, _ = json.JSONDecoder().raw_decode(spelled, spot(spelled, path))
        assert found == inner
        if path and isinstance(path[-1], str):
            key, _ = json.JSONDecoder().raw_decode(spelled, spot(spelled, path, key=True))
            assert key == path[-1]


@given(st.text(max_size=20) | VALUES.map(json.dumps), st.text(alphabet="/~01ab", max_size=6))
def test_any_text_and_any_path_give_a_value_or_none(x, path):
    found = parse(x)
    assert (found is not None) == is_json(x)
    if found is not None and check_pointer(path) is None:
        get(found, path)


@pytest.mark.parametrize(
    ("path", "said"),
    [("a", "`/a`"), ("a.b[0].c", "`/a/b/0/c`"), ("$.a['b']", "`/a/b`"), ("/a~b", "`~0`"), ("", None),
     ("/", None), ("/a/0", None)],
)  # fmt: skip
def test_what_is_no_path_is_said_with_what_to_write(path, said):
    problem = check_pointer(path)
    assert problem is None if said is None else said in problem[0]


@pytest.mark.parametrize(
    "x",
    ["[" * 1_000_000, '{"a":' * 100_000, "[" * 64 + "]" * 64 + "x", "9" * 1_000_000, '"' + "\\" * 999_999,
     "[" + "1," * 500_000 + "]", '{"' + "a" * 1_000_000, "[" + ",".join('{"a":1}' for _ in range(100_000)),
     "1e" + "9" * 100_000, " " * 1_000_000, "\ufeff1", '"\ud800"', "-", "[1e999]"],
    ids=range(14),
)  # fmt: skip
def test_hostile_texts_are_none_soon(x):
    began = time.process_time()
    assert parse(x) is None and not is_json(x) and not is_json(f"```\n{x}\n```", fenced=True)
    assert time.process_time() - began < 20


def test_a_fence_is_looked_for_in_linear_time():
    began = time.process_time()
    for x in ("```\n" * 200_000, "`" * 1_000_000, "```json" + " \n" * 500_000, "\n" * 1_000_000 + "```"):
        assert not is_json(x, fenced=True)
    assert time.process_time() - began < 20
