"""JSON Schema: the same verdicts as the `jsonschema` package, in bounded time and without a network."""

import contextlib
import json
import time

import hypothesis.strategies as st
import jsonschema
import pytest
from cases import thorough
from hypothesis import event, given

from rewardkit.library.schemas import check_schema, compiled
from rewardkit.library.schemas.patterns import check, matches, plain, search, translated

# --- the same as jsonschema --------------------------------------------------------------------------

_KEYS = st.sampled_from(["a", "b", "c", "ab", "1"])
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 4), st.sampled_from([0.5, 1.5, -2.5]),
    st.text(alphabet="ab1", max_size=4),
)  # fmt: skip
VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=8,
)
_TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
_PATTERNS = st.sampled_from(["a", "^a", "b$", "^[a1]+$", "^(a|b){2}$", r"\d", r"^\w*$", "^$"])
_COUNT = st.integers(0, 3)
_NAMES = st.lists(_KEYS, max_size=2, unique=True)


def _schemas(inner):
    named = st.dictionaries(_KEYS, inner, max_size=3)
    some = st.lists(inner, min_size=1, max_size=3)
    keywords = {
        "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, max_size=3), "const": VALUES,
        "minimum": st.integers(-2, 3), "maximum": st.integers(-2, 3), "exclusiveMinimum": st.integers(-2, 3),
        "exclusiveMaximum": st.sampled_from([0.5, 2]), "multipleOf": st.integers(1, 3),
        "minLength": _COUNT, "maxLength": _COUNT, "pattern": _PATTERNS,
        "minItems": _COUNT, "maxItems": _COUNT, "uniqueItems": st.booleans(),
        "prefixItems": some, "items": inner, "contains": inner, "minContains": _COUNT, "maxContains": _COUNT,
        "minProperties": _COUNT, "maxProperties": _COUNT, "required": _NAMES, "properties": named,
        "patternProperties": st.dictionaries(_PATTERNS, inner, max_size=2), "additionalProperties": inner,
        "propertyNames": inner, "dependentRequired": st.dictionaries(_KEYS, _NAMES, max_size=2),
        "dependentSchemas": named, "allOf": some, "anyOf": some, "oneOf": some, "not": inner, "if": inner,
        "then": inner, "else": inner, "unevaluatedItems": inner, "unevaluatedProperties": inner,
        "$ref": st.sampled_from(["#/$defs/x", "#/$defs/y", "#named"]), "title": st.just("t"),
    }  # fmt: skip
    chosen = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


_PLAIN = st.booleans() | st.fixed_dictionaries({"type": _TYPES}) | st.fixed_dictionaries({"const": _SCALARS})
SCHEMAS = st.recursive(_PLAIN, lambda inner: st.booleans() | _schemas(inner), max_leaves=6)


