"""Specs with functions of their own, and the same specs with each call written out by hand."""

import re
from typing import Any

from hypothesis import strategies as st

INPUTS = """\
input i: int in [-9, 9]
input big: int
input r: real in [-2, 2]
input n: int?
input b: bool
input s: text
input xs: list[int]
"""
_KINDS = ("bool", "int", "real", "text")
_CONSTANTS = {"bool": ["true"], "int": ["0", "3"], "real": ["0.5", "-1.5"], "text": ['"a"']}
_ARGUMENTS = {
    "bool": ["b", "(i > 0)", "completion.finished"],
    "int": ["i", "big", "(i + 1)", "completion.words", "probe.flaky(i)", "len(xs)", "step"],
    "real": ["r", "(i / 2)", "(mean(r) over group)", "max(r, 0.5)"],
    "text": ["s", "completion.text", 'text.lower("A")', "probe.shout(s)"],
}

Parameters = dict[str, str]
#: a function: its parameters with their kinds, its kind, and its body with `{name}` for each parameter
Function = tuple[Parameters, str, str]


@st.composite
def specs_with_functions(draw: st.DrawFn) -> str:
    """Lets `c0`, `c1`, … are calls; `w0`, `w1`, … the same, written out."""
    functions: list[Function] = []
    lines = [INPUTS]
    for number in range(draw(st.integers(1, 3))):
        kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=3))
        parameters = {f"p{k}": kind for k, kind in enumerate(kinds)}
        kind = draw(st.sampled_from(_KINDS))
        called, written = _body(draw, parameters, kind, 3, functions)
        functions.append((parameters, kind, written))
        declared = ", ".join(f"{name}: {kind}" for name, kind in parameters.items())
        result = draw(st.sampled_from(["", f": {kind}"]))
        lines.append(f"def f{number}({declared}){result} = {called}")
    terms = []
    for number in range(draw(st.integers(1, 3))):
        which = draw(st.integers(0, len(functions) - 1))
        parameters, kind, written = functions[which]
        arguments = {name: draw(st.sampled_from(_ARGUMENTS[k])) for name, k in parameters.items()}
        fold = ("int" in parameters.values() and kind != "text") and draw(st.booleans())
        if fold:
            name = next(name for name, k in parameters.items() if k == "int")
            others = {**_CONSTANTS, "int": ["0", "i"]}
            arguments = {n: draw(st.sampled_from(others[k])) for n, k in parameters.items()}
            arguments[name] = "x"
        call = f"f{which}({', '.join(_named(draw, arguments))})"
        plain = _with(written, arguments)
        if fold:
            over = "any" if kind == "bool" else "sum"
            call, plain = f"{over}({call} for x in xs)", f"{over}({plain} for x in xs)"
        lines += [f"let c{number} = {call}", f"let w{number} = {plain}"]
        measured = f"len(c{number}) / 1ch" if kind == "text" else f"c{number}"
        lines.append(f"term t{number} = {measured}")
        terms.append(f"t{number}: 1")
    return "\n".join([*lines, "reward { " + "  ".join(terms) + " }"])


def _named(draw: st.DrawFn, arguments: dict[str, str]) -> list[str]:
    by_name = draw(st.booleans())
    return [f"{name}: {value}" if by_name else value for name, value in arguments.items()]


def _with(written: str, arguments: dict[str, str]) -> str:
    """All at once: an argument may hold a `{name}` of the function around the call."""
    return re.sub(r"\{(\w+)\}", lambda found: arguments[found[1]], written)


def _body(
    draw: st.DrawFn, parameters: Parameters, kind: str, depth: int, known: list[Function]
) -> tuple[str, str]:
    """A body as the `def` has it, and with the calls in it written out and its parameters as `{name}`."""

    def of(kind: str) -> tuple[str, str]:
        return _body(draw, parameters, kind, depth - 1, known)

    def shape(text: str, *kinds: str) -> Any:
        def fill() -> tuple[str, str]:
            parts = [of(k) for k in kinds]
            return text % tuple(p[0] for p in parts), text % tuple(p[1] for p in parts)

        return fill

    def call(function: int) -> Any:
        def fill() -> tuple[str, str]:
            inner, _, written = known[function]
            parts = {name: of(k) for name, k in inner.items()}
            called = f"f{function}({', '.join(part[0] for part in parts.values())})"
            return called, _with(written, {name: part[1] for name, part in parts.items()})

        return fill

    own = [(name, "{" + name + "}") for name, k in parameters.items() if k == kind]
    leaves = own * 3 + [(constant, constant) for constant in _CONSTANTS[kind]]
    if depth <= 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(leaves))
    shapes = [shape("(if %s then %s else %s)", "bool", kind, kind)]
    shapes += [call(number) for number, function in enumerate(known) if function[1] == kind]
    shapes += {
        "bool": [
            shape("(not %s)", "bool"),
            shape("(%s and %s)", "bool", "bool"),
            shape("(%s < %s)", "int", "real"),
            shape("(%s == %s)", "text", "text"),
            shape("failed(probe.flaky(%s))", "int"),
        ],
        "int": [
            shape("(%s + %s)", "int", "int"),
            shape("(%s * %s)", "int", "int"),
            shape("min(%s, %s)", "int", "int"),
            shape("round(%s)", "real"),
            shape("probe.flaky(%s)", "int"),
            shape("(probe.half(%s) ?? %s)", "int", "int"),
        ],
        "real": [
            shape("(%s - %s)", "real", "int"),
            shape("(%s / max(%s, 0.25))", "real", "real"),
            shape("clamp(%s, 0, 1)", "real"),
            shape("(math.number(%s) ?? %s)", "text", "real"),
        ],
        "text": [shape("text.lower(%s)", "text"), shape('(text.after(%s, "a") ?? %s)', "text", "text")],
    }[kind]
    return draw(st.sampled_from(shapes))()
