"""Tool calls: reading them, comparing them, and what hostile completions earn."""

import itertools
import json
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardkit.library import tools
from rewardkit.library.tools.matching import optimal
from rewardkit.runtime.reward import json_text
from rewardkit.types.messages import read_structured
from rewardkit.types.types import CALL, MESSAGE, list_of
from rewardkit.types.values import (
    MAX_DEPTH,
    MAX_DIGITS,
    Call,
    calls_of,
    canonical_json,
    parse_calls,
    parse_json,
)


def call(name, **arguments):
    return Call(name, canonical_json(arguments))


def block(*texts):
    return "<tool_call>" + "\n".join(texts) + "</tool_call>"


ADD = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
SUB = '{"name": "sub", "parameters": {"a": 1}}'
CALLS = (call("add", a=1, b=2), call("sub", a=1))


# --- values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.0, 0.5, -0.0, True, None]}, '{"a":[1,0.5,0,true,null],"b":1}'),
        ("é\n", '"é\\n"'),
        (10**20, "100000000000000000000"),
        (1e300, "1e+300"),
        ((), "[]"),
    ],
)
def test_canonical_json(value, text):
    assert canonical_json(value) == text
    assert canonical_json(parse_json(text)) == text


NOT_JSON = [float("nan"), float("inf"), {1: 2}, {"a": {1, 2}}, "\ud800", b"a", -(10**MAX_DIGITS)]


@pytest.mark.parametrize("value", NOT_JSON, ids=range(len(NOT_JSON)))
def test_not_json(value):
    with pytest.raises(ValueError, match=r"."):
        canonical_json(value)


def test_canonical_json_of_a_value_that_holds_itself():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="deeper"):
        canonical_json(loop)


HOSTILE_JSON = {
    "open brackets": "[" * 1_000_000,
    "open objects": '{"a":' * 200_000,
    "digits": "1" * 1_000_000,
    "one digit too many": "1" * (MAX_DIGITS + 1),
    "one level too many": "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
    "escapes without an end": '"' + '\\"' * 500_000,
    "wide": "[" + "[]," * 300_000,
    "spaces": " " * 1_000_000,
    "nan": "NaN",
    "infinity": "-Infinity",
    "overflow": "1e999",
    "repeated key": '{"a": 1, "a": 2}',
    "half a surrogate pair": '"\\ud800"',
    "two values": "1 2",
    "single quotes": "{'a': 1}",
    "trailing comma": "[1,]",
    "line break in a text": '"a\nb"',
}


@pytest.mark.parametrize("text", HOSTILE_JSON.values(), ids=HOSTILE_JSON.keys())
def test_hostile_json_is_refused_quickly(text):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
    assert time.perf_counter() - start < 60  # not quadratic; a guard, not a measurement
    assert tools.parse(block('{"name": "f", "arguments": {"x": ' + text + "}}")) is None


def test_bounds_are_reached():
    for text in ["1" * MAX_DIGITS, "[" * MAX_DEPTH + "]" * MAX_DEPTH]:
        assert canonical_json(parse_json(text)) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_canonical_json_keeps_the_value(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(parse_json(text)) == text
    assert canonical_json(parse_json(json.dumps(value, indent=1))) == text


def test_calls_of_a_column():
    text = '[{"name": "add", "arguments": {"b": 2, "a": 1}}, {"name": "sub", "parameters": {"a": 1}}]'
    assert parse_calls(text) == CALLS
    openai = [
        {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}},
        CALLS[1],
    ]
    assert calls_of(openai) == CALLS
    assert parse_calls(" [] ") == ()


