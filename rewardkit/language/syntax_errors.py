"""What a syntax error says: a known mistake by its own name, else what was expected and the right form."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from rewardkit.diagnostics import Collector, Edit, Fix, Label, Source, Span
from rewardkit.language.sketch import KEYWORDS, STATEMENTS, Sketch, Word, closing

_NOTHING = Word("nothing", "", 0, 0)
_VALUE = frozenset(("NAME", "NUMBER", "STRING", "LPAR"))
_VALUE_TOO = frozenset(
    ("IF", "NOT", "TRUE", "FALSE", "NULL", "LSQB", "SIGN", "REWARD", "RAW_STRING", "LONG_STRING", "ARGUMENT")
)
_OPERATORS = frozenset(
    (
        "SIGN",
        "SCALE",
        "COMPARE",
        "AND",
        "OR",
        "LSQB",
        "LPAR",
        "DOT",
        "OVER",
        "__ANON_0",
        "DIRECTION",
        "OUTRANKS",
    )
)
_STARTS = frozenset(name.upper() for name in STATEMENTS)
_SHOWN = {
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "LBRACE": "`{`", "RBRACE": "`}`",
    "EQUAL": "`=`", "COLON": "`:`", "COMMA": "`,`", "DOT": "`.`", "QMARK": "`?`", "NAME": "a name",
    "WORD": "a name", "NUMBER": "a number", "STRING": "a text", "$END": "the end of the file",
    "COMPARE": "a comparison", "SIGN": "`-`",
}  # fmt: skip

#: how each statement, and each part of a `test`, is written
FORMS = {
    "language": "language 1",
    "input": "input name: type",
    "param": "param name: type in [lowest, highest] = value",
    "def": "def name(x: type) = value",
    "use": 'use "file.rwd" as name',
    "extern": "extern name(x: type): type",
    "let": "let name = value",
    "term": "term name in [lowest, highest] when condition = value",
    "reward": "reward { term: weight }",
    "advantage": "advantage name { option: value }",
    "skip": "skip when condition",
    "mask": "mask when condition",
    "prove": "prove condition outranks condition",
    "test": 'test "name" { sample a { field = value }  expect condition }',
    "sample": "sample name { field = value }",
    "group": "group { sample name { field = value } }",
    "mock": "mock function = value",
    "rows": 'rows "file.jsonl" { input name: type  expect condition }',
    "expect": "expect condition within tolerance",
}


@dataclass(frozen=True)
class Answer:
    """What to say of one mistake; `span` where it is not the token at which the file stopped parsing."""

    message: str
    help: str | None = None
    span: Span | None = None
    code: str = "RK0101"
    labels: tuple[Label, ...] = ()
    instead: str | None = None  # what is meant in the place of the span


@dataclass(frozen=True)
class Spot:
    """Where a file stops parsing, what could stand there, and what surrounds it."""

    source: Source
    sketch: Sketch
    span: Span
    kind: str  # the token's name, `""` for a character that begins no token
    accepts: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def index(self) -> int:
        return self.sketch.index(self.span.start)

    def word(self, distance: int) -> Word:
        """The word so many places from here: 0 is the one that is wrong, -1 the one before it."""
        at = self.index + distance
        return self.sketch.words[at] if 0 <= at < len(self.sketch.words) else _NOTHING

    @property
    def text(self) -> str:
        return self.span.text

    @property
    def rest(self) -> str:
        return self.source.text[self.span.start : self.span.start + 200]

    @cached_property
    def start(self) -> int:
        """Where the statement that is wrong begins."""
        return self.sketch.statement(self.span.start)[0]

    @cached_property
    def open(self) -> tuple[Word, ...]:
        """The brackets that are open here, outermost first, each as the word that opens it."""
        return tuple(self.sketch.words[i] for i in self.sketch.open_brackets(self.start, self.span.start))

    @cached_property
    def form(self) -> str:
        """The statement, or the part of a `test`, that stands here: `term`, `sample`, ...; `""` for none."""
        first = self.sketch.index(self.start)
        word = self.sketch.words[first].text if first < self.index else ""
        if word == "test":
            for word_ in reversed(self.sketch.words[first : self.index]):
                if word_.text in FORMS and word_.kind == "name":
                    return word_.text
        return word if word in FORMS else ""

    @property
    def wants_value(self) -> bool:
        return self.accepts >= _VALUE

    @property
    def after_value(self) -> bool:
        return {"SIGN", "SCALE"} <= self.accepts and not self.wants_value

    @property
    def ends(self) -> bool:
        """Whether the file, or the next statement, stands where this one is not complete."""
        return self.kind == "$END" or self.span.start in self.sketch.starts

    def place(self, word: Word) -> Span:
        return Span(self.source, word.start, word.end)


def explain(spot: Spot, found: Collector) -> None:
    """Add the diagnostic for one syntax error."""
    from rewardkit.language.mistakes import known_mistake

    answer = known_mistake(spot) or _unclosed(spot) or _expected(spot)
    span = answer.span or spot.span
    fix = None if answer.instead is None else _replaced(span, answer.instead)
    found.error(answer.code, answer.message, span, labels=answer.labels, help=answer.help, fix=fix)


def _replaced(span: Span, text: str) -> Fix:
    """Other text in the place of a span, with space around a word where it would run into another."""
    whole = span.source.text
    before = " " if text[0].isalpha() and whole[: span.start][-1:].isalnum() else ""
    after = " " if text[-1].isalpha() and whole[span.end : span.end + 1].isalnum() else ""
    return Fix(f"write `{text}`", (Edit(span, before + text + after),))


def _unclosed(spot: Spot) -> Answer | None:
    """A bracket that the file, or the next statement, finds still open."""
    if not spot.open or not spot.ends:
        return None
    bracket = spot.open[-1]
    labels = () if spot.kind == "$END" else (Label(spot.span, "the next statement begins here"),)
    return Answer(
        f"`{bracket.text}` is never closed",
        f"close it with `{closing(bracket.text)}`",
        spot.place(bracket),
        labels=labels,
    )


def _expected(spot: Spot) -> Answer:
    """The general answer: what could stand here, and how the statement is written."""
    wanted = _in_words(spot)
    before = spot.word(-1)
    # the form of a statement is no help inside of a value
    inside = (spot.wants_value and not spot.ends) or any(bracket.text == "(" for bracket in spot.open)
    inside = inside or spot.after_value or before.text in (".", "over")
    help_ = f"write `{FORMS[spot.form]}`" if spot.form and not inside else None
    if spot.ends and before.end:
        return Answer(f"expected {wanted} after `{short(before.text)}`", help_, spot.place(before))
    if spot.kind == "":
        return Answer(f"unexpected {character(spot.text)}")
    shown = f"`{short(spot.text)}`"
    if "$END" in spot.accepts and not spot.after_value:
        return Answer(f"{shown} does not begin a statement", "statements begin with " + either(STATEMENTS))
    if spot.text in KEYWORDS and (spot.wants_value or "NAME" in spot.accepts):
        return Answer(f"`{spot.text}` is a keyword: expected {wanted}", help_)
    return Answer(f"unexpected {shown}: expected {wanted}", help_)


def _in_words(spot: Spot) -> str:
    """What could stand here, the most likely first; what only goes on is named where nothing else is."""
    left = set(spot.accepts)
    parts: list[str] = []
    if spot.wants_value:
        parts.append("a value")
        left -= _VALUE | _VALUE_TOO
    elif spot.after_value:
        left -= _OPERATORS
    if left & _STARTS and "$END" in left:
        left -= _STARTS | {"$END"}
        statement = ["an operator or the next statement" if spot.after_value else "the next statement"]
    else:
        statement = []
    left -= {"RAW_STRING", "LONG_STRING", "ARGUMENT", "WORD" if "NAME" in left else ""}
    first = [name for name in ("THEN", "ELSE", "EQUAL", "RPAR", "RSQB", "RBRACE", "COMMA") if name in left]
    parts.extend(_show(name) for name in (*first, *sorted(left - set(first))) if not name.startswith("__"))
    parts = parts[:5] + (statement if not parts or not spot.after_value else [])
    return _or(parts) if parts else "an operator"


def _show(name: str) -> str:
    return _SHOWN.get(name, f"`{name.lower()}`")


def _or(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1]


def either(names: tuple[str, ...] | list[str]) -> str:
    return _or([f"`{name}`" for name in names])


def short(text: str) -> str:
    text = text.split("\n")[0]
    return text if len(text) <= 40 else text[:39] + "…"


def character(char: str) -> str:
    """A character as a message shows it: itself, or its number where it cannot be seen."""
    return f"`{char}`" if char.isprintable() and char.strip() else f"character U+{ord(char):04X}"
