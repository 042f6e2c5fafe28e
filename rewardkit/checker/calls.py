"""Typing of calls: functions of the library by their declaration, and aggregates over rows and lists."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rewardkit import library
from rewardkit.checker.facts import when
from rewardkit.checker.spec import AggregateData, CallData, FoldData, Value
from rewardkit.diagnostics import Span
from rewardkit.language import tree as t
from rewardkit.types.function import Argument, Function, Parameter, Typing, TypingError
from rewardkit.types.interval import FULL, NON_NEGATIVE, Interval, between, multiply, point
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, INT, NULL, REAL, UNKNOWN, Type

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions

_LEVELS = {"group": Level.GROUP, "batch": Level.BATCH}
_OF_LISTS = ("any", "all", "count", "sum", "mean", "min", "max")


def call(check: Expressions, node: t.Call) -> Value:
    name = node.function
    if node.generator is not None:
        return _fold(check, node, node.generator)
    if node.over is not None:
        return _aggregate(check, node)
    aggregate_only = name in library.AGGREGATES and name not in library.functions()
    if aggregate_only or node.where is not None or (name in ("min", "max") and len(node.arguments) < 2):
        return _without_scope(check, node)
    function = library.functions().get(name)
    if function is None:
        return _unknown_function(check, node)
    if name == "failed":
        return _failed(check, node)
    return _function(check, node, function)


# --- functions ---------------------------------------------------------------------------------


def _unknown_function(check: Expressions, node: t.Call) -> Value:
    name = node.function
    for argument in node.arguments:
        check.check(argument.value)
    if name in library.LATER or name in check.later:
        kind = "function" if name in library.LATER else "definition"
        check.found.warning(
            "RK0902",
            f"the {kind} `{name}` is not there yet",
            node.function_span,
            help="this spec checks, but it cannot run with this version of rewardkit",
        )
        check.later.add(name)
        return check.unknown(node.span)
    if name in library.ROWS_ONLY:
        check.found.error("RK0205", f"`{name}` works in a `rows` block only", node.function_span)
        return check.unknown(node.span)
    if "." not in name and name in check.declarations:
        check.found.error(
            "RK0205", f"`{name}` is a value, not a function", node.function_span, help="leave the `(…)` out"
        )
        return check.unknown(node.span)
    namespace, _, _ = name.rpartition(".")
    known = list(library.functions()) + list(library.AGGREGATES)
    siblings = [f for f in known if f.startswith(namespace + ".")] if namespace else []
    help_ = check.suggest(name, known)
    if help_ is None and siblings:
        help_ = f"`{namespace}` has " + ", ".join(f"`{f}`" for f in siblings)
    elif help_ is None and namespace:
        help_ = "the namespaces are " + ", ".join(f"`{n}`" for n in sorted(library.namespaces()))
    check.found.error("RK0205", f"there is no function `{name}`", node.function_span, help=help_)
    return check.unknown(node.span)


def _failed(check: Expressions, node: t.Call) -> Value:
    if len(node.arguments) != 1 or node.arguments[0].name:
        check.found.error("RK0210", "`failed` takes one value", node.span)
        return check.unknown(node.span)
    value = check.check(node.arguments[0].value)
    if value.type == UNKNOWN:
        return value
    if not value.faults:
        check.found.warning("RK0602", "this can never fail", value.span, help="`failed(…)` is always false")
    return Value("failed", (value,), BOOL, node.span, level=value.level)


def _function(check: Expressions, node: t.Call, function: Function) -> Value:
    bound = _bind(check, node, function)
    if bound is None:
        return check.unknown(node.span)
    args: list[Value] = []
    order: list[str] = []
    constants: list[tuple[str, Any]] = []
    described: list[Argument] = []
    ok = True
    for parameter, value in bound:
        if value is None:
            constants.append((parameter.name, parameter.default))
            continue
        if value.type == UNKNOWN:
            ok = False
            continue
        if function.infer is None:
            ok &= _fits(check, function, parameter, value)
        constant = _constant(value)
        if parameter.constant:
            ok &= _constant_argument(check, function, parameter, value, constants)
        else:
            args.append(value)
            order.append(parameter.name)
        described.append(Argument(value.type.required, value.interval, constant))
    if not ok:
        return check.unknown(node.span)
    typing = _typing(check, node, function, tuple(described), [v for _, v in bound if v is not None])
    if typing is None:
        return check.unknown(node.span)
    given_null = any(value.type.optional for value in args)
    type_ = typing.type.nullable if given_null else typing.type
    return Value(
        "call",
        tuple(args),
        type_,
        node.span,
        typing.interval,
        max((value.level for value in args), default=Level.CONSTANT),
        function.faults or any(value.faults for value in args),
        data=CallData(function, tuple(constants), tuple(order)),
    )


def _bind(
    check: Expressions, node: t.Call, function: Function
) -> list[tuple[Parameter, Value | None]] | None:
    """Each parameter with its checked argument, or `None` where the default stands."""
    parameters = list(function.parameters)
    positional = [a for a in node.arguments if a.name is None]
    if function.variadic and len(positional) > len(parameters):
        parameters += [function.parameters[-1]] * (len(positional) - len(parameters))
    values: dict[int, Value] = {}
    names = {parameter.name: i for i, parameter in enumerate(function.parameters)}
    ok = True
    seen_named = False
    for i, argument in enumerate(node.arguments):
        value = check.check(argument.value)
        if argument.name is None:
            if seen_named:
                check.found.error("RK0210", "an argument without a name follows one with a name", argument.span)
                ok = False
            elif i >= len(parameters):
                check.found.error(
                    "RK0210",
                    f"`{function.name}` takes {_count(len(parameters))}, and this is one more",
                    argument.span,
                    help=f"it is `{signature(function)}`",
                )
                ok = False
            else:
                values[i] = value
            continue
        seen_named = True
        position = names.get(argument.name)
        if position is None:
            check.found.error(
                "RK0210",
                f"`{function.name}` has no parameter `{argument.name}`",
                argument.span,
                help=check.suggest(argument.name, names) or f"it is `{signature(function)}`",
            )
            ok = False
        elif position in values:
            check.found.error("RK0210", f"`{argument.name}` is given twice", argument.span)
            ok = False
        else:
            values[position] = value
    missing = [p.name for i, p in enumerate(parameters) if p.required and i not in values]
    if missing and ok:
        check.found.error(
            "RK0210",
            f"`{function.name}` misses " + ", ".join(f"`{name}`" for name in missing),
            node.span,
            help=f"it is `{signature(function)}`",
        )
        ok = False
    return [(p, values.get(i)) for i, p in enumerate(parameters)] if ok else None


def signature(function: Function) -> str:
    """`math.equal(found: text, gold: text): bool`."""
    shown = []
    for p in function.parameters:
        type_ = "" if function.infer else f": {p.type}"
        default = "" if p.required else f" = {_literal(p.default)}"
        shown.append(f"{p.name}{type_}{default}")
    result = "" if function.infer else f": {function.result}"
    return f"{function.name}({', '.join(shown)}{', …' if function.variadic else ''}){result}"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _count(n: int) -> str:
    return "one argument" if n == 1 else f"{n} arguments"


def _fits(check: Expressions, function: Function, parameter: Parameter, value: Value) -> bool:
    """Whether an argument has its parameter's type and range (null is allowed: it gives null)."""
    want, have = parameter.type.required, value.type.required
    if value.type == NULL:
        check.found.error("RK0601", f"`{parameter.name}` is given `null`, so the call is always null", value.span)
        return False
    widened = want.kind == "real" and have.kind == "int" and want.unit == have.unit
    if want != have and not widened:
        code = "RK0402" if want.is_number and have.is_number else "RK0401"
        help_ = None
        if want.kind == "text" and have.kind == "list":
            help_ = "take one item, `xs[0]`, or fold over them, `any(… for x in xs)`"
        elif want.kind == "list" and have == want.item:
            help_ = f"write a list: `[{value.span.text}]`"
        check.found.error(
            code,
            f"`{parameter.name}` of `{function.name}` wants `{want}`, found `{have}`",
            value.span,
            help=help_,
        )
        return False
    if parameter.range is not None and want.is_number and not value.interval.within(parameter.range):
        check.found.error(
            "RK0705",
            f"`{parameter.name}` of `{function.name}` must lie in {parameter.range}",
            value.span,
            f"in {value.interval}",
        )
        return False
    return True