@pytest.mark.parametrize(
    "arguments", [{"b": 2.0, "a": [1, -0.0]}, '{"b": 2.0, "a": [1, -0.0]}'], ids=["object", "text"]
)
def test_calls_keep_apart_what_was_written_as_a_real(arguments):
    """For declared types; as JSON they are one number, in one spelling."""
    column = json.dumps([{"name": "add", "arguments": arguments}])
    (found,) = parse_calls(column)
    assert found == Call("add", '{"a":[1,0],"b":2}', '{"a":[1,-0.0],"b":2.0}')
    assert read_structured(column, list_of(CALL)) == ((found,), None)
    message = {"role": "assistant", "tool_calls": json.loads(column)}
    assert read_structured(json.dumps(message), MESSAGE)[0].calls == (found,)
    assert json_text(found) == '{"name": "add", "arguments": "{\\"a\\":[1,0],\\"b\\":2}"}'
    plain = Call(found.name, found.arguments)
    assert found != plain and tools.same((found,), (plain,)) and tools.match((found,), (plain,)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}",
        "[1]",
        '[{"name": "f"}]',
        '[{"name": "", "arguments": {}}]',
        '[{"name": "f", "arguments": 1}]',
    ],
)
def test_not_calls(text):
    with pytest.raises(ValueError, match=r"."):
        parse_calls(text)


# --- reading -----------------------------------------------------------------------------------------

READABLE = {
    "no calls": ("nothing to call here", ()),
    "empty": ("", ()),
    "two lines in one block": (block("", ADD, SUB, ""), CALLS),
    "one block each, with text between": (f"so {block(ADD)} and\n{block(SUB)} done", CALLS),
    "side by side": ("<tool_call>" + ADD + SUB + "</tool_call>", CALLS),
    "over several lines": (block(json.dumps(json.loads(ADD), indent=2), SUB), CALLS),
    "a tag inside an argument": (
        block('{"name": "say", "arguments": {"x": "</tool_call><tool_call>"}}'),
        (call("say", x="</tool_call><tool_call>"),),
    ),
    "no arguments": (block('{"name": "now", "arguments": {}}'), (call("now"),)),
}


@pytest.mark.parametrize(("text", "calls"), READABLE.values(), ids=READABLE.keys())
def test_readable(text, calls):
    assert tools.parse(text) == calls


