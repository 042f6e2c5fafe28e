"""Where the cursor stands in a text that may not parse: told by the words before it."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from rewardkit.checker import Value
from rewardkit.checker.expressions import Expressions
from rewardkit.diagnostics import Collector, Source, TooMany
from rewardkit.language import parse
from rewardkit.language import tree as t
from rewardkit.language.sketch import KEYWORDS, Sketch, Word
from rewardkit.lsp.analysis import Analysis
from rewardkit.types.types import UNKNOWN, Type

#: keywords after which a statement can be over
ENDING = frozenset(("true", "false", "null", "group", "batch"))

#: words that a base of `base.field` may end in are looked for no further back than this
_FAR = 400


@dataclass(frozen=True)
class Bracket:
    """An open bracket around the cursor; `owner` is the word or path before it."""

    kind: str
    owner: str
    index: int


@dataclass(frozen=True)
class Context:
    analysis: Analysis
    offset: int
    start: int  # where the word that is being written begins
    path: str | None  # what stands before the dot, where there is one
    begin: int  # the number of the statement's first word
    end: int  # the number of the first word at or after `start`

    @property
    def sketch(self) -> Sketch:
        return self.analysis.sketch

    @property
    def before(self) -> list[Word]:
        """The words of the statement before the one that is being written."""
        return self.sketch.words[self.begin : self.end]

    @property
    def keyword(self) -> str:
        return self.before[0].text if self.before else ""

    @property
    def last(self) -> str:
        return self.before[-1].text if self.before else ""

    @cached_property
    def brackets(self) -> list[Bracket]:
        """The brackets that are open at the cursor, outermost first."""
        stack: list[int] = []
        for i in range(self.begin, self.end):
            kind = self.sketch.words[i].kind
            if kind == "open":
                stack.append(i)
            elif kind == "close" and stack:
                stack.pop()
        return [Bracket(self.sketch.words[i].text, self._owner(i), i) for i in stack]

    def _owner(self, i: int) -> str:
        """What a bracket belongs to: a function's path, or the keyword of a block."""
        words = self.sketch.words
        bracket = words[i].text
        if bracket in "([":
            path: list[str] = []
            j = i - 1
            while j >= self.begin and words[j].kind == "name" and words[j].text not in KEYWORDS:
                path.insert(0, words[j].text)
                if j - 2 < self.begin or words[j - 1].text != ".":
                    break
                j -= 2
            return ".".join(path)
        for j in range(i - 1, max(self.begin - 1, i - 12), -1):
            if words[j].text in ("reward", "advantage", "test", "sample", "group", "rows"):
                return words[j].text
        return ""

    @property
    def block(self) -> str:
        """The innermost block: `test`, `sample`, `reward` …; the file's own is `""`."""
        return next((b.owner for b in reversed(self.brackets) if b.kind == "{"), "")

    @property
    def opens_statement(self) -> bool:
        """Whether a statement, or an item of a test, can begin here."""
        if not self.before or self.last in "{}":
            return True
        last = self.before[-1]
        if last.kind == "sign" or (last.kind == "name" and last.text in KEYWORDS - ENDING):
            return False
        if last.kind == "open" or any(b.kind in "([" for b in self.brackets):
            return False
        return "\n" in self.analysis.source.text[last.end : self.start]

    @property
    def commas(self) -> int:
        """How many arguments stand before the one that the cursor is in."""
        found = depth = 0
        for i in range(self.brackets[-1].index + 1 if self.brackets else self.end, self.end):
            word = self.sketch.words[i]
            depth += (word.kind == "open") - (word.kind == "close")
            found += depth == 0 and word.text == ","
        return found

    def samples(self) -> list[str]:
        """The samples of the test around the cursor."""
        words = self.sketch.words
        at = bisect_right(self.sketch.starts, self.start)
        stop = self.sketch.starts[at] if at < len(self.sketch.starts) else len(self.analysis.source.text)
        out = []
        for i in range(self.begin, min(self.sketch.index(stop), len(words) - 1)):
            if words[i].text == "sample" and words[i + 1].kind == "name":
                out.append(words[i + 1].text)
        return out

    def given(self) -> set[str]:
        """The names before `:` or `=` in the innermost block, up to its end."""
        words = self.sketch.words
        block = next((b for b in reversed(self.brackets) if b.kind == "{"), None)
        found, depth = set(), 0
        for i in range(block.index + 1 if block else self.begin, len(words) - 1):
            depth += (words[i].kind == "open") - (words[i].kind == "close")
            if depth < 0:
                break
            if depth == 0 and words[i].kind == "name" and words[i + 1].text in (":", "="):
                j = i
                while j >= 2 and words[j - 1].text == "." and words[j - 2].kind == "name":
                    j -= 2
                if not words[j].start <= self.start <= words[i].end:
                    found.add("".join(w.text for w in words[j : i + 1]))
        return found


