"""Completion: what can stand at the cursor, told by the words before it, however broken."""

from __future__ import annotations

from collections.abc import Iterable

from rewardkit import library
from rewardkit.checker import builtins, tests
from rewardkit.checker.expects import STATES
from rewardkit.language.sketch import KEYWORDS, STATEMENTS, Word
from rewardkit.lsp import describe, hover, words
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.context import ENDING, Context, context_at, type_of
from rewardkit.lsp.names import declared
from rewardkit.lsp.offers import Item, function, functions, namespaces, own, samples, step, symbols
from rewardkit.types.normalizer import NORMALIZERS


def complete(analysis: Analysis, offset: int) -> tuple[int, list[Item]]:
    """Where the word to replace begins, and what can stand there."""
    context = context_at(analysis, offset)
    if context is None:
        return offset, []
    found = {item.label: item for item in reversed(_items(context))}
    return context.start, list(reversed(found.values()))


def _items(context: Context) -> list[Item]:
    if context.path is not None:
        return _after_dot(context, context.path)
    if context.opens_statement:
        return _openers(context) + (_continuing(context) if context.before and not context.block else [])
    last, keyword, block = context.last, context.keyword, context.block
    if last == "over":
        return [Item(word, "keyword", detail=words.WORDS[word]) for word in ("group", "batch")]
    if last == "advantage":
        return [Item(n, "property", doc=hover.normalizer(n)) for n in NORMALIZERS]
    if last in ("skip", "mask"):
        return [Item("when", "keyword", insert="when ")]
    if _declares(context):
        return []
    if _wants_type(context):
        return [Item(name, "type", doc=about) for name, about in words.TYPES.items()]
    if block in ("reward", "advantage") and context.brackets[-1].kind == "{":
        return _entries(context, block)
    if block == "sample" and context.brackets[-1].kind == "{":
        return _fields(context)
    if last == "mock":
        return samples(context) + namespaces() + symbols(context, ("extern", "let"))
    items = _arguments(context) + _continuing(context) + _expression(context)
    return samples(context) + items if keyword == "test" else items


# --- after a dot -----------------------------------------------------------------------------------


def _after_dot(context: Context, path: str) -> list[Item]:
    if path in builtins.ROOTS:
        return _columns(path)
    if context.keyword == "test" and path in context.samples():
        return _of_sample(context)
    functions = [f for name, f in library.functions().items() if name.startswith(f"{path}.")]
    if functions:
        return [function(f, f.name[len(path) + 1 :]) for f in functions]
    used = [n for n in context.analysis.draft.functions if n.startswith(f"{path}.") and not n.endswith(".")]
    if used:
        return [item for name in used for item in own(context.analysis, name, name[len(path) + 1 :])]
    type_ = type_of(context, path)
    fields = builtins.FIELDS.get(type_.kind, {}) if type_ is not None else {}
    return [
        Item(name, "field", str(field), words.FIELDS.get(f"{type_.kind if type_ else ''}.{name}", ""))
        for name, field in fields.items()
    ]


def _columns(root: str) -> list[Item]:
    out = []
    for name in builtins.fields_of(root):
        path = f"{root}.{name}"
        type_ = builtins.COLUMNS[path] if path in builtins.COLUMNS else builtins.MEASURES[name][0]
        out.append(Item(name, "field", str(type_), words.FIELDS.get(path, "")))
    return out


def _of_sample(context: Context) -> list[Item]:
    draft = context.analysis.draft
    out = [Item(n, "field", "real", words.FIELDS[n], rank=1) for n in ("reward", "advantage")]
    states = [n for n in STATES if n not in draft.lets and n not in draft.terms]
    out += [Item(n, "field", "bool", words.FIELDS[n], rank=1) for n in states]
    for symbol in declared(context.analysis.names, ("term", "let")):
        value = draft.terms[symbol.name].value if symbol.name in draft.terms else draft.lets.get(symbol.name)
        detail = describe.typed(value.type, describe.interval_of(value)) if value is not None else ""
        out.append(Item(symbol.name, "field", detail, rank=2))
    return out


