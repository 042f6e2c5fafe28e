"""Values between processes: what is written is read again, and hostile bytes are an error at most."""

import collections
import contextlib
import datetime
import decimal
import fractions
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rewardkit.library.programs.compare import Opaque, equal
from rewardkit.library.programs.inside import wire

HASHABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(collections.deque)
        | st.sets(HASHABLE, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4).map(collections.OrderedDict)
        | st.dictionaries(HASHABLE, st.integers(), max_size=4).map(collections.Counter)
        | st.binary().map(bytearray)
    ),
    max_leaves=16,
)


def again(value):
    return wire.unpack(wire.loads(wire.dumps(wire.pack(value))))


@given(VALUES)
@example(10**5000)
@example(-(10**5000))
@example("\ud800")
@example(math.inf)
@example(-0.0)
@example({(1, 2): [{"a": {3}}]})
def test_what_is_written_is_read(value):
    found = again(value)
    assert found == value and type(found) is type(value)
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)


def test_what_is_not_a_number_stays_so():
    assert math.isnan(again(math.nan)) and math.isnan(again([math.nan])[0])


class Text(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Text("a"), "a"),
        (type("L", (list,), {"__iter__": lambda self: iter("no")})([1]), [1]),
        (collections.namedtuple("P", "x y")(1, 2), (1, 2)),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (type("E", (int,), {"__int__": lambda self: 9})(3), 3),
    ],
)
def test_of_a_subclass_the_builtin_travels(value, plain):
    found = again(value)
    assert found == plain and type(found) is type(plain)


def test_other_values_are_for_others_to_write():
    with pytest.raises(TypeError, match="object"):
        wire.pack(object())
    assert wire.pack([object()], lambda value: ["h", 0]) == ["l", ["h", 0]]
    found = wire.unpack(["l", ["h", 0]], lambda node: Opaque())
    assert not equal(found, found, exact=True) and not equal(found, [9], exact=False)


def test_nesting_ends():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="nested"):
        wire.pack(value)


TAGS = {tag for tags in (wire._SEQUENCES, wire._MAPPINGS, wire._BYTES, wire._TIMES) for tag, _ in tags}
TAGS |= wire._READERS.keys()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.builds(
            lambda tag, parts: [tag, *parts], st.sampled_from(sorted(TAGS)), st.lists(inner, max_size=4)
        )
    ),
)


@given(JSON)
@example(["Q", 1, 0])
@example(["s", ["l"]])
@example(["r", 0, 1, 0])
@example(["i", "zz"])
@example(["i", "_"])
@example(["td", 10**30, 0, 0])
@example(["D", "sNaN"])
@example(["s", ["D", "sNaN"]])
@example(["d", 1])
@example(["g", "open"])
@example(["g", ["l"]])
@example(["g", "ValueError"])
def test_hostile_values_are_an_error_at_most(node):
    with contextlib.suppress(ValueError):
        wire.unpack(node)


@given(st.binary() | st.binary().map(lambda data: b'["l",' + data))
@example(b"[" * 1_000_000)
@example(b"9" * 1_000_000)
@example(b"\xff")
def test_hostile_bytes_are_an_error_at_most(data):
    with contextlib.suppress(ValueError):
        wire.unpack(wire.loads(data), lambda node: Opaque())


@pytest.mark.parametrize(
    "node",
    [
        ["s", *[["i", format(i * (2**61 - 1), "x")] for i in range(1, 200)]],
        ["d", *[v for i in range(1, 200) for v in (["i", format(i * (2**61 - 1), "x")], 0)]],
        ["i", "f" * (wire.MAX_DIGITS + 1)],
        ["Q", ["i", "f" * 20_000], 1],
        ["D", "1" * 20_000],
        ["?", 1],
        {"l": []},
        [],
        [1],
    ],
    ids=lambda node: str(node)[:12],
)
def test_values_that_cost_too_much_are_none(node):
    with pytest.raises(ValueError, match=r"."):
        wire.unpack(node)


@given(VALUES, VALUES)
def test_values_compare_as_they_do_in_python(a, b):
    for x, y in ((a, a), (a, b)):
        assert equal(x, y, exact=True) == (x == y)


@pytest.mark.parametrize(
    ("found", "expected", "answer"),
    [
        (1, 1.0, True),
        (True, 1, True),
        ((1, [2]), [1, [2]], True),
        ([1, (2, 3)], [1, [2, 3]], True),
        ({"a": (1,)}, {"a": [1]}, True),
        ({1: 2}, {"1": 2}, False),
        ({1}, [1], False),
        ("1", 1, False),
        (None, 0, False),
        ([1], [1, 2], False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        (fractions.Fraction(1, 2), 0.5, True),
        (decimal.Decimal("0.5"), 0.5, True),
        (datetime.date(2020, 1, 1), "2020-01-01", False),
    ],
)
def test_json_is_compared_with_tuples_as_lists(found, expected, answer):
    assert equal(found, expected, exact=False) is answer


@pytest.mark.parametrize(
    ("found", "expected", "answer"),
    [
        (0.1 + 0.2, 0.3, True),
        (1e9 + 1, 1e9, True),
        (1.1, 1.0, False),
        (math.inf, 1.0, False),
        (math.inf, math.inf, True),
        (math.nan, math.nan, False),
        (10**400, 1.0, False),
        (True, 1.0000001, False),
        ([1.0, {"a": 2.0}], [1.0000001, {"a": 2}], True),
        ("1.0", 1.0, False),
    ],
)
def test_a_tolerance_is_for_numbers(found, expected, answer):
    assert equal(found, expected, exact=False, tolerance=1e-6) is answer
