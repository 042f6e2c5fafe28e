"""Every style of `tools.parse`: what it reads, what it does not, and what hostile texts cost."""

import ast
import json
import keyword
import time
import tracemalloc
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardkit.library import tools
from rewardkit.library.tools.reading import STYLES
from rewardkit.types.values import MAX_DEPTH, MAX_DIGITS, canonical_json, make_call


def call(name, **arguments):
    return make_call(name, arguments)


F = call("f", a=1)
G = call("g.h", b="x", c=[1.5, None])

OPENAI_F = {"name": "f", "arguments": '{"a": 1}'}
OPENAI_G = {"id": "call_1", "type": "function", "index": 1,
            "function": {"name": "g.h", "arguments": '{"b": "x", "c": [1.5, null]}'}}  # fmt: skip
LLAMA_F = '{"name": "f", "parameters": {"a": 1}}'
LLAMA_G = '{"type": "function", "name": "g.h", "parameters": {"b": "x", "c": [1.5, null]}}'
PYTHON_F, PYTHON_G = "f(a=1)", "g.h(b='x', c=[1.5, None])"

# style, text, calls
READ = [
    ("openai", json.dumps([OPENAI_F, OPENAI_G]), (F, G)),
    ("openai", json.dumps(OPENAI_G, indent=2), (G,)),
    ("openai", '{"name": "f", "arguments": {"a": 1}}', (F,)),
    ("openai", json.dumps({"role": "assistant", "content": None, "tool_calls": [OPENAI_G]}), (G,)),
    ("openai", json.dumps({"tool_calls": [OPENAI_F]}), (F,)),
    ("openai", '{"role": "assistant", "content": "hello", "tool_calls": null}', ()),
    ("openai", '{"role": "assistant", "content": "hello"}', ()),
    (
        "openai",
        '[{"type": "function_call", "call_id": "1", "name": "f", "arguments": "{\\"a\\": 1}"}]',
        (F,),
    ),
    ("openai", " [] ", ()),
    ("openai", "hello", ()),
    ("openai", "", ()),
    ("openai", '[{"name": "f", "arguments": ""}]', None),
    ("openai", '[{"name": "f", "arguments": "[1]"}]', None),
    ("openai", '[{"name": "f", "arguments": {}, "note": "hidden"}]', None),
    ("openai", '{"function": {"name": "f", "arguments": {}}, "name": "g", "arguments": {}}', None),
    ("openai", '{"answer": 4}', None),
    ("openai", '{"tool_calls": {"name": "f", "arguments": {}}}', (call("f"),)),
    ("openai", '{"tool_calls": 1}', None),
    ("openai", json.dumps([OPENAI_F]) + " done", None),
    ("openai", json.dumps([OPENAI_F])[:-1], None),
    ("llama", LLAMA_F, (F,)),
    ("llama", f"{LLAMA_F}; {LLAMA_G}", (F, G)),
    ("llama", f"<|python_tag|>{LLAMA_F};{LLAMA_G}<|eom_id|>", (F, G)),
    ("llama", f"\n{LLAMA_F}<|eot_id|>\n", (F,)),
    ("llama", '{"name": "f", "arguments": {"a": 1}}', (F,)),
    ("llama", "I cannot help with that.", ()),
    ("llama", "", ()),
    ("llama", f"{LLAMA_F};", None),
    ("llama", f"{LLAMA_F} {LLAMA_G}", None),
    ("llama", f"{LLAMA_F} done", None),
    ("llama", "<|python_tag|>print(1)", None),
    ("llama", '{"name": "f", "parameters": "{}"}', None),
    ("llama", '{"type": "tool", "name": "f", "parameters": {}}', None),
    ("llama_pythonic", f"[{PYTHON_F}, {PYTHON_G}]", (F, G)),
    ("llama_pythonic", f"<|python_start|>[{PYTHON_F}]<|python_end|><|eot|>", (F,)),
    ("llama_pythonic", f"<|python_tag|>[{PYTHON_F}]<|eom_id|>", (F,)),
    ("llama_pythonic", PYTHON_F, ()),
    ("llama_pythonic", "hello", ()),
    ("llama_pythonic", f"<|python_start|>{PYTHON_F}<|python_end|>", None),
    ("llama_pythonic", f"[{PYTHON_F}] done", None),
    ("python", PYTHON_F, (F,)),
    ("python", f"{PYTHON_F}, {PYTHON_G}", (F, G)),
    ("python", f"\n\n[{PYTHON_F},\n {PYTHON_G},]\n", (F, G)),
    ("python", f"{PYTHON_F},\n{PYTHON_G}", (F, G)),
    ("python", "f()", (call("f"),)),
    ("python", "[]", ()),
    ("python", "", ()),
    ("python", "no call is needed (really)", ()),
    ("python", "```python\nf(a=1)\n```", ()),
    ("python", "f(1)", None),
    ("python", "f({'a': 1})", None),
    ("python", "f(*[1])", None),
    ("python", "f(**{'a': 1})", None),
    ("python", "f(a=1, a=2)", None),
    ("python", "f(a=g(b=1))", None),
    ("python", "f(a=1)(b=2)", None),
    ("python", "[f(a=1)][0]", None),
    ("python", "[f(a=1)]\n[f(a=2)]", None),
    ("python", "[f(a=1)] + [f(a=2)]", None),
    ("python", "[[f(a=1)]]", None),
    ("python", "[f(a=1)", None),
    ("python", "f(a=1)]", None),
    ("python", "f(a=1", None),
    ("python", "f(a=1) g(b=2)", None),
    ("python", "f(a=1) # no comment", None),
    ("python", "f(a=1); g(b=2)", None),
    ("python", "x = f(a=1)", ()),
    ("python", "[x]", None),
    ("python", "[1, 2]", None),
    ("python", "['f(a=1)']", None),
    ("python", "['f'(a=1)]", None),
    ("python", "[{'name': 'f', 'arguments': {}}]", None),
    ("python", "f(from='a')", None),
    ("python", "f.class(a=1)", None),
    ("python", "lambda(a=1)", None),
    ("python", "f(a=b)", None),
    ("python", "f(a=b.c)", None),
    ("python", "f(a=true)", None),
    ("python", "f(a=__import__('os').system('ls'))", None),
    ("python", "[f(a=[x for x in y])]", None),
    ("bfcl", "f(a=b)", (call("f", a="b"),)),
    ("bfcl", "[f(a=b.c_1, d=data['x y'], e=[m[0], true])]",
     (call("f", a="b.c_1", d="data['x y']", e=["m[0]", "true"]),)),
    ("bfcl", 'f(a=data["sales"][-1])', (call("f", a="data['sales'][-1]"),)),
    ("bfcl", "f(a=b())", None),
    ("bfcl", "f(a=2 * b)", None),
    ("bfcl", "f(a=b[1:2])", None),
    ("bfcl", "f(a=None, b=True)", (call("f", a=None, b=True),)),
    ("bfcl", "f(1)", None),
]  # fmt: skip