def _constant(value: Value) -> Any:
    """The constant's value, or `None` (no argument of a function is ever the constant null)."""
    if value.op == "alias":
        return _constant(value.args[0])
    if value.op == "constant":
        return value.data
    return value.interval.constant if value.type.is_number and value.op == "neg" else None


def _constant_argument(
    check: Expressions,
    function: Function,
    parameter: Parameter,
    value: Value,
    constants: list[tuple[str, Any]],
) -> bool:
    """Take a constant argument: known here, one of its choices, and whatever else it must be."""
    constant = _constant(value)
    if constant is None:
        check.found.error(
            "RK0215",
            f"`{parameter.name}` of `{function.name}` must be a literal",
            value.span,
            help="it is fixed when the spec is loaded, so that it can be checked once",
        )
        return False
    if parameter.choices and constant not in parameter.choices:
        check.found.error(
            "RK0408",
            f"`{parameter.name}` is one of " + ", ".join(f'`"{c}"`' for c in parameter.choices),
            value.span,
            help=check.suggest(str(constant), parameter.choices),
        )
        return False
    problem = parameter.check(constant) if parameter.check else None
    if problem is not None:
        message, offset = problem if isinstance(problem, tuple) else (problem, None)
        span = value.span if offset is None else _inside_text(value.span, offset)
        check.found.error("RK0407", message, span)
        return False
    constants.append((parameter.name, _python(constant, parameter.type)))
    return True