def context_at(analysis: Analysis, offset: int) -> Context | None:
    """The context of an offset; `None` inside texts, comments and numbers, where nothing is completed."""
    text, sketch = analysis.source.text, analysis.sketch
    words = sketch.words
    end = sketch.index(offset)
    if end and words[end - 1].end >= offset:
        word = words[end - 1]
        if word.kind == "number" or (word.kind == "text" and (word.end > offset or not _closed(word.text))):
            return None
    line = text.rfind("\n", 0, offset) + 1
    gap = max(line, words[end - 1].end if end else 0)
    if "#" in text[gap:offset]:
        return None
    start = offset
    if end and words[end - 1].kind == "name" and words[end - 1].end >= offset:
        end -= 1
        start = words[end].start
    at = bisect_right(sketch.starts, start) - 1
    begin = sketch.index(sketch.starts[at]) if at >= 0 else 0
    path = None
    if end > begin and words[end - 1].text == ".":
        path = _base(analysis, end - 1, begin)
    return Context(analysis, offset, start, path, begin, end)


def _closed(text: str) -> bool:
    if text.startswith('"""'):
        return len(text) >= 6 and text.endswith('"""')
    quote = text.index('"')
    return len(text) > quote + 1 and text.endswith('"')


def _base(analysis: Analysis, dot: int, begin: int) -> str:
    """The expression that a dot follows: names, dots, and brackets with what is in them."""
    words, depth, i = analysis.sketch.words, 0, dot
    while i - 1 >= max(begin, dot - _FAR):
        word = words[i - 1]
        after = words[i].text if i < dot else "."
        if word.kind == "close":
            if depth == 0 and after not in (".", "(", "["):
                break
            depth += 1
        elif word.kind == "open":
            if depth == 0:
                break
            depth -= 1
        elif depth == 0:
            joined = word.text == "." or (word.kind == "name" and after in (".", "(", "["))
            if not joined or (word.kind == "name" and word.text in KEYWORDS):
                break
        i -= 1
    return analysis.source.text[words[i].start : words[dot].start].strip() if i < dot else ""


def type_of(context: Context, text: str, deep: int = 0) -> Type | None:
    """The type of a piece of text, as an expression where the cursor stands."""
    element = _element(context, text.partition(".")[0].partition("[")[0].strip())
    value = value_of(context.analysis, text) if element is None else None
    if value is not None:
        return value.type
    if element is None or deep > 3:
        return None
    item = type_of(context, element, deep + 1)
    if item is None or item.item is None:
        return None
    rest = text.partition(".")[2]
    return item.item if not rest else _field(item.item, rest)


def _field(type_: Type, rest: str) -> Type | None:
    from rewardkit.checker.builtins import FIELDS

    for name in rest.split("."):
        found = FIELDS.get(type_.kind, {}).get(name.strip())
        if found is None:
            return None
        type_ = found
    return type_


def _element(context: Context, name: str) -> str | None:
    """The list behind `for NAME in LIST`, in the statement around the cursor."""
    words = context.sketch.words
    for i in range(context.begin, min(len(words) - 3, context.begin + 2 * _FAR)):
        if words[i].text == "for" and words[i + 1].text == name and words[i + 2].text == "in":
            end = i + 3
            depth = 0
            while end < len(words) and end < i + _FAR:
                word = words[end]
                joined = word.text == "." or (word.kind == "name" and word.text not in KEYWORDS)
                if (word.kind == "close" and depth == 0) or not (joined or depth or word.kind == "open"):
                    break
                depth += (word.kind == "open") - (word.kind == "close")
                end += 1
            if end > i + 3:
                return context.analysis.source.text[words[i + 3].start : words[end - 1].end]
    return None


def value_of(analysis: Analysis, text: str) -> Value | None:
    """The value of a piece of text as an expression of the whole file."""
    found = Collector()
    draft = analysis.draft
    with suppress(TooMany):
        module = parse(Source("", f"let it = {text}"), found)
        statement = module.statements[0] if len(module.statements) == 1 else None
        if not found.has_errors and isinstance(statement, t.Let):
            value = Expressions(found, draft.resolve, draft.declarations, functions=draft.functions).check(
                statement.value
            )
            return None if value.type == UNKNOWN else value
    return None
