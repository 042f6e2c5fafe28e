"""Typing of expressions: one method per form of the syntax tree, all of them total.

Whatever is wrong is reported once; the value then has the type `unknown`, which every rule accepts.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, Iterator

from rewardkit.checker import arithmetic, builtins
from rewardkit.checker.calls import call
from rewardkit.checker.facts import NOTHING, Facts, both, when
from rewardkit.checker.spec import Value
from rewardkit.diagnostics import Collector, Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import hull, intersect, point
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, NULL, TEXT, UNKNOWN, Type, list_of

#: finds a name's value where it is used, or reports why there is none
Resolve = Callable[[str, Span], Value | None]


class Expressions:
    """Checks the expressions of one scope.

    `lenient` is the mode of `expect`: nulls are allowed anywhere and a comparison with one is false.
    """

    def __init__(
        self,
        found: Collector,
        resolve: Resolve,
        declarations: Mapping[str, Span],
        later: set[str],
        *,
        lenient: bool = False,
        paths: Callable[[str, Span], Value | None] | None = None,
    ) -> None:
        self.found = found
        self.resolve = resolve
        self.declarations = declarations
        self.later = later
        self.lenient = lenient
        self.paths = paths
        self.facts: Facts = NOTHING
        self.elements: dict[str, Value] = {}
        self.folds = 0

    # --- entry points --------------------------------------------------------------------------

    def check(self, node: t.Expr) -> Value:
        return _RULES[type(node)](self, node)

    def check_under(self, node: t.Expr, facts: Facts) -> Value:
        """Check with more known than outside."""
        with self.knowing(facts):
            return self.check(node)

    @contextmanager
    def knowing(self, facts: Facts) -> Iterator[None]:
        before = self.facts
        self.facts = both(before, facts)
        try:
            yield
        finally:
            self.facts = before

    def condition(self, node: t.Expr, what: str) -> Value:
        """A condition that is never null: a gate, `skip`, `if`."""
        value = self.check(node)
        self.wants_bool(value, what)
        return value

    # --- demands, each reporting once ----------------------------------------------------------

    def wants_value(self, value: Value) -> bool:
        """That the value is not null."""
        if self.lenient or not value.type.optional:
            return True
        if value.op == "constant":
            self.found.error("RK0601", "`null` has no value here", value.span)
            return False
        name = value.path
        declared = self.declaration_of(value)
        self.found.error(
            "RK0601",
            f"`{name}` may be null here" if name else "this may be null here",
            value.span,
            f"`{value.type}`",
            labels=(Label(declared, "declared here"),) if declared else (),
            help=f"say what null means, `{_short(value)} ?? …`"
            + (f", or test `{name} != null` first" if name else ""),
        )
        return False

    def wants_number(self, value: Value) -> bool:
        if value.type == UNKNOWN or not self.wants_value(value):
            return False
        if value.type.is_number:
            return True
        help_ = None
        if value.type.kind == "bool":
            help_ = f"write `(if {_short(value)} then 1 else 0)`"
        elif value.type.kind == "text":
            help_ = "text is measured with `len(…)` and read with `math.number(…)`; it cannot be added"
        self.found.error(
            "RK0401",
            f"expected a number, found `{value.type.required}`",
            value.span,
            labels=self._declared(value),
            help=help_,
        )
        return False

    def wants_bool(self, value: Value, what: str) -> bool:
        if value.type == UNKNOWN or not self.wants_value(value):
            return False
        if value.type.kind == "bool":
            return True
        if value.type.is_number:
            help_ = f"compare it: `{_short(value)} > 0`"
        else:
            help_ = f"compare it: `{_short(value)} == …`"
        self.found.error(
            "RK0401",
            f"{what} wants a condition, found `{value.type.required}`",
            value.span,
            labels=self._declared(value),
            help=help_,
        )
        return False

    def _declared(self, value: Value) -> tuple[Label, ...]:
        span = self.declaration_of(value)
        return (Label(span, f"`{value.type}`"),) if span else ()

    def declaration_of(self, value: Value) -> Span | None:
        """Where the name that this value is was declared."""
        return self.declarations.get(value.path) if value.path else None

    # --- helpers -------------------------------------------------------------------------------

    def unknown(self, span: Span) -> Value:
        return Value("constant", (), UNKNOWN, span, level=Level.CONSTANT)

    def false_if_null(self, value: Value) -> Value:
        false = Value("constant", (), BOOL, value.span, data=False)
        return Value("coalesce", (value, false), BOOL, value.span, level=value.level)

    def narrowed(self, value: Value) -> Value:
        """The value with what is known of its path where it stands."""
        fact = self.facts.get(value.path or "")
        if fact is None:
            return value
        type_ = value.type.required if fact.present else value.type
        interval = intersect(value.interval, fact.interval) if type_.is_number else value.interval
        if interval.empty:
            interval = value.interval  # unreachable: any interval is sound
        return Value(
            "alias", (value,), type_, value.span, interval, value.level, value.faults, value.path
        )

    def suggest(self, name: str, known: Iterable[str]) -> str | None:
        near = difflib.get_close_matches(name, list(known), 1)
        return f"did you mean `{near[0]}`?" if near else None

    # --- rules ---------------------------------------------------------------------------------

    def number(self, node: t.Number) -> Value:
        type_ = arithmetic.number_type(node.unit, node.whole)
        return Value("constant", (), type_, node.span, point(node.value), data=node.value)

    def text(self, node: t.Text) -> Value:
        return Value("constant", (), TEXT, node.span, data=node.value)

    def bool_(self, node: t.Bool) -> Value:
        return Value("constant", (), BOOL, node.span, data=node.value)

    def null(self, node: t.Null) -> Value:
        return Value("constant", (), NULL, node.span, data=None)

    def reward_value(self, node: t.RewardValue) -> Value:
        self.found.error(
            "RK0216",
            "`reward` is a value in `prove` and `expect` only",
            node.span,
            help="in `expect`, name the sample: `short.reward`" if self.lenient else "name a term instead",
        )
        return self.unknown(node.span)

    def list_(self, node: t.ListLiteral) -> Value:
        items = [self.check(item) for item in node.items]
        item_type = items[0].type.required if items else TEXT
        for item in items:
            if item.type == UNKNOWN or not self.wants_value(item):
                return self.unknown(node.span)
            if item.type != item_type:
                self.found.error(
                    "RK0401",
                    f"a list holds one type, and this is `{item.type}` among `{item_type}`",
                    item.span,
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
            self.found.error(
                "RK0209",
                f"`{node.name}` is not a value by itself",
                node.span,
                help="name a field: "
                + ", ".join(f"`{node.name}.{f}`" for f in builtins.fields_of(node.name)),
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
                return self._builtin(node, path, root)
        base = self.check(node.base)
        if base.type == UNKNOWN:
            return base
        fields = builtins.FIELDS.get(base.type.kind)
        if fields is None or node.name not in fields:
            known = ", ".join(f"`{name}`" for name in fields) if fields else ""
            self.found.error(
                "RK0209",
                f"`{base.type.required}` has no field `{node.name}`",
                node.name_span,
                help=f"its fields are {known}" if known else None,
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
                level=base.level,
                faults=base.faults,
                path=path,
                data=node.name,
            )
        )

    def _builtin(self, node: t.Field, path: str, root: str) -> Value:
        head, _, rest = path.partition(".")
        first, _, more = rest.partition(".")
        value = builtins.resolve(f"{head}.{first}", node.span)
        if value is None:
            self.found.error(
                "RK0209",
                f"`{root}` has no field `{first}`",
                node.name_span if not more else node.span,
                help=self.suggest(first, builtins.fields_of(root))
                or "its fields are " + ", ".join(f"`{f}`" for f in builtins.fields_of(root)),
            )
            return self.unknown(node.span)
        if more:
            self.found.error(
                "RK0209", f"`{value.type.required}` has no field `{more}`", node.name_span
            )
            return self.unknown(node.span)
        return self.narrowed(value)

    def index(self, node: t.Index) -> Value:
        base, position = self.check(node.base), self.check(node.index)
        if UNKNOWN in (base.type, position.type):
            return self.unknown(node.span)
        if base.type.kind != "list":
            self.found.error(
                "RK0401", f"only a list has items, and this is `{base.type.required}`", base.span
            )
            return self.unknown(node.span)
        if not self.wants_number(position):
            return self.unknown(node.span)
        if position.type.kind != "int" or position.type.unit:
            self.found.error(
                "RK0401", f"a position is a whole number, and this is `{position.type}`", position.span
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
            return self._coalesce(node)
        left, right = self.check(node.left), self.check(node.right)
        if node.operator in arithmetic.COMPARISONS:
            return arithmetic.comparison(self, node, left, right)
        return arithmetic.binary(self, node, left, right)

    def _logic(self, node: t.Binary) -> Value:
        left = self.check(node.left)
        right = self.check_under(node.right, when(left, node.operator == "and"))
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

    def _coalesce(self, node: t.Binary) -> Value:
        left, right = self.check(node.left), self.check(node.right)
        if UNKNOWN in (left.type, right.type):
            return self.unknown(node.span)
        if not left.type.optional and not left.faults and not self.lenient:
            self.found.warning(
                "RK0602",
                "the left side is never null, so the right side is never used",
                node.left.span,
                f"`{left.type}`",
                help="leave the `??` out",
            )
        type_ = self._unified(left.type.required, right.type.required, node, left, right, "`??`")
        if type_ is None:
            return self.unknown(node.span)
        return Value(
            "coalesce",
            (left, right),
            type_.nullable if right.type.optional else type_,
            node.span,
            hull(left.interval, right.interval),
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
        type_ = self._unified(then.type, otherwise.type, node, then, otherwise, "the branches")
        if type_ is None:
            return self.unknown(node.span)
        return Value(
            "if",
            (condition, then, otherwise),
            type_,
            node.span,
            _branches(then, otherwise),
            max(condition.level, then.level, otherwise.level),
            condition.faults or then.faults or otherwise.faults,
        )

    def _unified(
        self, a: Type, b: Type, node: t.Expr, left: Value, right: Value, what: str
    ) -> Type | None:
        """The common type of two values that may stand for each other."""
        joined = unify(a, b)
        if joined is None:
            self.found.error(
                "RK0404",
                f"{what} give `{a.required}` and `{b.required}`",
                node.span,
                labels=(Label(left.span, f"`{a}`"), Label(right.span, f"`{b}`")),
                help="both sides need one type and one unit",
            )
        return joined

    def call_(self, node: t.Call) -> Value:
        return call(self, node)


def _at(value: Value, span: Span) -> Value:
    """The same value, shown where it is used. The node itself stays shared below the alias."""
    return Value(
        "alias", (value,), value.type, span, value.interval, value.level, value.faults, value.path
    )


def _branches(then: Value, otherwise: Value) -> Any:
    """The interval of either branch; `null` adds nothing."""
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
    elif x == y:
        joined = x
    else:
        return None
    return joined.nullable if optional else joined


def _short(value: Value) -> str:
    text = " ".join(value.span.text.split())
    return text if len(text) <= 40 else "…"


_RULES: dict[type, Callable[[Expressions, Any], Value]] = {
    t.Number: Expressions.number,
    t.Text: Expressions.text,
    t.Bool: Expressions.bool_,
    t.Null: Expressions.null,
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
