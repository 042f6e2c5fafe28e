"""Hover: what stands under the cursor, with type, range, unit, level and documentation."""

from __future__ import annotations

from rewardkit import library
from rewardkit.checker import Value, builtins
from rewardkit.checker.expects import STATES
from rewardkit.diagnostics import Span
from rewardkit.language import tree as t
from rewardkit.language.sketch import Word
from rewardkit.library.pages import literal, sentence
from rewardkit.lsp import describe, words
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.describe import code
from rewardkit.types.normalizer import NORMALIZERS, Option


def hover(analysis: Analysis, offset: int) -> tuple[str, Span] | None:
    """Markdown about what stands at an offset, and the span that it is about."""
    word = analysis.word(offset)
    if word is not None and word.kind == "name":
        found = _word(analysis, word)
        if found is not None:
            return found
    around = analysis.smallest(offset)
    if around is None:
        return None
    span, value = around
    shown = describe.described(span.text, value)
    return shown, span


def _word(analysis: Analysis, word: Word) -> tuple[str, Span] | None:
    span = Span(analysis.source, word.start, word.end)
    occurrence = analysis.names.at(word.start)
    if occurrence is not None and occurrence.span == span:
        value = analysis.value_at(word.start, word.end) or _of_sample(analysis, word)
        return describe.of_symbol(analysis, occurrence.symbol, value), span
    path, start = path_to(analysis, word)
    whole = Span(analysis.source, start, word.end)
    if (about := describe.of_field(path)) is not None:
        value = analysis.value_at(start, word.end)
        return about + ("\n\n" + describe.described(path, value) if value else ""), whole
    if "." in path and (callee := analysis.function(path)) is not None:
        return describe.of_definition(*callee), whole
    calls = analysis.source.text[word.end :].lstrip()[:1] == "("
    if (calls or "." in path) and (about := describe.of_function(path)) is not None:
        return about, whole
    if (value := analysis.value_at(start, word.end)) is not None:
        return describe.described(path, value) + _about_field(analysis, word, start), whole
    return _option(analysis, word, span) or _plain(analysis, word, path, span)


def _of_sample(analysis: Analysis, word: Word) -> Value | None:
    """The value of `short.brevity` where the cursor is on `brevity`."""
    start = path_to(analysis, word)[1]
    return analysis.value_at(start, word.end) if start != word.start else None


def path_to(analysis: Analysis, word: Word) -> tuple[str, int]:
    """The dotted path that ends in a word, and where it begins."""
    ws = analysis.sketch.words
    i = analysis.sketch.index(word.start)
    while i >= 2 and ws[i - 1].text == "." and ws[i - 2].kind == "name":
        i -= 2
    start = ws[i].start if i < len(ws) else word.start
    return "".join(w.text for w in ws[i : analysis.sketch.index(word.start) + 1]), start


def _after(analysis: Analysis, word: Word) -> tuple[str, int] | None:
    """The path that a namespace begins, and where it ends."""
    ws = analysis.sketch.words
    i = analysis.sketch.index(word.start)
    if i + 2 < len(ws) and ws[i + 1].text == "." and ws[i + 2].kind == "name":
        return f"{word.text}.{ws[i + 2].text}", ws[i + 2].end
    return None


def _about_field(analysis: Analysis, word: Word, start: int) -> str:
    """The documentation of a field of a message or call."""
    for kind in builtins.FIELDS:
        base = analysis.value_at(start, word.start - 1)
        if base is not None and base.type.kind == kind and f"{kind}.{word.text}" in words.FIELDS:
            return "\n\n" + sentence(words.FIELDS[f"{kind}.{word.text}"])
    if word.text in ("reward", "advantage", *STATES):
        return "\n\n" + sentence(words.FIELDS[word.text])
    return ""


def _option(analysis: Analysis, word: Word, span: Span) -> tuple[str, Span] | None:
    """A normalizer or one of its options."""
    statement = analysis.statement(word.start)
    if not isinstance(statement, t.Advantage):
        return None
    if statement.name_span == span and word.text in NORMALIZERS:
        return normalizer(word.text), span
    option = NORMALIZERS.get(statement.name, {}).get(word.text)
    if option is not None:
        about = sentence(f"an option of `{statement.name}`: {option.about}")
        return f"{code(f'{word.text}: {option_type(option)}')}\n\n{about}", span
    return None


def normalizer(name: str) -> str:
    """A normalizer with its options."""
    lines = [f"  {key}: {option_type(option)}" for key, option in NORMALIZERS[name].items()]
    head = code("\n".join([f"advantage {name} {{", *lines, "}"]))
    return f"{head}\n\n{sentence(words.NORMALIZERS.get(name, 'a normalizer'))}"


def option_type(option: Option) -> str:
    """`real in [0, inf) = 0.0001`."""
    if option.choices:
        shown = " or ".join(f'"{choice}"' for choice in option.choices)
    else:
        shown = option.kind + (f" in {option.range}" if option.range else "")
    default = "as `eps`" if option.default is None else literal(option.default)
    return f"{shown}  # {default} unless said"


def _plain(analysis: Analysis, word: Word, path: str, span: Span) -> tuple[str, Span] | None:
    """A keyword, a type or a namespace."""
    if path != word.text:
        return None
    for table in (words.STATEMENTS, words.TEST_ITEMS):
        if word.text in table:
            written, about = table[word.text]
            return f"{code(written)}\n\n{about}", span
    if word.text in words.TYPES:
        return f"{code(word.text)}\n\n{sentence(words.TYPES[word.text])}", span
    if word.text in words.WORDS:
        return f"`{word.text}`: {words.WORDS[word.text]}", span
    if word.text in builtins.ROOTS:
        fields = ", ".join(f"`{field}`" for field in builtins.fields_of(word.text))
        return f"`{word.text}`: {fields}", span
    if word.text in library.namespaces():
        following = _after(analysis, word)
        if following is not None and (page := describe.of_function(following[0])) is not None:
            return page, Span(analysis.source, word.start, following[1])
        inside = [f for f in library.functions() if f.startswith(word.text + ".")]
        return f"`{word.text}`: " + (", ".join(f"`{f}`" for f in inside) or "not there yet"), span
    return None
