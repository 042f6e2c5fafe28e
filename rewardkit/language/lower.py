"""From lark's tree to ours, at once and without recursion: nothing after this file knows lark.

Each method below is named after the rule of the grammar it lowers, and gets its children lowered.
"""

from __future__ import annotations

import difflib
import re
from fractions import Fraction
from typing import Any, Literal

from lark import Token, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from rewardkit.diagnostics import Collector, Edit, Fix, Source, Span
from rewardkit.language import tree as t
from rewardkit.language.literals import LiteralError, read_number, read_text
from rewardkit.language.sketch import brief
from rewardkit.types.types import NAMED, UNKNOWN, list_of

_MAX_LIST_DEPTH = 4


class _Path:
    """A sample's or mock's dotted path."""

    def __init__(self, span: Span, name: str) -> None:
        self.span, self.name = span, name


class _Gate:
    def __init__(self, condition: t.Expr, otherwise: t.Expr | None) -> None:
        self.condition, self.otherwise = condition, otherwise


class _Scope:
    def __init__(
        self,
        kind: Literal["reward", "term", "advantage"],
        term: str | None = None,
        size: t.Number | None = None,
    ) -> None:
        self.kind, self.term, self.size = kind, term, size


@v_args(meta=True)
class Lowering(Transformer_NonRecursive[Token, Any]):
    """Lowers one file; literal and small structural errors go to `found`."""

    def __init__(self, source: Source, found: Collector) -> None:
        super().__init__()
        self.source, self.found = source, found
        self._misplaced: dict[int, Literal["group", "batch"]] = {}

    # --- helpers -------------------------------------------------------------------------------

    def _span(self, meta: Meta) -> Span:
        if meta.empty:
            return Span(self.source, 0, 0)
        return Span(self.source, meta.start_pos, meta.end_pos)

    def _token(self, token: Token) -> Span:
        assert token.start_pos is not None and token.end_pos is not None
        return Span(self.source, token.start_pos, token.end_pos)

    def _number(self, token: Token) -> t.Number | None:
        span = self._token(token)
        try:
            return t.Number(span, *read_number(token))
        except LiteralError as error:
            self.found.error("RK0105", error.message, span, help=error.help)
            return None

    def _whole_number(self, token: Token) -> t.Number:
        """A number of the grammar itself; 1 where it is wrong (reported)."""
        return self._number(token) or t.Number(self._token(token), Fraction(1))

    # --- file ----------------------------------------------------------------------------------

    def start(self, meta: Meta, items: list[Any]) -> t.Module:
        return t.Module(Span(self.source, 0, len(self.source.text)), tuple(items))

    # --- statements ----------------------------------------------------------------------------

    def language(self, meta: Meta, items: list[Any]) -> t.Language:
        return t.Language(self._span(meta), self._whole_number(items[0]))

    def input(self, meta: Meta, items: list[Any]) -> t.Input:
        name, type_, *rest = items
        return t.Input(
            self._span(meta),
            str(name),
            self._token(name),
            type_,
            _pick(rest, t.Range),
            next((item.value for item in rest if isinstance(item, t.Text)), None),
            any(item == "per prompt" for item in rest),
        )

    def from_column(self, meta: Meta, items: list[Any]) -> t.Text:
        return _as_text(items[0])

    def per_prompt(self, meta: Meta, items: list[Any]) -> str:
        return "per prompt"

    def param(self, meta: Meta, items: list[Any]) -> t.Param:
        name, type_, *rest = items
        return t.Param(
            self._span(meta), str(name), self._token(name), type_, _pick(rest[:-1], t.Range), rest[-1]
        )

    def define(self, meta: Meta, items: list[Any]) -> t.Def:
        name, *rest = items
        return t.Def(
            self._span(meta),
            str(name),
            self._token(name),
            tuple(item for item in rest if isinstance(item, t.ParameterDeclaration)),
            _pick(rest, t.TypeName),
            rest[-1],
        )

    def extern(self, meta: Meta, items: list[Any]) -> t.Extern:
        name, *rest = items
        return t.Extern(
            self._span(meta),
            str(name),
            self._token(name),
            tuple(item for item in rest if isinstance(item, t.ParameterDeclaration)),
            next(item for item in rest if isinstance(item, t.TypeName)),
            _pick(rest, t.Range),
        )

    def parameter(self, meta: Meta, items: list[Any]) -> t.ParameterDeclaration:
        return t.ParameterDeclaration(
            self._span(meta), str(items[0]), self._token(items[0]), items[1], _pick(items[2:], t.Range)
        )

    def result_type(self, meta: Meta, items: list[Any]) -> t.TypeName:
        type_: t.TypeName = items[0]
        return type_

    def use(self, meta: Meta, items: list[Any]) -> t.Use:
        return t.Use(self._span(meta), str(items[1]), self._token(items[1]), _as_text(items[0]))

    def let(self, meta: Meta, items: list[Any]) -> t.Let:
        return t.Let(
            self._span(meta),
            str(items[0]),
            self._token(items[0]),
            _pick(items[1:-1], t.TypeName),
            items[-1],
        )

    def term(self, meta: Meta, items: list[Any]) -> t.Term:
        name, *rest, value = items
        gate = _pick(rest, _Gate)
        return t.Term(
            self._span(meta),
            str(name),
            self._token(name),
            _pick(rest, t.Range),
            gate.condition if gate else None,
            gate.otherwise if gate else None,
            value,
        )

    def gate(self, meta: Meta, items: list[Any]) -> _Gate:
        return _Gate(items[0], items[1] if len(items) > 1 else None)

    def otherwise(self, meta: Meta, items: list[Any]) -> t.Expr:
        expr: t.Expr = items[0]
        return expr

    def reward(self, meta: Meta, items: list[Any]) -> t.Reward:
        return t.Reward(
            self._span(meta),
            _pick(items, t.Range),
            tuple(item for item in items if isinstance(item, t.Entry)),
        )

    def advantage(self, meta: Meta, items: list[Any]) -> t.Advantage:
        options = items[1] if len(items) > 1 else ()
        return t.Advantage(self._span(meta), str(items[0]), self._token(items[0]), options)

    def advantage_options(self, meta: Meta, items: list[Any]) -> tuple[t.Entry, ...]:
        return tuple(items)

    def entry(self, meta: Meta, items: list[Any]) -> t.Entry:
        return t.Entry(self._span(meta), str(items[0]), self._token(items[0]), items[1])

    def skip(self, meta: Meta, items: list[Any]) -> t.Skip:
        return t.Skip(self._span(meta), items[0])

    def mask(self, meta: Meta, items: list[Any]) -> t.Mask:
        return t.Mask(self._span(meta), items[0])

    # --- claims --------------------------------------------------------------------------------

    def prove_condition(self, meta: Meta, items: list[Any]) -> t.Prove:
        return t.Prove(self._span(meta), "condition", items[0])

    def prove_range(self, meta: Meta, items: list[Any]) -> t.Prove:
        return t.Prove(self._span(meta), "range", items[0], range=items[1])

    def prove_outranks(self, meta: Meta, items: list[Any]) -> t.Prove:
        scope: _Scope = items[2] if len(items) > 2 else _Scope("reward")
        return t.Prove(
            self._span(meta),
            "outranks",
            items[0],
            items[1],
            scope=scope.kind,
            term=scope.term,
            group_size=scope.size,
        )

    def prove_direction(self, meta: Meta, items: list[Any]) -> t.Prove:
        return t.Prove(self._span(meta), "direction", items[0], items[2], direction=str(items[1]))

    def scope_term(self, meta: Meta, items: list[Any]) -> _Scope:
        return _Scope("term", str(items[0]))

    def scope_reward(self, meta: Meta, items: list[Any]) -> _Scope:
        return _Scope("reward")

    def scope_advantage(self, meta: Meta, items: list[Any]) -> _Scope:
        return _Scope("advantage", size=self._whole_number(items[0]))

    # --- tests ---------------------------------------------------------------------------------

    def test(self, meta: Meta, items: list[Any]) -> t.Test:
        name = _as_text(items[0])
        return t.Test(self._span(meta), name.value, name.span, tuple(items[1:]))

    def sample(self, meta: Meta, items: list[Any]) -> t.Sample:
        return t.Sample(self._span(meta), str(items[0]), self._token(items[0]), tuple(items[1:]))

    def assignment(self, meta: Meta, items: list[Any]) -> t.Assignment:
        return t.Assignment(self._span(meta), items[0].name, items[0].span, items[1])

    def path(self, meta: Meta, items: list[Any]) -> _Path:
        return _Path(self._span(meta), ".".join(items))

    def group(self, meta: Meta, items: list[Any]) -> t.Group:
        return t.Group(self._span(meta), tuple(items))

    def mock(self, meta: Meta, items: list[Any]) -> t.Mock:
        return t.Mock(self._span(meta), items[0].name, items[0].span, items[1])

    def rows(self, meta: Meta, items: list[Any]) -> t.Rows:
        return t.Rows(self._span(meta), _as_text(items[0]), tuple(items[1:]))

    def expect(self, meta: Meta, items: list[Any]) -> t.Expect:
        return t.Expect(self._span(meta), items[0], items[1] if len(items) > 1 else None)

    def tolerance(self, meta: Meta, items: list[Any]) -> t.Expr:
        expr: t.Expr = items[0]
        return expr

    # --- ranges and types ----------------------------------------------------------------------

    def within_range(self, meta: Meta, items: list[Any]) -> t.Range:
        found: t.Range = items[0]
        return found

    def range_closed(self, meta: Meta, items: list[Any]) -> t.Range:
        return t.Range(self._span(meta), items[0], items[1], False, False)

    def range_right_open(self, meta: Meta, items: list[Any]) -> t.Range:
        return t.Range(self._span(meta), items[0], items[1], False, True)

    def range_left_open(self, meta: Meta, items: list[Any]) -> t.Range:
        return t.Range(self._span(meta), items[0], items[1], True, False)

    def range_open(self, meta: Meta, items: list[Any]) -> t.Range:
        return t.Range(self._span(meta), items[0], items[1], True, True)

    def type_name(self, meta: Meta, items: list[Any]) -> t.TypeName:
        name = str(items[0])
        if name not in NAMED:
            span = self._token(items[0])
            help_ = _type_help(name)
            meant = re.fullmatch(r"(?:write|did you mean) `(\w+)`\??", help_)
            fix = Fix(f"write `{meant[1]}`", (Edit(span, meant[1]),)) if meant else None
            self.found.error("RK0204", f"there is no type `{name}`", span, help=help_, fix=fix)
        return t.TypeName(self._span(meta), NAMED.get(name, UNKNOWN))

    def type_name_optional(self, meta: Meta, items: list[Any]) -> t.TypeName:
        return t.TypeName(self._span(meta), self.type_name(meta, items).type.nullable)

    def type_list(self, meta: Meta, items: list[Any]) -> t.TypeName:
        name, item = items
        span = self._span(meta)
        if name != "list":
            optional = name.lower() in ("optional", "option", "maybe")
            help_ = f"write `{item.type}?`" if optional else f"write `list[{item.type}]`"
            place = span if item.type != UNKNOWN else self._token(name)
            self.found.error("RK0204", f"there is no type `{name}[…]`", place, help=help_)
            return t.TypeName(span, UNKNOWN)
        depth, inner = 1, item.type
        while inner.item is not None:
            depth, inner = depth + 1, inner.item
        if inner == UNKNOWN:  # reported below
            return t.TypeName(span, UNKNOWN)
        if depth > _MAX_LIST_DEPTH:
            self.found.error("RK0106", f"lists nest at most {_MAX_LIST_DEPTH} deep", span, help="use `json`")
            return t.TypeName(span, UNKNOWN)
        return t.TypeName(span, list_of(item.type))

    def type_list_optional(self, meta: Meta, items: list[Any]) -> t.TypeName:
        return t.TypeName(self._span(meta), self.type_list(meta, items).type.nullable)

    # --- expressions ---------------------------------------------------------------------------

    def if_(self, meta: Meta, items: list[Any]) -> t.If:
        return t.If(self._span(meta), *items)

    def or_op(self, meta: Meta, items: list[Any]) -> t.Binary:
        return t.Binary(self._span(meta), "or", items[0], items[1])

    def and_op(self, meta: Meta, items: list[Any]) -> t.Binary:
        return t.Binary(self._span(meta), "and", items[0], items[1])

    def binary_op(self, meta: Meta, items: list[Any]) -> t.Binary:
        return t.Binary(self._span(meta), str(items[1]), items[0], items[2])

    def coalesce_(self, meta: Meta, items: list[Any]) -> t.Binary:
        return t.Binary(self._span(meta), "??", items[0], items[1])

    def negation(self, meta: Meta, items: list[Any]) -> t.Unary:
        return t.Unary(self._span(meta), "not", items[0])

    def minus(self, meta: Meta, items: list[Any]) -> t.Expr:
        sign, operand = items
        if sign == "+":
            place = self._token(sign)
            fix = Fix("leave the `+` out", (Edit(place, ""),))
            self.found.error("RK0104", "`+` does not begin a value", place, help="leave the `+` out", fix=fix)
            plain: t.Expr = operand
            return plain
        return t.Unary(self._span(meta), "-", operand)

    def field(self, meta: Meta, items: list[Any]) -> t.Field:
        return t.Field(self._span(meta), items[0], str(items[1]), self._token(items[1]))

    def index(self, meta: Meta, items: list[Any]) -> t.Index:
        return t.Index(self._span(meta), *items)

    def call(self, meta: Meta, items: list[Any]) -> t.Expr:
        arguments = tuple(
            item if isinstance(item, t.Argument) else t.Argument(item.span, None, item) for item in items[1:]
        )
        return self._call(meta, items[0], arguments)

    def call_where(self, meta: Meta, items: list[Any]) -> t.Expr:
        value = t.Argument(items[1].span, None, items[1])
        return self._call(meta, items[0], (value,), where=items[2])

    def call_for(self, meta: Meta, items: list[Any]) -> t.Expr:
        body, name, iterable, *where = items[1:]
        return self._call(
            meta,
            items[0],
            (t.Argument(body.span, None, body),),
            where=where[0] if where else None,
            generator=t.Generator(self._token(name).to(iterable.span), str(name), iterable),
        )

    def _call(
        self,
        meta: Meta,
        function: t.Expr,
        arguments: tuple[t.Argument, ...],
        where: t.Expr | None = None,
        generator: t.Generator | None = None,
    ) -> t.Expr:
        name = t.dotted(function)
        if name is None:
            self.found.error(
                "RK0107",
                "this cannot be called",
                function.span,
                help="values have no methods: nest the calls, as in `text.lower(text.strip(x))`"
                if isinstance(function, t.Field)
                else "call a function by its name, `math.equal(…)`",
            )
            return t.Invalid(self._span(meta))
        scope = self._misplaced.pop(id(arguments[0].value), None) if len(arguments) == 1 else None
        return t.Call(self._span(meta), name, function.span, arguments, where, generator, scope)

    def named_argument(self, meta: Meta, items: list[Any]) -> t.Argument:
        return t.Argument(self._span(meta), str(items[0]), items[1])

    def over_group(self, meta: Meta, items: list[Any]) -> t.Expr:
        return self._over(meta, items[0], "group")

    def over_batch(self, meta: Meta, items: list[Any]) -> t.Expr:
        return self._over(meta, items[0], "batch")

    def _over(self, meta: Meta, call: t.Expr, scope: Literal["group", "batch"]) -> t.Expr:
        if isinstance(call, t.Call) and not call.over and not call.generator:
            return t.Call(
                self._span(meta), call.function, call.function_span, call.arguments, call.where, None, scope
            )
        if isinstance(call, t.Invalid):
            return call
        shown = brief(call.span.text)
        if isinstance(call, t.Call):
            message, help_ = (
                f"`over {scope}` goes with one aggregate of rows",
                f"name `{shown}` with `let` first",
            )
        else:
            message = f"`over {scope}` follows an aggregate"
            help_ = f"write `mean({shown}) over {scope}`"
        self.found.error("RK0501", message, self._span(meta), help=help_)
        # `mean(x over group)` is read as `mean(x) over group`, so that it is reported once
        self._misplaced[id(call)] = scope
        return call

    def name(self, meta: Meta, items: list[Any]) -> t.Name:
        return t.Name(self._span(meta), str(items[0]))

    def number(self, meta: Meta, items: list[Any]) -> t.Expr:
        return self._number(items[0]) or t.Invalid(self._span(meta))

    def text(self, meta: Meta, items: list[Any]) -> t.Expr:
        text: t.Expr = items[0]
        return text

    def string(self, meta: Meta, items: list[Any]) -> t.Expr:
        token: Token = items[0]
        span = self._token(token)
        try:
            text = t.Text(span, *read_text(token))
        except LiteralError as error:
            place = span.inside(error.offset, error.length)
            raw = (error.help or "").startswith("write a raw text")
            start = Span(self.source, span.start, span.start)
            fix = Fix("write a raw text", (Edit(start, "r"),)) if raw else None
            self.found.error("RK0103", error.message, place, help=error.help, fix=fix)
            return t.Invalid(span)
        return text

    def true(self, meta: Meta, items: list[Any]) -> t.Bool:
        return t.Bool(self._span(meta), True)

    def false(self, meta: Meta, items: list[Any]) -> t.Bool:
        return t.Bool(self._span(meta), False)

    def null(self, meta: Meta, items: list[Any]) -> t.Null:
        return t.Null(self._span(meta))

    def reward_value(self, meta: Meta, items: list[Any]) -> t.RewardValue:
        return t.RewardValue(self._span(meta))

    def list_(self, meta: Meta, items: list[Any]) -> t.ListLiteral:
        return t.ListLiteral(self._span(meta), tuple(items))

    def parenthesis(self, meta: Meta, items: list[Any]) -> t.Expr:
        inner: t.Expr = items[0]
        return inner


def _pick(items: list[Any], kind: type[Any]) -> Any:
    return next((item for item in items if isinstance(item, kind)), None)


def _as_text(node: t.Expr) -> t.Text:
    """A text where the grammar wants one; `""` where it is wrong (reported)."""
    return node if isinstance(node, t.Text) else t.Text(node.span, "")


#: names of types elsewhere, and ours
_TYPES = {
    "str": "text", "string": "text", "char": "text", "float": "real", "double": "real", "number": "real",
    "decimal": "real", "integer": "int", "long": "int", "boolean": "bool", "token": "tokens", "tok": "tokens",
    "ch": "chars", "characters": "chars", "second": "seconds", "s": "seconds", "duration": "seconds",
    "dict": "json", "object": "json", "any": "json", "map": "json", "list": "list[text]",
    "array": "list[text]", "tuple": "list[text]", "none": "text?", "null": "text?",
}  # fmt: skip


def _type_help(name: str) -> str:
    ours = _TYPES.get(name.lower())
    near = difflib.get_close_matches(name, NAMED, 1)
    if ours or near:
        return f"write `{ours}`" if ours else f"did you mean `{near[0]}`?"
    return "types are " + ", ".join(f"`{known}`" for known in [*NAMED, "list[text]"])