# --- statements and blocks -------------------------------------------------------------------------

_SNIPPETS = {
    "input": "input ${1:name}: ${2:text}",
    "param": "param ${1:name}: ${2:int} in [${3:0}, ${4:1}] = ${5:1}",
    "let": "let ${1:name} = $0",
    "term": "term ${1:name} in [${2:0}, ${3:1}] = $0",
    "reward": "reward {\n  $0\n}",
    "advantage": "advantage ${1:gdpo}",
    "skip": "skip when $0",
    "mask": "mask when $0",
    "prove": "prove $0",
    "test": 'test "${1:what holds}" {\n  sample ${2:one} { $3 }\n  expect $0\n}',
    "def": "def ${1:name}(${2:x}: ${3:real}) = $0",
    "use": 'use "${1:file.rwd}" as ${2:name}',
    "extern": "extern ${1:name}(${2:x}: ${3:text}): ${4:real}",
    "language": "language 1",
    "sample": "sample ${1:name} { $0 }",
    "group": "group {\n  sample ${1:one} { $0 }\n}",
    "mock": "mock ${1:function} = $0",
    "expect": "expect $0",
    "rows": 'rows "${1:file.jsonl}" {\n  $0\n}',
}

_ONCE = ("language", "reward", "advantage")


def _openers(context: Context) -> list[Item]:
    """The keywords that can begin a statement here, or an item of a test."""
    block = context.block
    if block in ("reward", "advantage"):
        return _entries(context, block)
    if block == "sample":
        return _fields(context)
    if block == "rows":
        return _keywords(("input", "expect"))
    if block in ("test", "group"):
        return _keywords(words.TEST_ITEMS if block == "test" else ("sample",))
    there = {word.text for word in _first_words(context)}
    return _keywords(k for k in STATEMENTS if k not in _ONCE or k not in there)


def _first_words(context: Context) -> list[Word]:
    ws = context.sketch.words
    return [ws[i] for i in map(context.sketch.index, context.sketch.starts) if ws[i].start != context.start]


def _keywords(names: Iterable[str]) -> list[Item]:
    out = []
    for name in names:
        written, about = words.STATEMENTS.get(name) or words.TEST_ITEMS[name]
        out.append(Item(name, "keyword", written, about, _SNIPPETS[name], rank=1))
    return out


def _entries(context: Context, block: str) -> list[Item]:
    """What `reward { … }` and `advantage NAME { … }` list, or the value of an entry."""
    last = context.before[-1].text if context.before else ""
    if block == "advantage":
        options = NORMALIZERS.get(context.before[1].text if len(context.before) > 1 else "", {})
        if last == ":" and len(context.before) > 2:
            option = options.get(context.before[-2].text)
            choices = option.choices if option is not None else ()
            return [Item(f'"{c}"', "constant") for c in choices] + symbols(context, ("param",))
        given = context.given()
        found = [
            Item(name, "property", hover.option_type(option), insert=f"{name}: ")
            for name, option in options.items()
            if name not in given
        ]
        return [*found, Item("scale", "property", "a weight of the group, after whitening", insert="scale: ")]
    if last not in "{}" and context.before[-1].kind not in ("number", "close", "name"):
        return [*symbols(context, ("param",)), step(), *functions()]
    given = context.given()
    return [
        Item(s.name, "value", "term", insert=f"{s.name}: ${{1:1.0}}", rank=1)
        for s in declared(context.analysis.names, ("term",))
        if s.name not in given
    ]


def _fields(context: Context) -> list[Item]:
    """What a sample can give: what the spec reads and does not have yet comes first."""
    draft = context.analysis.draft
    last = context.last
    if last == "=":
        return [Item(word, "constant") for word in ("true", "false", "null")]
    given, used = context.given(), tests.used_columns(draft)
    types_ = {name: str(one.type) for name, one in draft.inputs.items()}
    types_ |= {name: str(one.type) for name, one in draft.params.items()}
    types_ |= {name: str(type_) for name, type_ in builtins.COLUMNS.items()} | {"step": "int"}
    return [
        Item(name, "property", type_, insert=f"{name} = ", rank=1 if name in used else 4)
        for name, type_ in types_.items()
        if name not in given
    ]


