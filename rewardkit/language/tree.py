"""The syntax tree: frozen dataclasses with spans. Two trees are equal where they mean the same text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any, Literal

from rewardkit.diagnostics import Span
from rewardkit.types.types import Type


@dataclass(frozen=True)
class Node:
    span: Span = field(compare=False, repr=False)


# --- expressions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expr(Node):
    """Any expression."""


@dataclass(frozen=True)
class Number(Expr):
    value: Fraction
    unit: str | None = None
    whole: bool = True  # written without a point or exponent


@dataclass(frozen=True)
class Text(Expr):
    value: str
    #: for each code point of `value`, where it stands in the source; `None` where they run in step
    offsets: tuple[int, ...] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Bool(Expr):
    value: bool


@dataclass(frozen=True)
class Null(Expr):
    pass


@dataclass(frozen=True)
class Invalid(Expr):
    """What cannot be read (reported): every rule accepts it."""


@dataclass(frozen=True)
class RewardValue(Expr):
    """`reward` as a value, in `prove` and `expect` only."""


@dataclass(frozen=True)
class ListLiteral(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Name(Expr):
    name: str


@dataclass(frozen=True)
class Field(Expr):
    base: Expr
    name: str
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Index(Expr):
    base: Expr
    index: Expr


@dataclass(frozen=True)
class Argument(Node):
    name: str | None
    value: Expr


@dataclass(frozen=True)
class Generator(Node):
    """`for NAME in LIST` of an aggregate over a list."""

    name: str
    iterable: Expr


@dataclass(frozen=True)
class Call(Expr):
    """A call, or an aggregate where `where`, `generator` or `over` says so."""

    function: str
    function_span: Span = field(compare=False, repr=False)
    arguments: tuple[Argument, ...] = ()
    where: Expr | None = None
    generator: Generator | None = None
    over: Literal["group", "batch"] | None = None


@dataclass(frozen=True)
class Unary(Expr):
    operator: Literal["-", "not"]
    operand: Expr


@dataclass(frozen=True)
class Binary(Expr):
    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class If(Expr):
    condition: Expr
    then: Expr
    otherwise: Expr


# --- parts of statements -----------------------------------------------------------------------


@dataclass(frozen=True)
class TypeName(Node):
    type: Type


@dataclass(frozen=True)
class Range(Node):
    lo: Expr
    hi: Expr
    lo_open: bool
    hi_open: bool


@dataclass(frozen=True)
class ParameterDeclaration(Node):
    name: str
    name_span: Span = field(compare=False, repr=False)
    type: TypeName
    range: Range | None = None


@dataclass(frozen=True)
class Entry(Node):
    """`NAME: EXPR` in `reward` and `advantage`."""

    name: str
    name_span: Span = field(compare=False, repr=False)
    value: Expr


# --- statements --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement(Node):
    """Any statement."""


@dataclass(frozen=True)
class Language(Statement):
    version: Number


@dataclass(frozen=True)
class Broken(Statement):
    """A statement that could not be read (reported), by its keyword and the name it would have declared."""

    keyword: str
    name: str | None


@dataclass(frozen=True)
class Declaration(Statement):
    name: str
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Input(Declaration):
    type: TypeName
    range: Range | None = None
    column: str | None = None
    per_prompt: bool = False


@dataclass(frozen=True)
class Param(Declaration):
    type: TypeName
    range: Range | None
    value: Expr


@dataclass(frozen=True)
class Def(Declaration):
    parameters: tuple[ParameterDeclaration, ...]
    result: TypeName | None
    body: Expr


@dataclass(frozen=True)
class Extern(Declaration):
    parameters: tuple[ParameterDeclaration, ...]
    result: TypeName
    range: Range | None = None


@dataclass(frozen=True)
class Use(Declaration):
    path: Text


@dataclass(frozen=True)
class Let(Declaration):
    type: TypeName | None
    value: Expr


@dataclass(frozen=True)
class Term(Declaration):
    range: Range | None
    gate: Expr | None
    otherwise: Expr | None
    value: Expr


@dataclass(frozen=True)
class Reward(Statement):
    range: Range | None
    weights: tuple[Entry, ...]


@dataclass(frozen=True)
class Advantage(Statement):
    name: str
    name_span: Span = field(compare=False, repr=False)
    options: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Skip(Statement):
    condition: Expr


@dataclass(frozen=True)
class Mask(Statement):
    condition: Expr


@dataclass(frozen=True)
class Prove(Statement):
    form: Literal["condition", "range", "outranks", "direction"]
    subject: Expr
    other: Expr | None = None  # the outranked condition, or the input that moves
    range: Range | None = None
    direction: str | None = None
    scope: Literal["reward", "term", "advantage"] = "reward"
    term: str | None = None
    group_size: Number | None = None


@dataclass(frozen=True)
class Assignment(Node):
    path: str
    path_span: Span = field(compare=False, repr=False)
    value: Expr


@dataclass(frozen=True)
class Sample(Node):
    name: str
    name_span: Span = field(compare=False, repr=False)
    fields: tuple[Assignment, ...]


@dataclass(frozen=True)
class Group(Node):
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Mock(Node):
    path: str
    path_span: Span = field(compare=False, repr=False)
    value: Expr


@dataclass(frozen=True)
class Expect(Node):
    condition: Expr
    tolerance: Expr | None = None


@dataclass(frozen=True)
class Rows(Node):
    path: Text
    items: tuple[Input | Expect, ...]


@dataclass(frozen=True)
class Test(Statement):
    name: str
    name_span: Span = field(compare=False, repr=False)
    items: tuple[Sample | Group | Mock | Expect | Rows, ...]


@dataclass(frozen=True)
class Module(Node):
    """A file: its statements in order."""

    statements: tuple[Statement, ...]


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in source order of its fields."""
    for spec in fields(node):
        value: Any = getattr(node, spec.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def dotted(expr: Expr) -> str | None:
    """`a.b.c` as text where the expression is a plain path, else `None`."""
    names: list[str] = []
    while isinstance(expr, Field):
        names.append(expr.name)
        expr = expr.base
    if not isinstance(expr, Name):
        return None
    return ".".join([expr.name, *reversed(names)])


def readable(expr: Expr) -> bool:
    """Whether nothing below (or at) the expression is `Invalid`."""
    stack: list[Node] = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Invalid):
            return False
        stack.extend(children(node))
    return True