@pytest.mark.parametrize(("style", "text", "calls"), READ, ids=[f"{s}: {t[:40]}" for s, t, _ in READ])
def test_what_a_style_reads(style, text, calls):
    assert tools.parse(text, style) == calls


LITERALS = {
    "1": 1, "-1": -1, "+1": 1, "0": 0, "1_000": 1000, "0x1F": 31, "0b101": 5, "0o17": 15,
    "1.5": 1.5, "-.5": -0.5, "5.": 5.0, "1e-9": 1e-9, "1E+3": 1000.0, "2e3": 2000.0, "1.5e-3": 0.0015,
    "True": True, "False": False, "None": None,
    "'a'": "a", '"a"': "a", "''": "", '""': "", "'''a'b'''": "a'b", '"""a\n"b" """': 'a\n"b" ', "''''''": "",
    r"'it\'s'": "it's", r"'a\\'": "a\\",
    r"'\n\t\x41\u00e9\U0001F600'": "\n\tA\u00e9\U0001f600", r"r'\n'": r"\n",
    r"'\101'": "A", r"'\N{EURO SIGN}'": "€", r"'\d'": r"\d", "'a\\\nb'": "ab", "u'a'": "a", "'a' \"b\"": "ab",
    "'it''s'": "its", "'🙂é'": "🙂é",
    "[]": [], "[1, 'a', [2]]": [1, "a", [2]], "[1,]": [1], "()": [], "(1)": 1, "(1,)": [1], "(1, 2)": [1, 2],
    "((1, 2), (3, 4))": [[1, 2], [3, 4]], "{}": {}, "{'a': 1, 'b': {'c': []},}": {"a": 1, "b": {"c": []}},
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), LITERALS.items(), ids=LITERALS.keys())
def test_a_literal(text, value):
    assert tools.parse(f"f(a={text})", "python") == (call("f", a=value),)


