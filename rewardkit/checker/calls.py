"""Typing of calls: functions of the library, by their declaration."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rewardkit import library
from rewardkit.checker import arithmetic, units
from rewardkit.checker.aggregates import over_list, over_rows, without_scope
from rewardkit.checker.defs import written_out
from rewardkit.checker.rounding import keeps_sign
from rewardkit.checker.spec import CallData, Callee, Value
from rewardkit.checker.wording import listed, meant, peeled, suffix, suggest, text_of, unit_fix, with_unit
from rewardkit.diagnostics import Edit, Fix, Label, Span
from rewardkit.language import tree as t
from rewardkit.library.pages import signature as signature
from rewardkit.types.function import Argument, Function, Parameter, Typing, TypingError
from rewardkit.types.interval import lies
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, NULL, UNKNOWN, Type

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions


def call(check: Expressions, node: t.Call) -> Value:
    name = node.function
    if node.generator is not None:
        return over_list(check, node, node.generator)
    if node.over is not None:
        return over_rows(check, node)
    aggregate_only = name in library.AGGREGATES and name not in library.functions()
    if aggregate_only or node.where is not None or (name in ("min", "max") and len(node.arguments) < 2):
        return without_scope(check, node)
    if name in check.functions:
        return _own(check, node, check.functions[name])
    function = library.functions().get(name)
    if function is None:
        return _unknown_function(check, node)
    if name == "failed":
        return _failed(check, node)
    return _function(check, node, function)


def _own(check: Expressions, node: t.Call, callee: Callee | None) -> Value:
    """A call of a `def` or an `extern` of this file."""
    if callee is None:  # what is wrong with its declaration is reported
        for argument in node.arguments:
            check.check(argument.value)
        return check.unknown(node.span)
    if isinstance(callee, Function):
        return _function(check, node, callee)
    bound = _bind(check, node, callee.function)
    if bound is None:
        return check.unknown(node.span)
    ok = True
    for parameter, value in bound:
        assert value is not None
        if value.type == UNKNOWN:
            ok = False
        elif not (value.type == NULL and parameter.type.optional):
            ok &= _fits(check, callee.function, parameter, value)
    return written_out(check, node, callee, bound) if ok else check.unknown(node.span)


def _unknown_function(check: Expressions, node: t.Call) -> Value:
    name = node.function
    for argument in node.arguments:
        check.check(argument.value)
    namespace, _, last = name.rpartition(".")
    if name in library.ROWS_ONLY:
        check.found.error(
            "RK0205",
            f"`{name}` works in a `rows` block only",
            node.function_span,
            help=f'write `test "…" {{ rows "file.jsonl" {{ expect {name}(…) > 0.9 }} }}`',
        )
    elif f"{namespace}." in check.functions:
        pass  # a file that could not be used (reported)
    elif any(known.startswith(f"{name}.") for known in check.functions):
        theirs = [known for known in check.functions if known.startswith(f"{name}.")]
        check.found.error(
            "RK0205",
            f"`{name}` is a file, not a function",
            node.function_span,
            help=f"call one of its functions: {listed(theirs)}",
        )
    elif name in check.declarations:
        check.found.error(
            "RK0205",
            f"`{name}` is a value, not a function",
            node.function_span,
            labels=(Label(check.declarations[name], "declared here"),),
            help=f"write `{name}`",
        )
    else:
        help_ = _function_help(check, name, namespace, last)
        fix = meant(help_, node.function_span)
        check.found.error("RK0205", f"there is no function `{name}`", node.function_span, help=help_, fix=fix)
    return check.unknown(node.span)


#: functions elsewhere, and ours
_FUNCTIONS = {
    "length": "len", "size": "len", "float": "math.number", "int": "math.number", "pow": "exp",
    "average": "mean", "avg": "mean", "median": "mean", "stdev": "std", "regex": "text.matches",
    "match": "text.matches", "search": "text.matches", "contains": "text.contains", "in": "text.contains",
    "lower": "text.lower", "strip": "text.strip", "split": "text.before", "clip": "clamp",
    "levenshtein": "text.similarity", "similarity": "text.similarity", "ratio": "text.similarity",
    "boxed": "math.boxed", "tags": "format.tags", "startswith": "text.matches", "endswith": "text.matches",
}  # fmt: skip


_PATTERN = "`text.matches(x, pattern)` says whether a pattern is there, `text.find(x, pattern)` what it finds"

#: functions of Python, and what does their work here
_PYTHON = {
    "re.findall": "every match of a pattern is `text.find_all(x, pattern)`",
    "re.finditer": "every match of a pattern is `text.find_all(x, pattern)`",
    "re.sub": "texts are not changed: look for a part with `text.find(x, pattern)`",
    "re.split": "cut a text with `text.before(x, piece)` and `text.after(x, piece)`",
    "json.loads": "a text is read as JSON by `json.parse(x)`; the calls in it are `tools.parse(x)`",
    "json.dumps": "a `json` column is JSON already",
    "str": "numbers and texts are not made of each other: read a number with `math.number(x)`",
    "print": "name the value with `let`: `rewardkit explain` shows the lets of a row",
    "isinstance": "a value has the type that it is declared with",
}

#: methods of Python's texts and lists, and what does their work here
_METHODS = {
    "split": "cut it with `text.before({0}, piece)` and `text.after({0}, piece)`, or take `text.lines({0})`",
    "splitlines": "its lines are `text.lines({0})`",
    "startswith": 'test it with a pattern: `text.matches({0}, r"^…")`',
    "endswith": 'test it with a pattern: `text.matches({0}, r"…$")`',
    "replace": "texts are not changed: look for a part with `text.contains({0}, piece)`",
    "join": "texts are not joined: look for each part with `text.contains(x, piece)`",
    "upper": "compare in lower case: `text.lower({0})`",
    "get": 'a field of `json` is read by its path: `json.text({0}, "/field")`, `json.number`, `json.get`',
}


def _function_help(check: Expressions, name: str, namespace: str, last: str) -> str:
    """Where a function is called like a method, how it is called here; else the nearest name."""
    known = list(dict.fromkeys((*library.functions(), *library.AGGREGATES, *check.functions)))
    theirs = [f for f in check.functions if namespace and f.startswith(namespace + ".")]
    if theirs:
        return suggest(name, theirs) or f"`{namespace}` has {listed(theirs)}"
    ours = _FUNCTIONS.get(last.lower(), last)
    namespaces = library.namespaces()
    if name in _PYTHON or (not check.is_value(namespace) and namespace in ("re", "regex")):
        return _PYTHON.get(name, _PATTERN)
    if namespace and namespace.partition(".")[0] not in namespaces:
        function = next((f for f in (f"text.{last}", last, ours) if f in library.functions()), None)
        if function is not None and check.is_value(namespace) and last not in _METHODS:
            more = ", …" if len(library.functions()[function].parameters) > 1 else ""
            return f"pass it to the function: `{function}({namespace}{more})`"
        if check.is_value(namespace) and last in _METHODS:
            return _METHODS[last].format(namespace)
    elif name.lower() in _FUNCTIONS:
        return f"did you mean `{ours}`?"
    if namespace and last in known:
        return f"did you mean `{last}`?"
    if namespace and namespace not in namespaces and ours in known:
        return f"did you mean `{ours}`?"
    near = suggest(name, [f for f in known if ("." in f) == bool(namespace)])
    if near:
        return near
    siblings = [f for f in known if f.startswith(namespace + ".")] if namespace else []
    if siblings:
        return f"`{namespace}` has {listed(siblings, 20)}"
    if namespace:
        there = sorted({f.namespace for f in library.functions().values()} - {""})
        return f"the namespaces are {listed(there)}"
    return "functions without a namespace are " + listed([f for f in known if "." not in f], 40)


def _failed(check: Expressions, node: t.Call) -> Value:
    if len(node.arguments) != 1 or node.arguments[0].name:
        check.found.error(
            "RK0210", "`failed` takes one value", node.span, help="write `failed(math.equal(a, b))`"
        )
        return check.unknown(node.span)
    value = check.check(node.arguments[0].value)
    if value.type == UNKNOWN:
        return value
    if not value.faults:
        check.found.warning(
            "RK0606",
            "this can never fail",
            value.span,
            help="leave `failed(…)` out: it is always false",
            fix=Fix("write `false`", (Edit(node.span, "false"),), safe=True),
        )
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
        if function.infer is None and not _fits(check, function, parameter, value):
            ok = False
            continue
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
    # of functions of numbers, those that may fail do so where the result is too large
    exact = all(value.type.kind == "int" for value in args)
    fails = function.faults and (
        function.infer is None or arithmetic.can_overflow(typing.type, typing.interval, exact=exact)
    )
    fails = fails or (function.name in ("log", "sqrt") and not keeps_sign(args[0]))
    given_null = any(value.type.optional for value in args)
    type_ = typing.type.nullable if given_null else typing.type
    return Value(
        "call",
        tuple(args),
        type_,
        node.span,
        typing.interval,
        max((value.level for value in args), default=Level.CONSTANT),
        fails or any(value.faults for value in args),
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
                check.found.error(
                    "RK0210",
                    "an argument without a name follows one with a name",
                    argument.span,
                    help=_name_it(argument, function, i),
                )
                ok = False
            elif i >= len(parameters):
                check.found.error(
                    "RK0210",
                    f"`{function.name}` takes {_count(len(parameters))}, and this is one too many",
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
                help=suggest(argument.name, names) or f"it is `{signature(function)}`",
            )
            ok = False
        elif position in values:
            check.found.error(
                "RK0210",
                f"`{argument.name}` is given twice",
                argument.span,
                labels=(Label(values[position].span, "given here already"),),
                help=f"it is `{signature(function)}`",
            )
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


def _name_it(argument: t.Argument, function: Function, position: int) -> str:
    if position < len(function.parameters):
        return f"name it too: `{function.parameters[position].name}: {text_of(argument.span)}`"
    return f"it is `{signature(function)}`"


def _count(n: int) -> str:
    return "one argument" if n == 1 else f"{n} arguments"


def _fits(check: Expressions, function: Function, parameter: Parameter, value: Value) -> bool:
    """Whether an argument has its parameter's type and range (null is allowed: it gives null)."""
    want, have = parameter.type.required, value.type.required
    if value.type == NULL:
        check.found.error(
            "RK0601",
            f"`{parameter.name}` of `{function.name}` is given `null`",
            value.span,
            help="the call would be null on every row",
        )
        return False
    widened = want.kind == "real" and have.kind == "int" and want.unit == have.unit
    empty = have.kind == want.kind == "list" and have.item == UNKNOWN
    if want != have and not widened and not empty:
        check.found.error(
            "RK0402" if want.is_number and have.is_number else "RK0401",
            f"`{parameter.name}` of `{function.name}` is `{want}`, found `{have}`",
            value.span,
            labels=check.declared(value),
            help=_fits_help(want, value),
            fix=unit_fix(value, want) if have.is_number else None,
        )
        return False
    # narrowed to what contradicts its declaration, it is not reached, and what is declared will do
    known = [value, *value.args] if value.op == "alias" else [value]
    allowed = parameter.range
    if allowed is not None and want.is_number and not any(v.interval.within(allowed) for v in known):
        check.found.error(
            "RK0705",
            f"`{parameter.name}` of `{function.name}` must lie in {parameter.range}",
            value.span,
            lies(value.interval, suffix(value.type)),
            labels=check.declared(value),
            help=f"give a number in {parameter.range}",
        )
        return False
    return True


