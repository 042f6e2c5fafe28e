"""How diagnostics name things: short, in the words of the spec."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from itertools import islice

from rewardkit.checker.spec import Value
from rewardkit.diagnostics import Edit, Fix, Span
from rewardkit.language.sketch import brief
from rewardkit.types.types import UNITS, Type

#: names that a suggestion is looked for among, so that hostile files cost no more than long ones
_MOST_NAMES = 2_000

_MEANT = re.compile(r"did you mean `([^`]+)`\?")

#: operations that bind less tightly than `*`, `/` and `??`
_LOOSE = frozenset(("add", "sub", "if", "and", "or", "not", "is_null", "eq", "ne", "lt", "le", "gt", "ge"))


def text_of(thing: Value | Span, most: int = 40) -> str:
    """What stands in the file, on one line, and shortened where it is long."""
    span = thing.span if isinstance(thing, Value) else thing
    return brief(span.text, most)


def operand(value: Value) -> str:
    """What stands in the file, as an operand: in parentheses where it would fall apart."""
    shown = text_of(value)
    return f"({shown})" if peeled(value).op in _LOOSE else shown


def listed(names: Iterable[str], most: int = 12) -> str:
    names = list(names)
    return ", ".join(f"`{name}`" for name in names[:most]) + (", …" if len(names) > most else "")


def suggest(name: str, known: Iterable[str]) -> str | None:
    names = list(islice(known, _MOST_NAMES))
    other_case = [other for other in names if other.lower() == name.lower()]
    near = other_case or difflib.get_close_matches(name, names, 1)
    return f"did you mean `{near[0]}`?" if near else None


def meant(help: str | None, span: Span) -> Fix | None:
    """The fix that writes what a help line asks for with `did you mean`, in the place of a name."""
    found = _MEANT.fullmatch(help or "")
    return replace(span, found[1]) if found else None


def replace(span: Span, text: str) -> Fix:
    """A guess: other text in the place of a span."""
    return Fix(f"write `{brief(text)}`", (Edit(span, text),))


def unit_fix(value: Value, type_: Type) -> Fix | None:
    """Gives a number that stands in the file the unit of a type."""
    number = peeled(value)
    if number.op != "constant" or number.type.unit or not type_.unit or not value.span.text[-1:].isdigit():
        return None
    end = Span(value.span.source, value.span.end, value.span.end)
    return Fix(f"write `{with_unit(text_of(value), type_)}`", (Edit(end, suffix(type_)),))


def default_fix(value: Value, default: str) -> Fix:
    """Says what null counts as: `?? 0` behind a value."""
    loose = peeled(value).op in _LOOSE or value.span.text.startswith("-")
    shown = f"({value.span.text})" if loose else value.span.text
    return replace(value.span, f"{shown} ?? {default}")


def suffix(type_: Type) -> str:
    """What numbers of a type end in: `tok`, or nothing."""
    return UNITS[type_.unit] if type_.unit else ""


def a_number(type_: Type) -> str:
    """`tokens`, `a plain number`."""
    return type_.unit or "a plain number"


def with_unit(number: str, type_: Type) -> str:
    """A number as it is written in the unit of a type: `0tok`."""
    return number + suffix(type_)


def peeled(value: Value) -> Value:
    """The value under what narrowing put on top of it."""
    while value.op == "alias":
        value = value.args[0]
    return value


def null_origin(value: Value) -> Value | None:
    """What makes a value null: the input, let or call that may be, read by functions that pass null on."""
    for _ in range(100):
        inner = peeled(value)
        if inner.op not in ("call", "field"):
            return value
        passed = next((arg for arg in inner.args if arg.type.optional), None)
        if passed is None:
            return value
        value = passed
    return None