@thorough()
@given(schema=_schemas(SCHEMAS), x=SCHEMAS, y=_PLAIN, values=st.lists(VALUES, min_size=1, max_size=4))
def test_verdicts_are_those_of_jsonschema(schema, x, y, values):
    schema = {**schema, "$defs": {"x": x, "y": y, "z": {"$anchor": "named", "minProperties": 1}}}
    text = json.dumps(schema)
    problem = check_schema(text)
    if problem is not None:
        assert "without end" in problem[0]
        return
    ours = compiled(text)
    theirs = jsonschema.Draft202012Validator(schema)
    for value in values:
        verdict = ours.valid(value)
        event(f"valid: {verdict}")
        assert verdict == theirs.is_valid(value), (schema, value)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"items": [{"type": "integer"}], "additionalItems": False}, [[], [1]], [["a"], [1, 2]]),
        ({"dependencies": {"a": ["b"], "c": {"minProperties": 2}}}, [{"b": 1}, {"a": 1, "b": 2}],
         [{"a": 1}, {"c": 1}]),
        ({"$ref": "#/definitions/n", "minimum": 5, "definitions": {"n": {"type": "integer"}}}, [1], ["a"]),
        ({"contains": {"const": 1}}, [[1]], [[]]),
    ],
)  # fmt: skip
def test_draft_07_where_a_schema_says_so(schema, good, bad):
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    ours, theirs = compiled(json.dumps(schema)), jsonschema.Draft7Validator(schema)
    for value in [*good, *bad]:
        assert ours.valid(value) == theirs.is_valid(value) == (value in good)


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ({"multipleOf": 0.1}, 0.3, True),  # as written, not as floats are
        ({"multipleOf": 0.01}, 19.99, True),
        ({"multipleOf": 0.1}, 0.35, False),
        ({"const": [False]}, [0], False),
        ({"enum": [1]}, True, False),
        ({"type": "integer"}, 1e300, True),
        ({"type": "integer"}, 1.5, False),
        ({"uniqueItems": True}, [1, True], True),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        ({"maxLength": 1}, "\U0001f600", True),
        ({"format": "email"}, "none", True),
        ({"$id": "https://a.example/s", "$ref": "https://a.example/s#/$defs/n", "$defs": {"n": False}}, 1,
         False),
        ({"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": {"const": 1}}}, 1, True),
        ({"properties": {"kids": {"items": {"$ref": "#"}}}, "required": ["kids"]}, {"kids": [{"kids": []}]},
         True),
        ({"properties": {"kids": {"items": {"$ref": "#"}}}, "required": ["kids"]}, {"kids": [{}]}, False),
    ],
)  # fmt: skip
def test_verdicts_by_hand(schema, value, valid):
    assert compiled(json.dumps(schema)).valid(value) is valid


# --- what is no schema is said where it is wrong -----------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "message", "spot"),
    [
        ('{"type": "strin"}', "`type` is one of, or a list of", '"strin"'),
        ('{"properties": {"a": {"typ": "string"}}}', "`typ` is not a keyword; did you mean `type`?", '"typ"'),
        ('{"requird": []}', "did you mean `required`?", '"requird"'),
        ('{"required": "a"}', "this is a list of texts", '"a"'),
        ('{"nullable": true}', 'write `"type": ["string", "null"]`', '"nullable"'),
        ('{"items": [true]}', "called `prefixItems`", "[true]"),
        ('{"$ref": "https://evil.example/x.json"}', "nothing is fetched", '"https'),
        ('{"$ref": "file:///etc/passwd"}', "nothing is fetched", '"file'),
        ('{"$ref": "#/$defs/x"}', "leads nowhere", '"#/'),
        ('{"$ref": "#x"}', "no `$anchor` named `x`", '"#x'),
        ('{"$dynamicRef": "#x"}', "write `$ref`", '"$dyn'),
        ('{"$schema": "http://json-schema.org/draft-04/schema#"}', "draft 2020-12 or draft-07", '"http'),
        ('{"pattern": "(?=a)"}', "no look-around", '"(?='),
        ('{"pattern": "("}', "is not a pattern", '"("'),
        ('{"patternProperties": {"[": true}}', "is not a pattern", '"["'),
        ('{"anyOf": []}', "one at least", "[]"),
        ('{"minimum": "1"}', "is a number", '"1"'),
        ('{"minLength": -1}', "not negative", "-1"),
        ('{"properties": {"a": 3}}', "a schema is an object", "3"),
        ('{"a": 1,}', "the schema is not JSON", None),
        ('{"$ref": "#"}', "refers to itself without end", '{"$ref'),
        ('{"allOf": [{"$ref": "#"}]}', "refers to itself without end", "{"),
        ('{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}', "without end", "{"),
        ("[]", "a schema is an object", "[]"),
    ],
)  # fmt: skip
def test_what_is_no_schema(schema, message, spot):
    problem = check_schema(schema)
    said, at = problem if isinstance(problem, tuple) else (problem, None)
    assert message in said
    if spot is not None:
        assert schema[at:].startswith(spot)