def _fits_help(want: Type, value: Value) -> str | None:
    have, shown = value.type.required, text_of(value)
    if want.kind == "text" and have.kind == "list":
        return f"take one item, `{shown}[0]`, or test them all, `any(… for x in {shown})`"
    if want.kind == "list" and have == want.item:
        return f"write a list: `[{shown}]`"
    if want.kind == "real" and have.kind == "text":
        return f"read the number out of the text: `math.number({shown}) ?? 0`"
    if want.is_number and have.is_number and peeled(value).op == "constant":
        return f"write `{with_unit(shown, want)}`" if want.unit and not have.unit else None
    if want.kind == "list" and want.item is not None and want.item.kind == "call" and have.kind == "text":
        return f"read the calls out of the text: `tools.parse({shown}) ?? []`"
    return None


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
            f"`{parameter.name}` of `{function.name}` is fixed when the spec is loaded",
            value.span,
            labels=check.declared(value),
            help=_literal_help(parameter),
        )
        return False
    if parameter.choices and constant not in parameter.choices:
        check.found.error(
            "RK0408",
            f"`{parameter.name}` of `{function.name}` cannot be `{text_of(value)}`",
            value.span,
            help=suggest(str(constant), parameter.choices)
            or "it is one of " + listed(f'"{choice}"' for choice in parameter.choices),
        )
        return False
    problem = parameter.check(constant) if parameter.check else None
    if problem is not None:
        message, offset = problem if isinstance(problem, tuple) else (problem, None)
        message = "there is no look-around" if message == "look-around" else message
        span = value.span if offset is None else _inside_text(value.span, offset)
        help_ = _constant_help(parameter, message)
        check.found.error("RK0407", f"wrong `{parameter.name}`: {message}", span, help=help_)
        return False
    constants.append((parameter.name, _python(constant, parameter.type)))
    return True