def _inside_text(span: Span, offset: int) -> Span:
    """The place of a text literal's code point, past its opening quotes."""
    text = span.text
    opening = 3 if text.startswith('"""') else 2 if text.startswith('r"') else 1
    if opening == 1:
        from rewardkit.language.literals import read_text

        _, offsets = read_text(text)
        if offsets and offset < len(offsets):
            return span.inside(offsets[offset])
    return span.inside(opening + offset)


def _python(constant: Any, type_: Type) -> Any:
    """A constant as implementations get it: `int`, `float`, `str`, `bool` or a tuple of them."""
    if isinstance(constant, Fraction):
        return int(constant) if type_.kind == "int" else float(constant)
    return constant


def _typing(
    check: Expressions,
    node: t.Call,
    function: Function,
    arguments: tuple[Argument, ...],
    values: list[Value],
) -> Typing | None:
    if function.infer is None:
        return Typing(function.result, function.range)
    try:
        return function.infer(arguments)
    except TypingError as error:
        span = node.span if error.argument is None else values[error.argument].span
        code = "RK0401" if "found" in error.message else "RK0402" if "unit" in error.message else "RK0705"
        check.found.error(code, error.message, span, help=error.help)
        return None


# --- aggregates ----------------------------------------------------------------------------------


def _without_scope(check: Expressions, node: t.Call) -> Value:
    for argument in node.arguments:
        check.check(argument.value)
    text = " ".join(node.span.text.split())
    shown = text if len(text) <= 50 else f"{node.function}(…)"
    check.found.error(
        "RK0502",
        f"`{node.function}` aggregates, and does not say over what",
        node.span,
        help=f"write `{shown} over group`, `… over batch`, or `{node.function}(… for x in xs)`",
    )
    return check.unknown(node.span)


def _aggregate(check: Expressions, node: t.Call) -> Value:
    assert node.over is not None
    if node.function not in library.AGGREGATES:
        check.found.error(
            "RK0501",
            f"`{node.function}` is not an aggregate",
            node.function_span,
            help="aggregates are " + ", ".join(f"`{a}`" for a in library.AGGREGATES),
        )
        return check.unknown(node.span)
    if check.elements:
        check.found.error(
            "RK0505",
            "an aggregate over rows cannot stand inside `for … in`",
            node.span,
            help="name it with `let` and use the name here",
        )
        return check.unknown(node.span)
    parts = _aggregated(check, node)
    if parts is None:
        return check.unknown(node.span)
    value, where = parts
    # a group always holds the row that asks, so without `where` there is a value whenever x has one
    present = where is None and (value is None or not value.type.optional)
    typed = _aggregate_type(check, node, value, present)
    if typed is None:
        return check.unknown(node.span)
    type_, interval = typed
    args = tuple(part for part in (value, where) if part is not None)
    level = Level.ROW if node.function == "rank" else _LEVELS[node.over]
    faults = node.function not in ("count", "any", "all") and any(part.faults for part in args)
    data = AggregateData(node.function, node.over, value is not None, where is not None)
    return Value("aggregate", args, type_, node.span, interval, level, faults, data=data)