# --- inside statements -----------------------------------------------------------------------------


def _declares(context: Context) -> bool:
    """Whether a new name is being written."""
    last = context.last
    named = ("input", "param", "let", "term", "def", "extern", "sample", "for", "as")
    return last in named and (last != "sample" or context.keyword == "test")


def _wants_type(context: Context) -> bool:
    """After the colon of a declaration, and inside `list[…]` there."""
    before = [w.text for w in context.before]
    if context.keyword not in ("input", "param", "def", "extern", "let") or "=" in before:
        return False
    if context.last == ":":
        return True
    return context.last == "[" and len(before) > 1 and before[-2] == "list"


#: keywords between a declared name and its value
_DECLARING = {"input": ("from", "per prompt"), "term": ("when", "else")}


def _continuing(context: Context) -> list[Item]:
    """Keywords that can go on with the statement."""
    before = [w.text for w in context.before]
    last = context.before[-1] if context.before else None
    if (
        last is None
        or last.kind == "sign"
        or last.kind == "open"
        or any(b.kind in "([" for b in context.brackets)
    ):
        inside = ["where", "for"] if last is not None and last.kind in ("name", "close", "number") else []
        return [Item(word, "keyword", detail=words.WORDS[word], rank=6) for word in inside]
    wanted: list[str] = []
    if context.keyword in ("input", "param", "extern", "term", "reward") and "=" not in before:
        wanted = ["in", *_DECLARING.get(context.keyword, ())]
    elif last.kind != "name" or last.text not in KEYWORDS - ENDING:
        wanted = ["and", "or", "then", "else", "over"]
        if context.keyword == "prove":
            wanted += ["outranks", "increasing in", "decreasing in", "constant in", "in"]
        if context.keyword == "test":
            wanted += ["within"]
    return [Item(w, "keyword", detail=words.WORDS.get(w.partition(" ")[0], ""), rank=3) for w in wanted]


def _arguments(context: Context) -> list[Item]:
    """The named arguments of the call around the cursor, and the choices of a text argument."""
    if not context.brackets or context.brackets[-1].kind != "(" or context.last not in ("(", ",", ":"):
        return []
    function = library.functions().get(context.brackets[-1].owner)
    if function is None:
        return []
    ws = context.sketch.words
    if context.last == ":":
        name = ws[context.end - 2].text
        return [
            Item(f'"{choice}"', "constant", rank=1)
            for p in function.parameters
            if p.name == name
            for choice in p.choices
        ]
    given = {ws[i].text for i in range(context.brackets[-1].index, context.end - 1) if ws[i + 1].text == ":"}
    return [
        Item(f"{p.name}:", "property", str(p.type), insert=f"{p.name}: ", rank=2 if not p.required else 6)
        for i, p in enumerate(function.parameters)
        if p.name not in given and i >= context.commas and not function.variadic
    ]


def _expression(context: Context) -> list[Item]:
    in_test = context.keyword == "test" and context.block != "rows"
    out = [] if in_test else symbols(context)  # there every name is named with its sample
    if context.keyword != "def":
        out += [Item(root, "namespace", "what every row has", rank=3) for root in builtins.ROOTS]
        out += [step()]
    if context.keyword in ("prove", "test"):
        out.append(Item("reward", "value", "real", words.FIELDS["reward"]))
    if context.block == "rows":
        about = "over all rows of the file"
        out += [Item(n, "function", about, insert=f"{n}($0)", rank=2) for n in sorted(library.ROWS_ONLY)]
    out += functions() + namespaces()
    keywords = ("if", "not", "true", "false", "null")
    return out + [Item(word, "keyword", detail=words.WORDS[word], rank=7) for word in keywords]