NO_LITERALS = [
    "01", "1..2", "1.2.3", "1j", "0x", "1__0", "1e", "--1", "- -1", "not 1", "1 + 1", "25/1", "~1", "...",
    "1e999", "1" * (MAX_DIGITS + 1), "0x" + "f" * 500, "٣",
    "'a", "'a\nb'", "'''a''", r"'\x4'", r"'\u12'", r"'\N{no such character}'", r"'\U00110000'", r"'\ud800'",
    "b'a'", "f'{1}'", "'a' 1", "`a`",
    "[1, 2", "[,]", "[1 2]", "(1, 2]", "{1}", "{1: 2}", "{'a'}", "{'a': 1, 'a': 2}", "{'a' 1}", "{**{}}",
    "[*a]", "x := 1", "1 if 2 else 3", "lambda: 1", "a", "a.b", "a['b']", "g()", "g(a=1)", "1,", "",
    "[" * MAX_DEPTH + "]" * MAX_DEPTH,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_LITERALS, ids=[t[:30] for t in NO_LITERALS])
def test_no_literal(text):
    # but for a comma behind it, which may stand there
    assert tools.parse(f"f(a={text})", "python") == ((call("f", a=1),) if text == "1," else None)


# --- what is rendered is read ------------------------------------------------------------------------

names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}(\.[a-z_][a-z0-9_]{0,5})?", fullmatch=True).filter(
    lambda name: not any(keyword.iskeyword(part) for part in name.split("."))
)
keys = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(lambda key: not keyword.iskeyword(key))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
many = st.lists(st.tuples(names, st.dictionaries(keys, values, max_size=3)), max_size=4)


def _python(calls):
    return ", ".join(f"{n}({', '.join(f'{k}={v!r}' for k, v in a.items())})" for n, a in calls)