def _literal_help(parameter: Parameter) -> str:
    example = {"text": '"…"', "bool": "true", "list": '["…", "…"]', "int": "3"}.get(
        parameter.type.kind, "0.5"
    )
    return f"write it out: `{parameter.name}: {example}`"


def _constant_help(parameter: Parameter, message: str) -> str | None:
    if parameter.name != "pattern":
        return None
    if "look-around" in message or "backreference" in message or "back-reference" in message:
        return (
            "a pattern reads the text once, from the left: test what stands around with a pattern of its own"
        )
    return "patterns are those of Rust's `regex`; a sign means itself after a backslash, `\\(`, in a raw text"


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
        labels = () if error.argument is None else check.declared(values[error.argument])
        code = "RK0401" if "found" in error.message else "RK0402" if "unit" in error.message else "RK0705"
        help_ = error.help
        if code == "RK0402" and error.argument is not None:
            wrong = values[error.argument]
            settled = units.of_one_unit(check, values[0], wrong) if error.argument else None
            help_ = settled or help_ or "write all of them in one unit"
        elif code == "RK0401" and error.argument is not None and values[error.argument].type.unit:
            help_ = units.plain(check, values[error.argument])
        check.found.error(code, error.message, span, labels=labels, help=help_ or _RANGE_HELP.get(code))
        return None


_RANGE_HELP = {"RK0705": "give a number in its range"}
