"""Typing of expressions: one method per form of the syntax tree, all of them total.

Whatever is wrong is reported once; the value then has the type `unknown`, which every rule accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from rewardkit.checker import arithmetic, builtins
from rewardkit.checker import facts as facts_of
from rewardkit.checker.calls import call
from rewardkit.checker.constants import fits
from rewardkit.checker.facts import NOTHING, Facts, both, shared, when
from rewardkit.checker.spec import Callee, Value
from rewardkit.checker.wording import (
    default_fix,
    listed,
    meant,
    null_origin,
    operand,
    peeled,
    suggest,
    text_of,
    with_unit,
)
from rewardkit.diagnostics import Collector, Edit, Fix, Label, Span
from rewardkit.language import tree as t
from rewardkit.language.sketch import Sketch
from rewardkit.types.interval import FULL, Interval, hull, intersect, point
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, NULL, TEXT, UNKNOWN, Type, list_of

#: finds a name's value where it is used, or reports why there is none
Resolve = Callable[[str, Span], Value | None]


#: a scope without functions of its own
NO_FUNCTIONS: Mapping[str, Callee | None] = {}


@dataclass
class Written:
    """How many names, values and operators the calls of `def`s have added, written out."""

    nodes: int = 0


class Expressions:
    """Checks the expressions of one scope.

    `lenient` is the mode of `expect`: nulls are allowed anywhere and a comparison with one is false.
    `pure` is the mode of a `def`, by its name: only its parameters are there.
    """

    def __init__(
        self,
        found: Collector,
        resolve: Resolve,
        declarations: Mapping[str, Span],
        *,
        lenient: bool = False,
        paths: Resolve | None = None,
        facts: Facts = NOTHING,
        functions: Mapping[str, Callee | None] = NO_FUNCTIONS,
        written: Written | None = None,
        pure: str | None = None,
        seen: list[tuple[t.Expr, Value]] | None = None,
    ) -> None:
        self.found = found
        self.seen = seen  # every expression with its value, where someone asks for them
        self.resolve = resolve
        self.declarations = declarations
        self.lenient = lenient
        self.paths = paths
        self.functions = functions
        self.written = written or Written()
        self.pure = pure
        self.base = facts  # what holds for every row of the file
        self.know(facts)
        self.aggregating = False
        self.elements: dict[str, Value] = {}
        self.folds = 0
        self.reward: Value | None = None  # what `reward` is, where it is a value

    # --- entry points --------------------------------------------------------------------------

    def check(self, node: t.Expr) -> Value:
        value = _RULES[type(node)](self, node)
        if self.of_expressions and value.path is None and value.type.is_number:
            value = self.narrowed(value)
        if self.seen is not None:
            self.seen.append((node, value))
        return value

    def check_under(self, node: t.Expr, facts: Facts) -> Value:
        """Check with more known than outside."""
        with self.knowing(facts):
            return self.check(node)

    @contextmanager
    def knowing(self, facts: Facts) -> Iterator[None]:
        before = self.facts
        self.know(both(before, facts))
        try:
            yield
        finally:
            self.know(before)

    def know(self, facts: Facts) -> None:
        self.facts = facts
        self.of_expressions = any(name.startswith("=") for name in facts)

    @contextmanager
    def across(self, level: Level) -> Iterator[None]:
        """Inside an aggregate: what a gate or test knows of this row, it does not know of the others."""
        before = self.facts, self.aggregating
        self.know(both(self.base, shared(self.facts, level)))
        self.aggregating = True
        try:
            yield
        finally:
            self.know(before[0])
            self.aggregating = before[1]

    def condition(self, node: t.Expr, what: str) -> Value:
        """A condition that is never null: a gate, `skip`, `if`."""
        value = self.check(node)
        self.wants_bool(value, what)
        return value

    # --- demands, each reporting once ----------------------------------------------------------

    def wants_value(self, value: Value, *, divides: bool = False) -> bool:
        """That the value is not null; `divides` says that it is a denominator."""
        if self.lenient or not value.type.optional:
            return True
        if peeled(value).op == "constant":
            self.found.error("RK0601", "`null` has no value here", value.span)
            return False
        origin = null_origin(value) or value
        labels = [Label(origin.span, f"`{origin.type}`")] if origin.span != value.span else []
        declared = self.declaration_of(origin)
        if declared is not None:
            labels.append(Label(declared, "declared here"))
        name = origin.path
        advice = f"say what null counts as, `{operand(value)} ?? {_default(value)}`"
        if divides and value.type.is_number:
            advice = f"say what null counts as, `{_denominator(value)}`"
            name = None if value.interval.contains(Fraction(0)) else name
        if value.type.kind in ("message", "call", "json"):
            advice = f"name it, `let x = {text_of(value)}`"
            name = name or "x"
        self.found.error(
            "RK0601",
            f"`{text_of(value)}` may be null here",
            value.span,
            f"`{value.type}`",
            labels=tuple(labels),
            help=advice + (f", or test `{name} != null` first" if name else ""),
            fix=None if divides or _default(value) == "…" else default_fix(value, _default(value)),
        )
        return False

    def wants_number(self, value: Value, *, divides: bool = False) -> bool:
        if value.type == UNKNOWN or not self.wants_value(value, divides=divides):
            return False
        if value.type.is_number:
            return True
        self.found.error(
            "RK0401",
            f"expected a number, found `{value.type.required}`",
            value.span,
            labels=self.declared(value),
            help=_number_help(value),
        )
        return False

    def wants_numbers(self, node: t.Binary, left: Value, right: Value) -> bool:
        """That both sides of an operator are numbers; two texts are reported once."""
        if left.type.kind == "text" and right.type.kind == "text" and node.operator == "+":
            help_ = "texts are not joined: look for each part with `text.contains(x, piece)`"
            self.found.error("RK0401", "cannot add `text` and `text`", node.span, help=help_)
            return False
        return self.wants_number(left) & self.wants_number(right, divides=node.operator == "/")

    def wants_bool(self, value: Value, what: str) -> bool:
        if value.type == UNKNOWN or not self.wants_value(value):
            return False
        if value.type.kind == "bool":
            return True
        shown, kind, labels = operand(value), value.type.required, self.declared(value)
        inner = peeled(value)
        if inner.op == "term":
            test = f"{shown} == 1" if inner.args[0].type == BOOL else f"{shown} > 0"
            help_ = f"compare it, `{test}`, or name its condition with `let`, and use that in both places"
            labels = tuple(Label(label.span, "a term is a number") for label in labels)
        elif kind.is_number and inner.op == "constant":
            help_ = f"a condition is wanted, and `{shown}` is a number: write a comparison"
        elif kind.is_number:
            help_ = f"compare it: `{shown} > {arithmetic.zero(kind)}`"
        elif kind.kind == "list":
            help_ = f"compare its length: `len({shown}) > 0`"
        else:
            help_ = f"compare it: `{shown} == …`"
        self.found.error(
            "RK0401",
            f"{what} wants a condition, found `{kind}`",
            value.span,
            labels=labels,
            help=help_,
        )
        return False

    def declared(self, value: Value) -> tuple[Label, ...]:
        """A label at the declaration of the name that this value is."""
        span = self.declaration_of(value)
        known = f"`{value.type}`" if self.is_let(value) else f"declared `{value.type}`"
        return (Label(span, known),) if span else ()

    def declaration_of(self, value: Value) -> Span | None:
        """Where the name that this value is was declared."""
        return self.declarations.get(value.path) if value.path else None

    def is_value(self, path: str) -> bool:
        """Whether a dotted path begins with a value rather than a namespace."""
        root = path.partition(".")[0]
        return root in self.declarations or root in self.elements or root in builtins.ROOTS

    def is_let(self, value: Value) -> bool:
        return peeled(value).op in ("let", "term")

    # --- helpers -------------------------------------------------------------------------------

    def unknown(self, span: Span) -> Value:
        return Value("constant", (), UNKNOWN, span, level=Level.CONSTANT)

    def false_if_null(self, value: Value) -> Value:
        false = Value("constant", (), BOOL, value.span, data=False)
        return Value("coalesce", (value, false), BOOL, value.span, level=value.level)

    def narrowed(self, value: Value) -> Value:
        """The value with what is known of its path where it stands."""
        fact = facts_of.of(self.facts, value, self.of_expressions) if self.facts else None
        if fact is None:
            return value
        type_ = value.type.required if fact.present else value.type
        interval = intersect(value.interval, fact.interval) if type_.is_number else value.interval
        if interval.empty:  # unreachable: any interval is sound, and what was tested is what is meant
            worse = fact.interval.contains(Fraction(0)) and not value.interval.contains(Fraction(0))
            interval = value.interval if fact.interval.empty or worse else fact.interval
        return Value("alias", (value,), type_, value.span, interval, value.level, value.faults, value.path)

    # --- rules ---------------------------------------------------------------------------------

    def number(self, node: t.Number) -> Value:
        type_ = arithmetic.number_type(node.unit, node.whole)
        if not fits(type_, node.value):
            self.found.error(
                "RK0105",
                "this whole number does not fit in 64 bits",
                node.span,
                help=f"write it as a real: `{node.span.text}.0`" if node.unit is None else None,
            )
            return self.unknown(node.span)
        return Value("constant", (), type_, node.span, point(node.value), data=node.value)

    def text(self, node: t.Text) -> Value:
        return Value("constant", (), TEXT, node.span, data=node.value)

    def bool_(self, node: t.Bool) -> Value:
        return Value("constant", (), BOOL, node.span, data=node.value)

    def null(self, node: t.Null) -> Value:
        return Value("constant", (), NULL, node.span, data=None)

    def invalid(self, node: t.Invalid) -> Value:
        return self.unknown(node.span)

    def reward_value(self, node: t.RewardValue) -> Value:
        if self.reward is not None:
            return _at(self.reward, node.span)
        self.found.error(
            "RK0216",
            "`reward` is a value in `prove` and `expect` only",
            node.span,
            help="in `expect`, name the sample: `short.reward`" if self.lenient else "name a term",
        )
        return self.unknown(node.span)

    def list_(self, node: t.ListLiteral) -> Value:
        items = [self.check(item) for item in node.items]
        if not items:  # a list of anything
            return Value("constant", (), list_of(UNKNOWN), node.span, data=())
        item_type = items[0].type.required
        for item in items:
            if item.type == UNKNOWN or not self.wants_value(item):
                return self.unknown(node.span)
            if item.type != item_type:
                self.found.error(
                    "RK0401",
                    f"a list holds one type, and this is `{item.type}` after `{item_type}`",
                    item.span,
                    labels=(Label(items[0].span, f"`{item_type}`"),),
                    help="write every item in the same way, with or without unit, decimal point and quotes",
                )
                return self.unknown(node.span)
        type_ = list_of(item_type)
        if all(item.op == "constant" for item in items):
            return Value("constant", (), type_, node.span, data=tuple(item.data for item in items))
        return Value(
            "list",
            tuple(items),
            type_,
            node.span,
            level=max(item.level for item in items),
            faults=any(item.faults for item in items),
        )

    def name(self, node: t.Name) -> Value:
        if node.name in self.elements:
            return self.narrowed(self.elements[node.name])
        if node.name in builtins.ROOTS and node.name not in self.declarations:
            if self.pure is not None:
                return self._not_a_parameter(node.name, node.span)
            fields = listed(f"{node.name}.{f}" for f in builtins.fields_of(node.name))
            self.found.error(
                "RK0209", f"`{node.name}` is no value by itself", node.span, help=f"name a field: {fields}"
            )
            return self.unknown(node.span)
        value = self.resolve(node.name, node.span)
        return self.unknown(node.span) if value is None else self.narrowed(_at(value, node.span))

    def field(self, node: t.Field) -> Value:
        path = t.dotted(node)
        root = path.partition(".")[0] if path else ""
        if path and root not in self.elements:
            if self.paths and (value := self.paths(path, node.span)) is not None:
                return self.narrowed(value)
            if root in builtins.ROOTS:
                if self.pure is not None:
                    return self._not_a_parameter(path, node.span)
                return self._builtin(node, path, root)
        return self._field_of(node, self.check(node.base))

    def _not_a_parameter(self, path: str, span: Span) -> Value:
        self.found.error(
            "RK0218",
            f"`{path}` is not a parameter of `{self.pure}`",
            span,
            help=f"a `def` sees its parameters only: add one, and call it with `{path}`",
        )
        return self.unknown(span)

    def _field_of(self, node: t.Field, base: Value) -> Value:
        if base.type == UNKNOWN:
            return self.unknown(node.span)
        fields = builtins.FIELDS.get(base.type.kind, {})
        if node.name not in fields:
            help_ = _field_help(base, node.name, fields)
            self.found.error(
                "RK0209",
                f"`{base.type.required}` has no field `{node.name}`",
                node.name_span,
                labels=self.declared(base),
                help=help_,
                fix=meant(help_, node.name_span),
            )
            return self.unknown(node.span)
        type_ = fields[node.name].nullable if base.type.optional else fields[node.name]
        path = f"{base.path}.{node.name}" if base.path else None
        return self.narrowed(
            Value(
                "field",
                (base,),
                type_,
                node.span,
                builtins.FIELD_RANGES.get((base.type.kind, node.name), FULL),
                base.level,
                base.faults,
                path,
                data=node.name,
            )
        )

    def _builtin(self, node: t.Field, path: str, root: str) -> Value:
        head, _, rest = path.partition(".")
        first, _, more = rest.partition(".")
        assert isinstance(node.base, t.Name | t.Field)
        if more:  # the fields of this field are looked for by `field`
            return self._field_of(node, self.check(node.base))
        value = builtins.resolve(f"{head}.{first}", node.span)
        if value is None:
            known = builtins.fields_of(root)
            help_ = (
                builtins.ELSEWHERE.get(first) or suggest(first, known) or f"its fields are {listed(known)}"
            )
            fix = meant(help_, node.name_span)
            self.found.error(
                "RK0209", f"`{root}` has no field `{first}`", node.name_span, help=help_, fix=fix
            )
            return self.unknown(node.span)
        return self.narrowed(value)

    def index(self, node: t.Index) -> Value:
        if isinstance(node.base, t.Name) and node.base.name in builtins.ROOTS:
            return self._index_of_root(node, node.base.name)
        base, position = self.check(node.base), self.check(node.index)
        if UNKNOWN in (base.type, position.type):
            return self.unknown(node.span)
        if base.type.kind != "list":
            help_ = (
                "cut a text with `text.before`, `text.after` or `text.find`"
                if base.type.kind == "text"
                else None
            )
            self.found.error(
                "RK0401",
                f"only a list has items, and this is `{base.type.required}`",
                base.span,
                labels=self.declared(base),
                help=help_,
            )
            return self.unknown(node.span)
        if not self.wants_number(position):
            return self.unknown(node.span)
        if position.type.kind != "int" or position.type.unit:
            self.found.error(
                "RK0401",
                f"a position is a whole number, and this is `{position.type}`",
                position.span,
                help="the first item is `[0]`, the last `[-1]`",
            )
            return self.unknown(node.span)
        item = base.type.item
        assert item is not None
        return Value(
            "index",
            (base, position),
            item.nullable,
            node.span,
            level=max(base.level, position.level),
            faults=base.faults or position.faults,
        )

    def _index_of_root(self, node: t.Index, root: str) -> Value:
        """`completion[-1]` (reported)."""
        self.check(node.index)
        self.found.error(
            "RK0209",
            f"`{root}` is no list",
            node.span,
            help=f"its text is `{root}.text`, its last message `{root}.messages[-1]`",
        )
        return self.unknown(node.span)

    def unary(self, node: t.Unary) -> Value:
        operand = self.check(node.operand)
        if node.operator == "-":
            return arithmetic.negative(self, node, operand)
        if not self.wants_bool(operand, "`not`"):
            return self.unknown(node.span)
        return Value("not", (operand,), BOOL, node.span, level=operand.level, faults=operand.faults)

    def binary(self, node: t.Binary) -> Value:
        if node.operator in ("and", "or"):
            return self._logic(node)
        if node.operator == "??":
            return self._coalesced(node, self.check(node.left))
        fallback = _fallback_of(node)
        left = self.check(node.left)
        if fallback is None:
            right = self.check(node.right)
        else:
            inner = self.check(fallback.left)
            if inner.type != UNKNOWN and inner.type.kind not in ("bool", "null"):
                return self._settles_a_side(node, fallback, left, inner)
            right = self._coalesced(fallback, inner)
        if node.operator in arithmetic.COMPARISONS:
            return arithmetic.comparison(self, node, left, right)
        return arithmetic.binary(self, node, left, right)

    def _settles_a_side(self, node: t.Binary, fallback: t.Binary, left: Value, inner: Value) -> Value:
        """`n > 1 ?? false`, where `??` takes `1` only (reported)."""
        whole = f"{operand(left)} {node.operator} {operand(inner)}"
        help_ = f"write `({whole}) ?? {text_of(fallback.right.span)}`"
        if self.lenient or not (left.type.optional or inner.type.optional or left.faults or inner.faults):
            help_ = f"write `{whole}`: it is never null"
        elif left.type.optional:
            help_ = f"settle the side that may be null: `{operand(left)} ?? {_default(left)}`"
        elif inner.type.optional:
            help_ = f"settle the side that may be null: `{operand(inner)} ?? {_default(inner)}`"
        self.found.error(
            "RK0404",
            f"`??` binds tighter than `{node.operator}`",
            fallback.span,
            "one side of the comparison",
            help=help_,
        )
        return self.unknown(node.span)

    def _logic(self, node: t.Binary) -> Value:
        left = self.check(node.left)
        right = self.check_under(node.right, when(left, node.operator == "and"))
        if self._repeats(node, left, right):
            return self.unknown(node.span)
        ok = self.wants_bool(left, f"`{node.operator}`") & self.wants_bool(right, f"`{node.operator}`")
        if not ok:
            return self.unknown(node.span)
        return Value(
            node.operator,
            (left, right),
            BOOL,
            node.span,
            level=max(left.level, right.level),
            faults=left.faults or right.faults,
        )

    def _repeats(self, node: t.Binary, left: Value, right: Value) -> bool:
        """`x == "a" or "b"`, where `x == "a" or x == "b"` is meant (reported)."""
        first = peeled(left)
        if first.op == "coalesce" and self.lenient:
            first = first.args[0]
        if not isinstance(node.left, t.Binary) or first.op not in ("eq", "ne", "lt", "le", "gt", "ge"):
            return False
        if peeled(right).op != "constant" or right.type.required != first.args[0].type.required:
            return False
        if right.type.is_number and (node.operator, first.op) not in (("or", "eq"), ("and", "ne")):
            return False  # `n > 1 and 2`: what is meant is not plain
        repeated = f"{text_of(first.args[0])} {node.left.operator} {text_of(right)}"
        self.found.error(
            "RK0401",
            f"`{node.operator}` joins conditions, and this is `{right.type}`",
            right.span,
            help=f"write `{node.operator} {repeated}`",
        )
        return True

    def _coalesced(self, node: t.Binary, left: Value) -> Value:
        right = self.check(node.right)
        if UNKNOWN in (left.type, right.type):
            return self.unknown(node.span)
        if not left.type.optional and not left.faults and not self.lenient:
            self.found.warning(
                "RK0602",
                "this is never null, so what follows `??` is never used",
                node.left.span,
                f"`{left.type}`",
                labels=self.declared(left),
                help=f"write `{text_of(left)}` alone",
                fix=_without_fallback(node, left.type.required == right.type.required),
            )
        type_ = self._unified(_required(left), _required(right), node, left, right, "the sides of `??`")
        if type_ is None:
            return self.unknown(node.span)
        left, right = as_type(left, type_), as_type(right, type_)
        return Value(
            "coalesce",
            (left, right),
            type_ if right.type.optional else type_.required,
            node.span,
            _branches(left, right),
            max(left.level, right.level),
            right.faults,
        )

    def if_(self, node: t.If) -> Value:
        condition = self.condition(node.condition, "`if`")
        then = self.check_under(node.then, when(condition, True))
        otherwise = self.check_under(node.otherwise, when(condition, False))
        if UNKNOWN in (condition.type, then.type, otherwise.type):
            return self.unknown(node.span)
        if condition.type.optional or condition.type.kind != "bool":
            return self.unknown(node.span)
        type_ = self._unified(then.type, otherwise.type, node, then, otherwise, "`then` and `else`")
        if type_ is None:
            return self.unknown(node.span)
        then, otherwise = as_type(then, type_), as_type(otherwise, type_)
        return Value(
            "if",
            (condition, then, otherwise),
            type_,
            node.span,
            _branches(then, otherwise),
            max(condition.level, then.level, otherwise.level),
            condition.faults or then.faults or otherwise.faults,
        )

    def _unified(self, a: Type, b: Type, node: t.Expr, left: Value, right: Value, what: str) -> Type | None:
        """The common type of two values that may stand for each other."""
        joined = unify(a, b)
        if joined is None:
            self.found.error(
                "RK0404",
                f"{what} differ: `{a.required}` and `{b.required}`",
                node.span,
                labels=(Label(left.span, f"`{a}`"), Label(right.span, f"`{b}`")),
                help=_unify_help(left, right),
            )
        return joined

    def call_(self, node: t.Call) -> Value:
        return call(self, node)


def _without_fallback(node: t.Binary, safe: bool) -> Fix | None:
    """Takes `?? …` out, where no comment goes with it; an int that was widened may then overflow."""
    source, between = (
        node.span.source,
        Sketch(node.span.source.text[node.left.span.end : node.right.span.start]),
    )
    sign = next((word for word in between.words if word.text == "??"), None)
    if sign is None:
        return None
    start = node.left.span.end + sign.start
    if Sketch(source.text[start : node.span.end]).comments:
        return None
    start -= len(source.text[:start]) - len(source.text[:start].rstrip(" \t"))
    return Fix("take `??` and what follows out", (Edit(Span(source, start, node.span.end), ""),), safe)


def _fallback_of(node: t.Binary) -> t.Binary | None:
    """The `1 ?? false` of `n > 1 ?? false`, written without parentheses."""
    right = node.right
    if node.operator not in arithmetic.COMPARISONS or not isinstance(right, t.Binary):
        return None
    if right.operator != "??" or not isinstance(right.right, t.Bool):
        return None
    between = node.span.source.text[node.left.span.end : right.span.start]
    return None if "(" in between else right


def _at(value: Value, span: Span) -> Value:
    """The same value, shown where it is used. The node itself stays shared below the alias."""
    return Value("alias", (value,), value.type, span, value.interval, value.level, value.faults, value.path)


def _branches(then: Value, otherwise: Value) -> Interval:
    """The interval of the one or the other; `null` adds nothing."""
    if then.type == NULL:
        return otherwise.interval
    if otherwise.type == NULL:
        return then.interval
    return hull(then.interval, otherwise.interval)


def unify(a: Type, b: Type) -> Type | None:
    """The smallest type that holds both: `int` widens to `real`, `null` makes `T?`; else `None`."""
    if a == NULL or b == NULL:
        return (b if a == NULL else a).nullable
    optional = a.optional or b.optional
    x, y = a.required, b.required
    if x.is_number and y.is_number and x.unit == y.unit:
        joined = x if x == y else Type("real", unit=x.unit)
    elif x == y or _is_empty_list(y, x):
        joined = x
    elif _is_empty_list(x, y):
        joined = y
    else:
        return None
    return joined.nullable if optional else joined


def _required(value: Value) -> Type:
    return value.type if value.type == NULL else value.type.required


def _is_empty_list(type_: Type, other: Type) -> bool:
    return type_.item == UNKNOWN and other.kind == "list"


def as_type(value: Value, type_: Type) -> Value:
    """The value; an empty list becomes a list of what is wanted."""
    if value.type.item == UNKNOWN and type_.kind == "list" and peeled(value).op == "constant":
        return replace(peeled(value), type=type_.required)
    return value


def _default(value: Value) -> str:
    """An example of what null may count as."""
    if value.type.is_number:
        return arithmetic.zero(value.type)
    return {"bool": "false", "text": '""', "list": "[]"}.get(value.type.kind, "…")


def _denominator(value: Value) -> str:
    """A denominator with what null may count as, so that it is never 0."""
    shown = operand(value)
    if value.interval.contains(Fraction(0)):
        return f"max({shown} ?? {_default(value)}, {arithmetic.least(value.type)})"
    below = value.interval.hi is not None and value.interval.hi <= 0
    return f"{shown} ?? {with_unit('-1' if below else '1', value.type)}"


def _number_help(value: Value) -> str | None:
    shown = text_of(value)
    return {
        "bool": f"write `(if {shown} then 1 else 0)`",
        "text": f"measure it with `len({shown})`, or read a number with `math.number({shown})`",
        "list": f"count its items with `len({shown})`",
    }.get(value.type.kind)


def _field_help(base: Value, name: str, fields: Mapping[str, Type]) -> str | None:
    shown, kind = text_of(base), base.type.kind
    if fields:
        return builtins.ELSEWHERE.get(name) or suggest(name, fields) or f"its fields are {listed(fields)}"
    if kind == "text":
        return f"a text is passed to functions: `len({shown})`, `text.contains({shown}, …)`"
    if kind == "list":
        return f"take one item, `{shown}[0].{name}`, or fold them: `any(x.{name} … for x in {shown})`"
    if kind == "json":
        return f'a field of `json` is read by its path: `json.text({shown}, "/{name}")`, `json.number`, …'
    return None


def _unify_help(left: Value, right: Value) -> str:
    for value, other in ((left, right), (right, left)):
        if value.type.kind == "bool" and other.type.is_number:
            return f"write `(if {text_of(value)} then 1 else 0)`"
        if value.type.kind == "text" and other.type.is_number and peeled(other).op == "constant":
            return f'write `"{text_of(other)}"`, or read a number with `math.number`'
        plain = peeled(value).op == "constant" and value.type.is_number and not value.type.unit
        if plain and other.type.unit:
            return f"write `{with_unit(text_of(value), other.type)}`"
    return "give both the same type"


_RULES: dict[type, Callable[[Expressions, Any], Value]] = {
    t.Number: Expressions.number,
    t.Text: Expressions.text,
    t.Bool: Expressions.bool_,
    t.Null: Expressions.null,
    t.Invalid: Expressions.invalid,
    t.RewardValue: Expressions.reward_value,
    t.ListLiteral: Expressions.list_,
    t.Name: Expressions.name,
    t.Field: Expressions.field,
    t.Index: Expressions.index,
    t.Unary: Expressions.unary,
    t.Binary: Expressions.binary,
    t.If: Expressions.if_,
    t.Call: Expressions.call_,
}