@given(st.text(max_size=30) | SCHEMAS.map(json.dumps) | VALUES.map(json.dumps))
def test_any_text_is_a_schema_or_said_to_be_none(text):
    problem = check_schema(text)
    assert problem is None or isinstance(problem[0], str)


# --- bounded -----------------------------------------------------------------------------------------


def hostile():
    deep = {"$ref": "#/$defs/0", "$defs": {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(5000)}}
    deep["$defs"]["5000"] = True
    doubling = {
        "$ref": "#/$defs/0",
        "$defs": {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(60)},
    }
    doubling["$defs"]["60"] = False
    tree = {"anyOf": [{"items": {"$ref": "#"}, "maxItems": 0}, {"items": {"$ref": "#"}, "minItems": 9}]}
    nested = 1
    for _ in range(60):
        nested = [nested]
    unique = {"allOf": [{"uniqueItems": True}] * 2000}
    return {
        "a long chain of references": (deep, 1),
        "branches that double": (doubling, 1),
        "branches that double with each level": (tree, nested),
        "the same items made unique again and again": (unique, [str(n) for n in range(2000)]),
        "a pattern that backtracks": ({"pattern": "^(a+)+$"}, "a" * 50_000 + "!"),
        "patterns for every key": (
            {"patternProperties": {f"(a+)+{n}$": True for n in range(200)}},
            {"a" * 60 + str(n): 1 for n in range(20_000)},
        ),
        "names that are looked for one by one": (
            {"allOf": [{"propertyNames": {"maxLength": 9}}] * 3000}, {str(n): n for n in range(5000)}
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", hostile())
def test_hostile_schemas_and_values_take_bounded_work(name):
    schema, value = hostile()[name]
    ours = compiled(json.dumps(schema))
    began = time.process_time()
    with contextlib.suppress(ValueError):  # too many steps, or too deep
        ours.valid(value)
    assert time.process_time() - began < 60  # hours, were it not bounded


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^\d+$", "12", True), (r"^\d+$", "१२", False), (r"^[\d.]+$", "1.5", True), (r"\w", "é", False),
        (r"^[[a]+$", "[a", True), (r"^[a&&b]+$", "&", True), (r"a\/b", "a/b", True), (r"\u0041", "A", True),
        (r"^[\w-]+$", "a-b", True), (r"$", "x", True), (r"^a$", "a\n", False), (r"\bcat\b", "a cat", True),
        (r"^[^\d]$", "x", True), (r"^[\D]$", "1", False), ("^\\S+$", "a\u2003b", False), (r"\$", "$", True),
    ],
)  # fmt: skip
def test_patterns_are_those_of_javascript(pattern, text, found):
    assert matches(pattern, text) is found, translated(pattern)


_ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "1",
        " ",
        "-",
        ".",
        r"\.",
        r"\d",
        r"\w",
        r"\-",
        "[ab]",
        "[^a]",
        "[a-c1-]",
        r"[\d.]",
        r"[^\w]",
        "[+*]",
    ]
)
_OFTEN = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "{0}", "??"])


@given(
    st.lists(st.tuples(_ATOMS, _OFTEN).map("".join), max_size=5).map("".join),
    st.sampled_from(["", "$"]),
    st.lists(st.text(alphabet="ab1 .-+é१\n", max_size=6), min_size=1, max_size=5),
)
def test_patterns_that_python_searches_match_alike(body, end, texts):
    pattern = f"^{body}{end}"
    if check(pattern) is None and (quick := plain(pattern)) is not None:
        for text in texts:
            assert (quick.match(text) is not None) == search(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "quick"),
    [(r"^\d{4}-\d{2}-\d{2}$", True), ("^[A-Z][a-z]*$", True), ("^$", True), ("abc", False), ("^a*b*$", False),
     ("^(a|b)$", False), ("^a|b$", False), ("^a{1,2}b{1,2}$", False), ("^a++$", False)],
)  # fmt: skip
def test_which_patterns_python_searches(pattern, quick):
    assert (plain(pattern) is not None) == quick
