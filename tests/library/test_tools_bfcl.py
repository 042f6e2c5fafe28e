"""BFCL's AST check: its rules one by one, and what must not earn its reward."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.library import tools
from rewardkit.library.tools.matching import perfect
from rewardkit.types.values import Call, canonical_json, make_call

_PROPERTIES = {
    "city": {"type": "string"},
    "days": {"type": "integer"},
    "limit": {"type": "float"},
    "full": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "counts": {"type": "array", "items": {"type": "integer"}},
    "points": {"type": "array", "items": {"type": "float"}},
    "place": {"type": "tuple", "items": {"type": "float"}},
    "table": {"type": "array", "items": {"type": "array"}},
    "user": {"type": "dict"},
    "users": {"type": "array", "items": {"type": "dict"}},
    "data": {"type": "any"},
}
FUNCTION = {"name": "f", "parameters": {"type": "dict", "properties": _PROPERTIES, "required": []}}


def verdict(arguments, possible, function=FUNCTION, **options):
    """Of one call of `f`; arguments as a dict, or as Python code for it."""
    found = (
        tools.parse(f"f({arguments})", "bfcl") if isinstance(arguments, str) else (make_call("f", arguments),)
    )
    return tools.bfcl_match(found, canonical_json(function), canonical_json({"f": possible}), **options)


# rule, arguments, possible answers, verdict
RULES = [
    ("no arguments", "", {}, True),
    ("an argument that is not possible", "city='a'", {}, False),
    ("an argument that is not declared", "x=1", {"x": [1]}, False),
    ("optional and given", "days=2", {"days": [2, ""]}, True),
    ("optional and wrong", "days=3", {"days": [2, ""]}, False),
    ("optional and left out", "", {"days": [2, ""]}, True),
    ("not optional and left out", "", {"days": [2]}, False),
    ("one of several", "days=3", {"days": [2, 3]}, True),
    ("a text", "city='Rome'", {"city": ["Rome"]}, True),
    ("a text in another case", "city='ROME'", {"city": ["Rome"]}, True),
    ("a text with other marks", "city='New-York,  N.Y.'", {"city": ["new york ny"]}, True),
    ("a text with other quotes", "city='a\"b'", {"city": ["a'b"]}, True),
    ("a power", "city='x**2'", {"city": ["x^2"]}, True),
    ("another text", "city='Roma'", {"city": ["Rome"]}, False),
    ("a text with a mark that counts", "city='Rome!'", {"city": ["Rome"]}, False),
    ("a number for a text", "city=1", {"city": ["1"]}, False),
    ("a text for a number", "days='2'", {"days": [2]}, False),
    ("a float for an integer", "days=2.0", {"days": [2]}, False),
    ("an integer for a float", "limit=2", {"limit": [2.0]}, True),
    ("an integer for a float that is written whole", "limit=2", {"limit": [2]}, True),
    ("a float", "limit=0.5", {"limit": [0.5]}, True),
    ("a float nearby", "limit=0.5000001", {"limit": [0.5]}, False),
    ("an integer that is no float", f"limit={10**399}", {"limit": [2.0]}, False),
    ("true for a number", "days=True", {"days": [1]}, False),
    ("1 for true", "full=1", {"full": [True]}, False),
    ("true", "full=True", {"full": [True]}, True),
    ("true as JSON writes it is a variable", "full=true", {"full": [True]}, False),
    ("none", "days=None", {"days": [2, ""]}, False),
    ("a list", "tags=['A b', 'c']", {"tags": [["ab", "C"]]}, True),
    ("a list in another order", "tags=['c', 'ab']", {"tags": [["ab", "C"]]}, False),
    ("a list in an order that is possible", "tags=['c', 'ab']", {"tags": [["ab", "c"], ["c", "ab"]]}, True),
    ("a list that is too short", "tags=['ab']", {"tags": [["ab", "c"]]}, False),
    ("a list of other items", "counts=['1']", {"counts": [[1]]}, False),
    ("a list of floats for integers", "counts=[1.0]", {"counts": [[1]]}, False),
    ("a list of integers for floats", "points=[1, 2]", {"points": [[1.0, 2.0]]}, False),
    ("a list of floats", "points=[1.0, 2.5]", {"points": [[1.0, 2.5]]}, True),
    ("an empty list", "tags=[]", {"tags": [[]]}, True),
    ("an empty list for another", "tags=[]", {"tags": [["a"]]}, False),
    ("a text for a list", "tags='a'", {"tags": [["a"]]}, False),
    ("lists in a list", "table=[[1, 2], [3]]", {"table": [[[1, 2], [3]]]}, True),
    ("other lists in a list", "table=[[1, 2], [4]]", {"table": [[[1, 2], [3]]]}, False),
    ("a tuple", "place=(1.5, 2.5)", {"place": [[1.5, 2.5]]}, True),
    ("a list for a tuple", "place=[1.5, 2.5]", {"place": [[1.5, 2.5]]}, True),
    ("a text for any", "data='x'", {"data": ["x"]}, True),
    ("a number for any", "data=5", {"data": [5]}, True),
    ("another number for any", "data=6", {"data": [5]}, False),
    ("a list for any", "data=[1, 2]", {"data": [[1, 2]]}, True),
    ("a variable", "days=n", {"days": ["n"]}, True),
    ("a variable in another case", "days=N", {"days": ["n"]}, False),
    ("a variable for a number", "days=n", {"days": [3]}, False),
    ("an item of a variable", "points=data['x y']", {"points": ["data['x y']"]}, True),
    ("an object", "user={'name': 'ANA', 'age': 5}", {"user": [{"name": ["Ana"], "age": [4, 5]}]}, True),
    ("an object with another value", "user={'name': 'Eva'}", {"user": [{"name": ["Ana"]}]}, False),
    ("an object with a key too many", "user={'name': 'Ana', 'x': 1}", {"user": [{"name": ["Ana"]}]}, False),
    ("an object with a key too few", "user={}", {"user": [{"name": ["Ana"]}]}, False),
    ("an object with an optional key", "user={}", {"user": [{"name": ["Ana", ""]}]}, True),
    ("one object of several", "user={'a': 1}", {"user": ["", {"b": [1]}, {"a": [1]}]}, True),
    ("objects", "users=[{'a': 1}, {'a': 2}]", {"users": [[{"a": [1]}, {"a": [2]}]]}, True),
    ("objects in another order", "users=[{'a': 2}, {'a': 1}]", {"users": [[{"a": [1]}, {"a": [2]}]]}, False),
    ("an object too few", "users=[{'a': 1}]", {"users": [[{"a": [1]}, {"a": [2]}]]}, False),
    ("no objects, which is as good as none", "users=[]", {"users": [[{"a": [1]}], ""]}, True),
    ("no objects where some are wanted", "users=[]", {"users": [[{"a": [1]}]]}, False),
    ("a text among objects", "users=['a']", {"users": [[{"a": [1]}]]}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "possible", "expected"), [r[1:] for r in RULES], ids=[r[0] for r in RULES]
)
def test_a_rule(arguments, possible, expected):
    assert verdict(arguments, possible) is expected


def test_required_parameters_are_wanted_even_if_they_may_be_absent():
    strict = {"name": "f", "parameters": {"properties": _PROPERTIES, "required": ["days"]}}
    assert not verdict("", {"days": [2, ""]}, strict)
    assert verdict("days=2", {"days": [2, ""]}, strict)


def test_kinds_of_numbers_come_through_every_style():
    """`points` wants floats, and what a JSON style wrote as `1.0` is one."""
    for style, text in {
        "hermes": '<tool_call>{"name": "f", "arguments": {"points": [%s]}}</tool_call>',
        "openai": '[{"name": "f", "arguments": "{\\"points\\": [%s]}"}]',
        "llama": '{"name": "f", "parameters": {"points": [%s]}}',
        "python": "f(points=[%s])",
    }.items():
        for number, expected in (("1.0", True), ("1", False)):
            found = tools.parse(text % number, style)
            possible = canonical_json({"f": {"points": [[1.0]]}})
            assert tools.bfcl_match(found, canonical_json(FUNCTION), possible) is expected


# --- several calls -----------------------------------------------------------------------------------

GET = {"name": "shop.get", "parameters": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}}
SET = {"name": "shop.set", "parameters": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}}


def calls(text):
    return tools.parse(text, "python")


def several(text, possible, functions=(GET, SET), **options):
    return tools.bfcl_match(calls(text), canonical_json(functions), canonical_json(possible), **options)


TWO = {"shop.get": {"x": [1]}, "shop.set": {"x": [2]}}
COUNTED = {"shop.get_1": {"x": [1]}, "shop.get_2": {"x": [2]}}


@pytest.mark.parametrize(
    ("text", "possible", "expected"),
    [
        ("shop.get(x=1), shop.set(x=2)", TWO, True),
        ("shop.set(x=2), shop.get(x=1)", TWO, True),
        ("shop.get(x=1)", TWO, False),
        ("shop.get(x=1), shop.get(x=1)", TWO, False),
        ("shop.get(x=1), shop.set(x=2), shop.set(x=2)", TWO, False),
        ("shop.get(x=2), shop.set(x=1)", TWO, False),
        ("shop.get(x=2), shop.get(x=1)", COUNTED, True),
        ("shop.get(x=1), shop.get(x=1)", COUNTED, False),
        ("shop.get(x=1), shop.get(x=2)", {"shop.get 1": {"x": [1]}, "shop.get 2": {"x": [2]}}, True),
        ("shop.get(x=1), shop.get(x=2)", [{"shop.get": {"x": [1]}}, {"shop.get": {"x": [2]}}], True),
        ("shop.get(x=1), shop.get(x=1)", [{"shop.get": {"x": [1]}}, {"shop.get": {"x": [1]}}], True),
        ("[]", {}, True),
        ("[]", [], True),
        ("shop.get(x=1)", {}, False),
        ("[]", TWO, False),
        ("get(x=1), set(x=2)", TWO, False),
        # the first answer takes either call, the second only one of them
        ("shop.get(x=1), shop.get(x=2)", [{"shop.get": {"x": [1, 2]}}, {"shop.get": {"x": [1]}}], True),
    ],
)
def test_calls_are_matched_one_to_one(text, possible, expected):
    assert several(text, possible) is expected


def test_dots_and_underscores():
    assert several("shop_get(x=1), shop_set(x=2)", TWO, underscores=True)
    assert not several("shop_get(x=1), shop_set(x=2)", TWO)
    assert not several("shop.get(x=1), shop.set(x=2)", TWO, underscores=True)


def test_a_lone_declaration_is_meant_whatever_the_answer_is_called():
    assert several("shop.get(x=1)", {"get": {"x": [1]}}, GET)
    wrapped = {"type": "function", "function": GET}
    assert several("shop.get(x=1)", {"shop.get": {"x": [1]}}, [wrapped])


@pytest.mark.parametrize(
    ("functions", "possible", "message"),
    [
        (1, TWO, "an object with a `name`"),
        ([{"parameters": {}}], TWO, "an object with a `name`"),
        ({"name": "f", "parameters": {"properties": []}}, TWO, "`properties` and `required`"),
        ({"name": "f", "parameters": {"properties": {"x": {"type": "String"}}}}, TWO, "`String`"),
        ({"name": "f", "parameters": {"properties": {"x": {}}}}, TWO, "`None`"),
        ({"name": "f", "parameters": {"properties": {"x": 1}}}, TWO, "`x` has no type"),
        ((GET, SET), {"drop": {}, "shop.get": {"x": [1]}}, "`drop`, which no function declares"),
        ((GET, SET), {"shop.get": [1], "shop.set": {}}, "possible answers are objects"),
        ((GET, SET), {"shop.get": {"x": 1}, "shop.set": {}}, "possible answers are objects"),
        ((GET, SET), "shop.get", "possible answers are objects"),
        ((GET, SET), [1, 2], "possible answers are objects"),
    ],
)
def test_data_of_another_shape_fails(functions, possible, message):
    """It is the data's fault, so it must not be a wrong call's 0."""
    text = "shop.get(x=1), shop.set(x=2)"
    with pytest.raises(ValueError, match=message):
        several(text, possible, functions)


def test_arguments_of_a_message_that_are_no_object():
    found = (Call("shop.get", '"{torn"'),)
    possible = canonical_json({"shop.get": {"x": [1, ""]}})
    free = {"name": "shop.get", "parameters": {"properties": {"x": {"type": "integer"}}}}
    assert not tools.bfcl_match(found, canonical_json(free), possible)
    assert tools.bfcl_match((make_call("shop.get", {}),), canonical_json(free), possible)


# --- laws --------------------------------------------------------------------------------------------

matrices = st.integers(0, 5).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n)
)


@given(matrices)
def test_a_perfect_matching_is_found_where_there_is_one(fits):
    def some(rows, free):
        return not rows or any(rows[0][c] and some(rows[1:], free - {c}) for c in free)

    assert perfect(fits) is bool(some(fits, frozenset(range(len(fits)))))


arguments = st.fixed_dictionaries(
    {},
    optional={
        "city": st.text(min_size=1, max_size=3),  # "" would say that it may be left out
        "days": st.integers(-2, 2),
        "limit": st.integers(-2, 2) | st.floats(-2, 2),
        "full": st.booleans(),
        "tags": st.lists(st.sampled_from(["a", "A.", "b"]), max_size=2),
        "points": st.lists(st.floats(-2, 2), max_size=2),
        "user": st.dictionaries(
            st.sampled_from("xy"), st.integers(0, 2) | st.text(min_size=1, max_size=2), max_size=2
        ),
        "users": st.lists(st.dictionaries(st.just("x"), st.integers(0, 2)), max_size=2),
    },
)


def possible_of(given_):
    """The answers that allow exactly these arguments."""

    def options(key, value):
        if key == "user":
            return {k: [v] for k, v in value.items()}
        if key == "users":
            return [{k: [v] for k, v in one.items()} for one in value]
        return value

    return {key: [options(key, value)] for key, value in given_.items()}


@given(st.lists(arguments, max_size=4), st.randoms())
def test_the_calls_that_answers_were_made_of_are_right_in_any_order(gold, random):
    possible = canonical_json([{"f": possible_of(one)} for one in gold])
    found = [make_call("f", one) for one in gold]
    random.shuffle(found)
    assert tools.bfcl_match(tuple(found), canonical_json(FUNCTION), possible)
    # and one call more, or less, is wrong
    assert not tools.bfcl_match((*found, make_call("f", {})), canonical_json(FUNCTION), possible)
    assert not found or not tools.bfcl_match(tuple(found[1:]), canonical_json(FUNCTION), possible)


@given(arguments, arguments)
def test_another_call_is_right_only_if_texts_are_the_same_to_bfcl(given_, gold):
    same = _normal(given_) == _normal(gold)
    assert verdict(given_, possible_of(gold)) is same


def _text(text):
    return text.translate(str.maketrans("'", '"', " ,./-_*^")).lower()


def _normal(value):
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {k: _normal(v) for k, v in value.items()}
    return [_normal(v) for v in value] if isinstance(value, list) else value


def test_a_hostile_call_is_compared_in_bounded_time():
    texts = ["x" * 1000] * 1000
    found = tuple(make_call("f", {"tags": texts, "city": "y" * 1000}) for _ in range(tools.MAX_CALLS))
    possible = canonical_json([{"f": {"tags": [["x"]], "city": ["y"]}} for _ in found])
    assert not tools.bfcl_match(found, canonical_json(FUNCTION), possible)
