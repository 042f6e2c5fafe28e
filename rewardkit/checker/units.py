"""Units: which operations give one, and what to write where they give none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardkit.checker.spec import Value
from rewardkit.checker.wording import a_number, operand, peeled, text_of, unit_fix, with_unit
from rewardkit.diagnostics import Fix, Label
from rewardkit.language import tree as t
from rewardkit.types.types import Type

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions

_MESSAGES = {
    "+": "cannot add {a} and {b}",
    "-": "cannot subtract {b} from {a}",
    "*": "cannot multiply {a} by {b}",
    "/": "cannot divide {a} by {b}",
}


def of_result(check: Expressions, node: t.Binary, left: Value, right: Value) -> tuple[str | None, bool]:
    """The unit of `left + right` and the like, and whether the two go together (else reported)."""
    a, b = left.type.unit, right.type.unit
    if node.operator in "+-":
        fits, unit = a == b, a
    elif node.operator == "*":
        fits, unit = a is None or b is None, a or b
    else:
        fits, unit = b is None or a == b, a if b is None else None
    if not fits:
        code = "RK0402" if node.operator in "+-" else "RK0403"
        report(check, code, _MESSAGES[node.operator], node, left, right)
    return unit, fits


def report(check: Expressions, code: str, message: str, node: t.Binary, left: Value, right: Value) -> None:
    """Say that two numbers of different units meet, with where each of them got its unit."""
    labels = [Label(value.span, _in(value.type)) for value in (left, right)]
    for value in (left, right):
        declared = check.declaration_of(value)
        if declared is not None:
            labels.append(Label(declared, f"declared `{value.type.required}`"))
    text = message.format(a=a_number(left.type), b=a_number(right.type))
    fix = _fix(node, left, right)
    check.found.error(
        code, text, node.span, labels=tuple(labels), help=_help(check, node, left, right), fix=fix
    )


def _fix(node: t.Binary, left: Value, right: Value) -> Fix | None:
    """Gives a bare number the unit of the other side; a product has one unit only."""
    if node.operator == "*":
        return None
    return unit_fix(right, left.type) or (None if node.operator == "/" else unit_fix(left, right.type))


def _in(type_: Type) -> str:
    return f"in {type_.unit}" if type_.unit else "a plain number"


def _help(check: Expressions, node: t.Binary, left: Value, right: Value) -> str:
    for value, other in ((left, right), (right, left)):
        scaled = peeled(value)
        if (
            value.type.unit
            and scaled.op == "div"
            and scaled.args[1].type.unit is None
            and other.type.unit is None
        ):
            return _share(check, value.type, scaled.args[1])
    for value, other in ((right, left), (left, right)):
        if node.operator not in "*/" and _is_number(value) and value.type.unit is None and other.type.unit:
            return f"write `{with_unit(text_of(value), other.type)}`"
    if node.operator == "/" and left.type.unit is None:
        amount = with_unit("1", right.type)
        return f"divide an amount of {right.type.unit} by it: `{amount} / {text_of(right)}`"
    for value, other in ((left, right), (right, left)):
        measure = _measure(value, other.type)
        if measure and node.operator != "*":
            declare = ""
            if check.declaration_of(other) and not check.is_let(other):
                declare = f", or declare `{other.path}` as `{value.type.required}`"
            return f"use `{measure}`{declare}"
    if node.operator == "*":
        share = f"{text_of(left)} / {with_unit('1', left.type)}"
        return f"divide one of them by an amount of {left.type.unit} first: `{share}`"
    return "divide each by an amount of its own unit first: a share of a budget is a plain number"


def plain(check: Expressions, value: Value) -> str:
    """How an amount becomes a plain number."""
    scaled, unit = peeled(value), value.type.unit
    if scaled.op == "div" and scaled.args[1].type.unit is None:
        amount, divisor = scaled.args
        if _is_number(divisor):
            share = f"{operand(amount)} / {with_unit(text_of(divisor), value.type)}"
            return f"divide by an amount of {unit}: `{share}`"
        return _share(check, value.type, divisor)
    share = f"{operand(value)} / {with_unit('1', value.type)}"
    return f"divide by the amount of {unit} that counts as 1: `{share}` keeps the number"


def of_one_unit(check: Expressions, first: Value, other: Value) -> str | None:
    """What to write where a function wants two numbers of one unit."""
    for value, bare in ((first, other), (other, first)):
        if not value.type.unit or bare.type.unit:
            continue
        scaled = peeled(value)
        if scaled.op == "div" and scaled.args[1].type.unit is None:
            return plain(check, value)
        if _is_number(bare):
            return f"write `{with_unit(text_of(bare), value.type)}`"
        if check.declaration_of(bare) and not check.is_let(bare):
            return f"declare `{bare.path}` as `{value.type.unit}`"
    if first.type.unit and other.type.unit and (measure := _measure(first, other.type)):
        return f"use `{measure}`"
    return None


def _share(check: Expressions, type_: Type, divisor: Value) -> str:
    """For `1 - completion.tokens / budget` where `budget` is a plain number."""
    if _is_number(divisor):
        return (
            f"write `{with_unit(text_of(divisor), type_)}`: {type_.unit} over {type_.unit} is a plain number"
        )
    if check.declaration_of(divisor) and not check.is_let(divisor):
        return f"declare `{divisor.path}` as `{type_.unit}`: {type_.unit} over {type_.unit} is a plain number"
    return f"divide by an amount of {type_.unit}: the quotient is a plain number"


def _is_number(value: Value) -> bool:
    return peeled(value).op == "constant"


def _measure(value: Value, type_: Type) -> str | None:
    """The measure of the same text that has this unit: `completion.chars` for `completion.tokens`."""
    root, _, field = (value.path or "").partition(".")
    if root not in ("completion", "prompt") or field not in ("tokens", "chars", "words", "lines"):
        return None
    name = {"tokens": "tokens", "chars": "chars", None: "words"}.get(type_.unit)
    return f"{root}.{name}" if name and not (root == "prompt" and name == "tokens") else None
