"""A name that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.syntax import below, removal
from rewardkit.checker.spec import Spec
from rewardkit.diagnostics import Fix
from rewardkit.language import tree as t

_NAMED = (t.Let, t.Input, t.Param, t.Def, t.Use, t.Extern)
#: what a run may name from outside: taking it out is not for us to do unasked
_FROM_OUTSIDE = (t.Param, t.Extern)


def find(spec: Spec) -> Iterator[Finding]:
    statements = spec.module.statements
    if not any(isinstance(s, t.Reward | t.Term) for s in statements):
        return  # a library: others read it
    declared = {s.name: s for s in statements if isinstance(s, _NAMED)}
    used: set[str] = set()
    stack: list[t.Node] = [s for s in statements if not isinstance(s, _NAMED)]
    while stack:
        for name in _names(stack.pop()):
            if name in declared and name not in used:
                used.add(name)
                stack.append(declared[name])
    given: dict[str, list[t.Assignment]] = {}
    for assignment in below(t.Assignment, *(s for s in statements if isinstance(s, t.Test))):
        given.setdefault(assignment.path.partition(".")[0], []).append(assignment)
    for name, node in declared.items():
        if name not in used:
            fix = _removal(node, given.get(name, []))
            yield Finding(f"nothing reads `{name}`", node.name_span, _help(node), fix=fix)


def _names(statement: t.Node) -> Iterator[str]:
    """Every name below a statement that may be one of the file: values, functions, fields of samples."""
    for node in below(t.Node, statement):
        if isinstance(node, t.Name):
            yield node.name
        elif isinstance(node, t.Field):
            yield node.name  # `short.final` reads `final`
        elif isinstance(node, t.Call):
            yield from (node.function, node.function.partition(".")[0])
        elif isinstance(node, t.Mock):
            yield from (node.path, node.path.partition(".")[0])


def _help(node: t.Declaration) -> str:
    if isinstance(node, t.Let):
        return f"take it out; to log it, make it a metric: `term {node.name} = …`"
    return "take it out, or use it"


def _removal(node: t.Declaration, given: list[t.Assignment]) -> Fix:
    """Takes the statement out, and what samples give it."""
    edits = dict.fromkeys(removal(part.span) for part in (node, *given))
    title = f"take `{type(node).__name__.lower()} {node.name}` out"
    return Fix(title, tuple(edits), safe=not isinstance(node, _FROM_OUTSIDE))


LINT = Lint("RK1012", "unused-name", find)