def _aggregated(check: Expressions, node: t.Call) -> tuple[Value | None, Value | None] | None:
    """The checked value and `where` of an aggregate; `None` where either is wrong."""
    if len(node.arguments) > 1 or any(argument.name for argument in node.arguments):
        check.found.error("RK0210", f"`{node.function}` aggregates one value", node.span)
        return None
    where = check.condition(node.where, "`where`") if node.where is not None else None
    if not node.arguments:
        if node.function != "count":
            check.found.error("RK0210", f"`{node.function}` wants a value to aggregate", node.span)
            return None
        return None, where
    facts = when(where, True) if where is not None else {}
    value = check.check_under(node.arguments[0].value, facts)
    if value.type == UNKNOWN or (where is not None and where.type != BOOL):
        return None
    return value, where


def _aggregate_type(
    check: Expressions, node: t.Call, value: Value | None, present: bool
) -> tuple[Type, Interval] | None:
    """The type and interval of an aggregate over rows or items."""
    name = node.function
    if name == "count":
        return INT, Interval(Fraction(1)) if value is None and present else NON_NEGATIVE
    assert value is not None
    kind, interval = value.type.required, value.interval
    if name in ("any", "all"):
        if kind != BOOL:
            check.found.error("RK0401", f"`{name}` wants a condition, found `{kind}`", value.span)
            return None
        return BOOL, FULL
    if kind == BOOL and name in ("sum", "mean"):
        kind, interval = INT, between(0, 1)
    if not kind.is_number:
        check.found.error("RK0401", f"`{name}` wants a number, found `{kind}`", value.span)
        return None
    if name == "sum":
        return kind, multiply(interval, NON_NEGATIVE)
    if name == "rank":
        return (REAL if present else REAL.nullable), Interval(Fraction(1))
    real = Type("real", unit=kind.unit)
    if name == "std":
        return real.nullable, _std(interval)
    type_ = real if name == "mean" else kind
    return (type_ if present else type_.nullable), interval


def _std(a: Interval) -> Interval:
    """Two values at the ends deviate most: `(hi - lo) / sqrt(2)` with ddof 1."""
    if a.lo is None or a.hi is None:
        return NON_NEGATIVE
    return between(0, (a.hi - a.lo) * Fraction(70711, 100000))


def _fold(check: Expressions, node: t.Call, generator: t.Generator) -> Value:
    iterable = check.check(generator.iterable)
    if iterable.type == UNKNOWN:
        return check.unknown(node.span)
    if node.function not in _OF_LISTS:
        check.found.error(
            "RK0501",
            f"`{node.function}` does not fold a list",
            node.function_span,
            help="over a list there are " + ", ".join(f"`{a}`" for a in _OF_LISTS),
        )
        return check.unknown(node.span)
    if iterable.type.kind != "list":
        check.found.error(
            "RK0401", f"`for … in` wants a list, found `{iterable.type.required}`", iterable.span
        )
        return check.unknown(node.span)
    if generator.name in check.declarations or generator.name in check.elements:
        check.found.error(
            "RK0202",
            f"`{generator.name}` is already a name here",
            generator.span,
            help="choose another name for the item",
        )
        return check.unknown(node.span)
    item = iterable.type.item
    assert item is not None
    check.folds += 1
    number = check.folds
    check.elements[generator.name] = Value(
        "element", (), item, generator.span, level=iterable.level, path=f"{generator.name}@{number}", data=number
    )
    parts = _aggregated(check, node)
    del check.elements[generator.name]
    if parts is None:
        return check.unknown(node.span)
    body, where = parts
    typed = _aggregate_type(check, node, body, present=False)
    if typed is None:
        return check.unknown(node.span)
    type_, interval = typed
    if body is None:  # count() of items: the body is a constant
        body = Value("constant", (), INT, node.span, point(1), data=Fraction(1))
    inner = tuple(part for part in (body, where) if part is not None)
    return Value(
        "fold",
        (iterable, *inner),
        type_.nullable if iterable.type.optional else type_,
        node.span,
        interval,
        max(iterable.level, *(part.level for part in inner)),
        iterable.faults or any(part.faults for part in inner),
        data=FoldData(node.function, number, where is not None),
    )