UNREADABLE = {
    "never closed": "<tool_call>" + ADD,
    "never opened": ADD + "</tool_call>",
    "closed twice": block(ADD) + "</tool_call>",
    "closed before": "</tool_call>" + block(ADD),
    "opened twice": "<tool_call>" + block(ADD),
    "empty block": "<tool_call> </tool_call>",
    "a good block and an empty one": block(ADD) + block(),
    "words in a block": block("I call add", ADD),
    "a comma": block(ADD + ",", SUB),
    "a list": block("[" + ADD + "]"),
    "cut off": block(ADD[:-1]),
    "no arguments": block('{"name": "f"}'),
    "arguments as a text": block('{"name": "f", "arguments": "{}"}'),
    "no name": block('{"name": null, "arguments": {}}'),
    "another key": block('{"name": "f", "arguments": {}, "note": "hidden"}'),
    "both spellings": block('{"name": "f", "arguments": {}, "parameters": {}}'),
    "too many calls": block(*[ADD] * (tools.MAX_CALLS + 1)),
    "a megabyte of tags": "<tool_call>" * 100_000,
    "a megabyte of closing tags": "</tool_call>" * 100_000,
    "a megabyte of empty blocks": "<tool_call></tool_call>" * 50_000,
    "a megabyte of calls": block(ADD) * 20_000,
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_is_null(text):
    start = time.perf_counter()
    assert tools.parse(text) is None
    assert time.perf_counter() - start < 60  # not quadratic; a guard, not a measurement


pieces = st.sampled_from(["<tool_call>", "</tool_call>", ADD, "{", "}", '"', "x", " "])


@given(st.lists(pieces, max_size=8).map("".join))
def test_any_text_is_answered(text):
    found = tools.parse(text)
    assert found is None or len(found) <= text.count(ADD)


# --- comparing ---------------------------------------------------------------------------------------

ONE = (call("f", a=1),)
TWO = (call("f", a=1), call("g", b="x", c="y"))

# found, gold, the default score, the published one
SCORES = {
    "exact": (TWO, TWO, 3, 3),
    "another order": (TWO[::-1], TWO, 3, 3),
    "nothing called": ((), ONE, -3, -3),
    "the wrong tool": ((call("g", a=1),), ONE, -3, -3),
    "a wrong value": ((call("f", a=2),), ONE, 6 * 2 / 3 - 3, 6 * 2 / 3 - 3),
    "a wrong parameter": ((call("f", b=1),), ONE, 6 * 1 / 3 - 3, 6 * 1 / 3 - 3),
    "a value as a text": ((call("f", a="1"),), ONE, 1, 1),
    "true for 1": ((call("f", a=True),), ONE, 1, 1),
    "1.0 for 1": ((call("f", a=1.0),), ONE, 3, 3),
    "one of two": (ONE, TWO, 6 * (1 / 2 + 2) / 6 - 3, 6 * (1 / 2 + 2) / 6 - 3),
    "one parameter of two": ((call("g", b="x"),), TWO[1:], 6 * (1 + 1 / 2 + 1) / 4 - 3, 6 * 2.5 / 4 - 3),
    # the published score pays for these: 2 of 3 points for a right call with a needless one beside it
    "a needless call": ((*ONE, call("g", a=1)), ONE, 6 * 2.5 / 5 - 3, 6 * 2.5 / 3 - 3),
    "the call twice": (ONE * 2, ONE, 6 * 2.5 / 5 - 3, 2),
    "a needless parameter": ((call("f", a=1, b=1),), ONE, 6 * 2.5 / 4 - 3, 6 * 2.5 / 3 - 3),
    "none expected, none found": ((), (), 3, 0),
    "none expected, one found": (ONE, (), -3, 0),
}


@pytest.mark.parametrize(("found", "gold", "score", "published"), SCORES.values(), ids=SCORES.keys())
def test_scores(found, gold, score, published):
    assert tools.match(found, gold) == pytest.approx(score)
    assert tools.match(found, gold, style="toolrl_published", matching="greedy") == pytest.approx(published)


def test_optimal_beats_greedy():
    # the first gold call takes what only the second could have used
    gold = (call("f", a=1, b=1), call("f", a=2, b=2))
    found = (call("f", a=2, b=2), call("f", a=1, b=2))
    assert tools.match(found, gold, matching="optimal") == pytest.approx(6 * (1 + 2 + 3) / 7 - 3)
    tied = (call("f", a=1, b=2), call("f", a=1, b=3))
    gold = (call("f", a=1, b=9), call("f", a=8, b=2))
    assert tools.match(tied, gold, matching="optimal") == pytest.approx(6 * (1 + 2 + 2) / 7 - 3)
    assert tools.match(tied, gold, matching="greedy") == pytest.approx(6 * (1 + 2 + 1) / 7 - 3)


def test_order_counts_on_request():
    assert tools.match(TWO, TWO, matching="in_order") == 3
    assert tools.match(TWO[::-1], TWO, matching="in_order") == pytest.approx(6 * (1 + 3) / 6 - 3)


def test_parts():
    assert tools.name_match(TWO, ONE) == 1 / 2
    assert tools.name_match(ONE * 2, ONE) == 1 / 2
    assert tools.name_match((), ()) == 1
    assert tools.argument_match((), ()) == 1
    assert tools.argument_match((), ONE) == 0
    assert tools.argument_match((call("f", a=2),), ONE) == 1 / 2
    assert tools.same(TWO[::-1], TWO)
    assert not tools.same(ONE * 2, ONE)


def test_arguments_that_are_no_object_match_only_themselves():
    broken = (Call("f", '"{torn"'),)  # as a message of the API may have them
    for gold in (ONE, (call("f"),), (call("f", **{"": "{torn"}),)):
        assert tools.match(broken, gold) < 3 and not tools.same(broken, gold)
        assert tools.argument_match(broken, gold) < 1
    assert tools.match(broken, broken) == 3


def test_bounds_of_matching():
    many = tuple(call("f", a=i, b=-i) for i in range(tools.MAX_CALLS))
    start = time.perf_counter()
    assert tools.match(many[::-1], many) == 3
    assert time.perf_counter() - start < 60  # not quadratic; a guard, not a measurement
    with pytest.raises(ValueError, match="65 gold calls"):
        tools.match(ONE, many + ONE)
    assert tools.match(many + ONE, many) < 0


def test_spam_costs():
    """Whatever is added to the gold calls, the score falls, and falls further with each addition."""
    scores = [tools.match((*TWO, *[call("f", a=1)] * n), TWO) for n in range(8)]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(scores)
    stuffed = [tools.match((call("f", a=1, **{f"p{i}": 1 for i in range(n)}),), ONE) for n in range(8)]
    assert stuffed == sorted(stuffed, reverse=True) and len(set(stuffed)) == len(stuffed)


some_calls = st.lists(
    st.builds(
        lambda name, arguments: Call(name, canonical_json(arguments)),
        st.sampled_from("fg"),
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3),
    ),
    max_size=5,
).map(tuple)