RENDER = {
    "hermes": lambda calls: "".join(
        f"<tool_call>\n{json.dumps({'name': n, 'arguments': a})}\n</tool_call>\n" for n, a in calls
    ),
    "openai": lambda calls: json.dumps(
        [{"type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for n, a in calls]
    ),
    "llama": lambda calls: "; ".join(json.dumps({"name": n, "parameters": a}) for n, a in calls),
    "llama_pythonic": lambda calls: f"[{_python(calls)}]",
    "python": _python,
    "bfcl": lambda calls: f"[{_python(calls)}]",
}


def test_every_style_is_rendered():
    assert RENDER.keys() == STYLES.keys()


@pytest.mark.parametrize("style", RENDER)
@given(calls=many)
def test_rendered_calls_are_read_back(style, calls):
    """With every number's kind: what is written as a real is one."""
    assert tools.parse(RENDER[style](calls), style) == tuple(make_call(n, a) for n, a in calls)


@pytest.mark.parametrize("style", RENDER)
@given(calls=many.filter(bool), cut=st.floats(0, 1, exclude_max=True))
def test_a_text_that_is_cut_off_never_holds_more(style, calls, cut):
    text = RENDER[style](calls)
    found = tools.parse(text[: int(cut * len(text))], style)
    assert found is None or found == tuple(make_call(n, a) for n, a in calls)[: len(found)]


pieces = st.sampled_from(
    [*"()[]{},=:.'\"\\;-", "'''", "f", "a=1", "f(a=1)", "None", "1e5", "<tool_call>", "</tool_call>",
     "\n", " ",
     '{"name": "f", "arguments": {}}', "<|python_tag|>", "<|python_start|>", '"tool_calls": ', "r'"]
)  # fmt: skip


@pytest.mark.parametrize("style", RENDER)
@given(st.lists(pieces, max_size=14).map("".join) | st.text())
def test_any_text_is_answered(style, text):
    found = tools.parse(text, style)
    assert found is None or len(found) <= tools.MAX_CALLS
    for one in found or ():
        assert canonical_json(json.loads(one.arguments)) == one.arguments


# --- Python agrees -----------------------------------------------------------------------------------


def python_calls(text):
    """The calls of a text as Python's own parser reads them, or `None`."""
    text = text.strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know
        try:
            tree = ast.parse(text if text.startswith("[") else f"[{text}\n]", mode="eval").body
            assert isinstance(tree, ast.List)
            assert not any(call.args for call in tree.elts)
            return tuple(
                make_call(ast.unparse(c.func), {str(k.arg): ast.literal_eval(k.value) for k in c.keywords})
                for c in tree.elts
            )
        except (SyntaxError, ValueError, AttributeError, AssertionError):
            return None


python_pieces = st.sampled_from(
    [*"()[]{},=:.'\"\\-+_ ", *"019", "e", "x", "0x", "1.5", "'''", '"""', "r'", "b'", "\n", "f", "f(", "a=",
     "'a'", "[1,", "(1,", "{'k':", "None", "True", "if", "\\n", "\\x41", "\\u00e9", "\\N{EURO SIGN}", "\\0",
     "\\12", "é", "²", "#", "\r", "\0"]
)  # fmt: skip
around = st.sampled_from(["@", "f(a=@)", "[f(a=@), g()]", "f(a='@')", "f(a='''@''')", "f(a=r'@')", "f(a=-@)"])


@settings(max_examples=1000)
@given(st.lists(python_pieces, max_size=12).map("".join), around)
def test_what_is_read_as_python_is_python(text, around):
    text = around.replace("@", text)
    found = tools.parse(text, "python")
    if found:
        assert found == python_calls(text)


literals = st.recursive(
    values, lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(keys, literals, max_size=3))
def test_what_python_writes_is_read(arguments):
    text = f"f({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"
    assert tools.parse(text, "python") == python_calls(text) == (make_call("f", arguments),)


# --- hostile texts -----------------------------------------------------------------------------------

N = 1_000_000
HOSTILE = {
    "brackets": "[" * N,
    "parentheses": "f(a=" + "(" * N,
    "braces": "f(a=" + "{'a':" * (N // 5),
    "calls in calls": "f(a=" * (N // 4),
    "signs": "f(a=" + "-" * N,
    "not": "f(a=" + "not " * (N // 4),
    "dots": "f" + ".f" * (N // 2) + "(a=1",
    "a dotted variable": "f(a=" + "b." * (N // 2),
    "an indexed variable": "f(a=b" + "[0]" * (N // 3),
    "sums": "f(a=" + "1+" * (N // 2),
    "powers": "f(a=9**9**9**9**9)",
    "a product of texts": "f(a='a'*10**10)",
    "calls": "f()," * (N // 4),
    "calls in a list": "[" + "f()," * (N // 4) + "]",
    "arguments": "f(" + ",".join(f"a{i}={i}" for i in range(N // 14)),
    "values": "f(a=[" + "1," * (N // 2),
    "texts side by side": "f(a=" + "'' " * (N // 3),
    "a text without an end": "f(a='" + "a" * N,
    "a long text without an end": "f(a='''" + "'' " * (N // 3),
    "escapes without an end": "f(a='" + "\\'" * (N // 2),
    "quotes": "f(a=" + "'" * N,
    "more quotes": "f(a=" + "\"'" * (N // 2),
    "prefixes": "f(a=" + "r" * N,
    "digits": "f(a=" + "1" * N,
    "hexadecimal digits": "f(a=0x" + "f" * N,
    "names": "a" * N + "(",
    "spaces": " " * N,
    "spaces in a call": "f(" + " " * N,
    "line breaks": "[" + "\n" * N,
    "null characters": "f(a='" + "\0" * N,
    "objects": '{"name": "f", "arguments": ' + '{"a":' * (N // 5),
    "objects in a row": '{"name":"f","parameters":{}};' * (N // 29),
    "a list of objects": "[" + '{"name":"f","arguments":{}},' * (N // 28),
    "empty lists": "[" + "[]," * (N // 3),
    "text in text": json.dumps([{"name": "f", "arguments": "[" * N}]),
    "tags": "<|python_tag|>" * (N // 14),
    "ends": "[]" + "<|eot_id|>" * (N // 10),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_megabyte_is_answered_quickly(style, text):
    start = time.perf_counter()
    assert tools.parse(text, style) in (None, ())
    assert time.perf_counter() - start < 60  # not quadratic; a guard, not a measurement


@pytest.mark.parametrize(("name", "style"), [("values", "bfcl"), ("quotes", "python"), ("objects", "llama")])
def test_a_hostile_megabyte_takes_bounded_memory(name, style):
    text = HOSTILE[name][: N // 4]
    tracemalloc.start()
    try:
        tools.parse(text, style)
        assert tracemalloc.get_traced_memory()[1] < 256 * len(text)
    finally:
        tracemalloc.stop()


def test_bounds_are_reached():
    deep = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert tools.parse(f"f(a={deep})", "python") is not None
    for style, render in RENDER.items():
        calls = [("f", {"a": i}) for i in range(tools.MAX_CALLS + 1)]
        assert len(tools.parse(render(calls[:-1]), style)) == tools.MAX_CALLS
        assert tools.parse(render(calls), style) is None
    long = "x" * N
    for style, render in RENDER.items():
        assert tools.parse(render([("f", {"a": long})]), style) == (call("f", a=long),)