def heaviest(weights):
    """By trying everything."""
    if not weights or not weights[0]:
        return 0.0
    if len(weights) > len(weights[0]):
        weights = list(zip(*weights, strict=True))
    choices = itertools.permutations(range(len(weights[0])), len(weights))
    return max(sum(row[c] for row, c in zip(weights, choice, strict=True)) for choice in choices)


@given(
    st.integers(0, 5).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(0, 9).map(float), min_size=columns, max_size=columns), max_size=5
        )
    )
)
def test_optimal_matching_is_optimal(weights):
    assert optimal(weights) == heaviest(weights)


@settings(max_examples=300)
@given(some_calls, some_calls)
def test_laws_of_matching(found, gold):
    score = tools.match(found, gold)
    assert -3 <= score <= 3
    assert (score == 3) == tools.same(found, gold)
    assert score == pytest.approx(tools.match(gold, found))
    assert score >= tools.match(found, gold, matching="greedy") - 1e-9
    assert score >= tools.match(found, gold, matching="in_order") - 1e-9
    assert (tools.match(found, gold, matching="in_order") == 3) == (found == gold)
    published = tools.match(found, gold, style="toolrl_published")
    assert -3 <= published <= 3
    assert published >= score - 1e-9 or not gold
    parts = [tools.name_match(found, gold), tools.argument_match(found, gold)]
    assert all(0 <= part <= 1 for part in parts)
    assert (sum(parts) == 2) == tools.same(found, gold)


def published_toolrl(found, gold):
    """ToolRL's published correctness, from its description: greedy, and counted on the gold calls."""

    def agreement(a, b):
        if a == b:
            return 1.0
        shared = sum((Counter(a) & Counter(b)).values())
        return shared / (len(a) + len(b) - shared) if a and b else 0.0

    found = [(c.name, json.loads(c.arguments)) for c in found]
    gold = [(c.name, json.loads(c.arguments)) for c in gold]
    if not gold:
        return 0.0
    score, highest, used = agreement([n for n, _ in gold], [n for n, _ in found]), 1.0, set()
    for name, wanted in gold:
        highest += 1 + len(wanted)
        best, at = 0.0, None
        for i, (other, given_) in enumerate(found):
            if i in used or other != name:
                continue
            now = agreement(list(wanted), list(given_)) + sum(
                key in given_ and given_[key] == value for key, value in wanted.items()
            )
            if now > best:
                best, at = now, i
        if at is not None:
            used.add(at)
            score += best
    return 6 * score / highest - 3


@given(some_calls, some_calls)
def test_the_published_score_is_the_published_one(found, gold):
    score = tools.match(found, gold, style="toolrl_published", matching="greedy")
    assert score == pytest.approx(published_toolrl(found, gold))


@given(some_calls, some_calls, st.randoms())
def test_order_counts_for_nothing(found, gold, random):
    """But in a greedy matching, whose choices depend on it, and in one in order."""
    shuffled = [list(found), list(gold)]
    for calls in shuffled:
        random.shuffle(calls)
    for style in ("toolrl", "toolrl_published"):
        assert tools.match(*map(tuple, shuffled), style) == pytest.approx(tools.match(found, gold, style))
    assert tools.name_match(*map(tuple, shuffled)) == tools.name_match(found, gold)


def test_declarations():
    for function in tools.FUNCTIONS:
        assert function.namespace == "tools" and function.doc and function.examples
        for parameter in function.parameters:
            assert not parameter.choices or parameter.default in parameter.choices
