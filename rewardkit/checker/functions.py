"""The stage of a file's own functions: `extern`, `use` and `def`, each checked by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from rewardkit import library
from rewardkit.checker import builtins
from rewardkit.checker.constants import range_of
from rewardkit.checker.defs import MAX_HEIGHT, ParameterNames, parameter_value
from rewardkit.checker.draft import Draft
from rewardkit.checker.expressions import unify
from rewardkit.checker.facts import NOTHING
from rewardkit.checker.paths import Outside, inside, shortened
from rewardkit.checker.spec import Callee, DefSpec, Value
from rewardkit.checker.stages import names
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import Label, RewardError, Span
from rewardkit.language import tree as t
from rewardkit.types.function import Function, Parameter
from rewardkit.types.interval import FULL
from rewardkit.types.types import UNKNOWN, Type

_RESERVED = (*builtins.ROOTS, "step")


def functions(draft: Draft) -> None:
    """Everything that the file declares to be called; what is wrong is kept as `None`."""
    for name, node in draft.nodes.items():
        if isinstance(node, t.Broken) and node.keyword in ("def", "extern"):
            draft.functions[name] = None
        elif isinstance(node, t.Extern):
            draft.functions[name] = _extern(draft, node)
        elif isinstance(node, t.Use):
            _use(draft, node)
    for node in _ordered(draft):
        draft.functions[node.name] = _def(draft, node)


def files(draft: Draft) -> None:
    """Whether the files that a spec uses can be, where nothing else of it can be checked."""
    for node in draft.module.statements:
        if isinstance(node, t.Use):
            _library(draft, node)


def _taken(draft: Draft, node: t.Declaration) -> bool:
    """Whether a function of the language has the name already (reported)."""
    known = {*library.functions(), *library.AGGREGATES, *library.ROWS_ONLY}
    names = library.namespaces() if isinstance(node, t.Use) else known
    if node.name not in names:
        return False
    what = "a namespace" if isinstance(node, t.Use) else "a function"
    draft.found.error(
        "RK0206",
        f"`{node.name}` is {what} of the language already",
        node.name_span,
        help="choose another name",
    )
    return True


def _parameters(draft: Draft, node: t.Def | t.Extern) -> tuple[Parameter, ...] | None:
    """The parameters of a declaration; `None` where one is wrong (reported)."""
    seen: dict[str, Span] = {}
    found = []
    ok = True
    for declared in node.parameters:
        interval = range_of(declared.range, declared.type.type, draft.found)
        if declared.name in seen:
            draft.found.error(
                "RK0202",
                f"two parameters are called `{declared.name}`",
                declared.name_span,
                "again here",
                labels=(Label(seen[declared.name], "first here"),),
                help="choose another name",
            )
            ok = False
        elif declared.name in _RESERVED:
            draft.found.error(
                "RK0206",
                f"`{declared.name}` is there already, on every row",
                declared.name_span,
                help="choose another name",
            )
            ok = False
        seen.setdefault(declared.name, declared.name_span)
        ok &= declared.type.type != UNKNOWN and (declared.range is None or interval is not None)
        found.append(Parameter(declared.name, declared.type.type, range=interval))
    return tuple(found) if ok else None


def _extern(draft: Draft, node: t.Extern) -> Function | None:
    parameters = _parameters(draft, node)
    interval = range_of(node.range, node.result.type, draft.found)
    if _taken(draft, node) or parameters is None or node.result.type == UNKNOWN:
        return None
    if node.range is not None and interval is None:
        return None
    return Function(
        node.name,
        parameters,
        node.result.type,
        "a function that the program around brings along",
        "host",
        None,
        range=interval or FULL,
        purity="host",
        fails="raises: an error of the run, which names the rows",
    )


# --- use -------------------------------------------------------------------------------------------


def _use(draft: Draft, node: t.Use) -> None:
    if _taken(draft, node):
        return
    found = _library(draft, node)
    if found is None:
        draft.functions[f"{node.name}."] = None  # whatever it has
        return
    for name, callee in found.items():
        if "." not in name:
            draft.functions[f"{node.name}.{name}"] = callee


def _library(draft: Draft, node: t.Use) -> Mapping[str, Callee | None] | None:
    """The checked functions of another file; `None` where it brings none (reported)."""
    libraries, found = draft.libraries, draft.found
    if libraries.read is None:
        found.error("RK0219", "files cannot be used here", node.path.span, help="write the `def`s out")
        return None
    try:
        path = inside(draft.source, node.path.value)
    except RewardError as problem:
        help_ = "name a file below the project's folder, relative to this one"
        help_ += f"; {problem.help}" if isinstance(problem, Outside) else ""
        found.error("RK0219", str(problem), node.path.span, help=help_)
        return None
    module = libraries.module(path, node, found)
    if module is None:
        return None
    if path not in libraries.functions:
        libraries.reading.append(path)
        libraries.functions[path] = _functions_of(draft, module)
        libraries.reading.pop()
    if not any(isinstance(s, t.Def | t.Broken) for s in module.statements):
        found.error(
            "RK0219",
            f"`{shortened(node.path.value)}` has no `def`",
            node.path.span,
            help="a file that is used brings its `def`s: `def double(x: int): int = 2 * x`",
        )
    return libraries.functions[path]


def _functions_of(draft: Draft, module: t.Module) -> Mapping[str, Callee | None]:
    inner = Draft(module.span.source, module, draft.found, libraries=draft.libraries, written=draft.written)
    names(inner)
    for statement in inner.statements(t.Extern):
        draft.found.error(
            "RK0219",
            "a file that is used declares no `extern`",
            statement.name_span,
            help="declare it in the spec, and pass what it gives to the `def`",
        )
        inner.nodes[statement.name] = t.Broken(statement.span, "extern", statement.name)
    functions(inner)
    return inner.functions


# --- def -------------------------------------------------------------------------------------------


def _ordered(draft: Draft) -> list[t.Def]:
    """The `def`s, each after those that it calls; circles are reported and left out."""
    nodes = {name: node for name, node in draft.nodes.items() if isinstance(node, t.Def)}
    graph = {
        name: {call.function for call in _calls(node.body)} & nodes.keys() for name, node in nodes.items()
    }
    while True:
        try:
            return [nodes[name] for name in TopologicalSorter(graph).static_order()]
        except CycleError as error:
            cycle: list[str] = error.args[1][::-1]
            draft.found.error(
                "RK0203",
                f"`{cycle[0]}` calls itself",
                draft.declarations[cycle[0]],
                f"calls `{cycle[1]}`",
                labels=tuple(Label(draft.declarations[name], "in the circle") for name in cycle[1:-1][:5]),
                help="there is no recursion: fold over a list, `sum(… for x in xs)`",
            )
            for name in set(cycle):
                draft.functions[name] = None
                graph.pop(name, None)
            for calls in graph.values():
                calls.difference_update(cycle)


def _calls(root: t.Node) -> Iterator[t.Call]:
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, t.Call):
            yield node
        stack.extend(t.children(node))


def _def(draft: Draft, node: t.Def) -> DefSpec | None:
    """A `def`, checked with nothing known of its arguments but their declarations."""
    parameters = _parameters(draft, node)
    if _taken(draft, node) or parameters is None:
        return None
    scope = draft.functions  # those that it calls are there by now
    spans = {p.name: p.name_span for p in node.parameters}
    values = {p.name: parameter_value(p, spans[p.name]) for p in parameters}
    names_ = ParameterNames(node.name, values, draft.found)
    check = draft.expressions(NOTHING, resolve=names_, declarations=spans, pure=node.name)
    nodes, height = _measure(node.body, scope)
    if height > MAX_HEIGHT:
        draft.found.error(
            "RK0217",
            f"`{node.name}` nests more than {MAX_HEIGHT} deep, with what it calls written out",
            node.name_span,
            help="let it do less: pass a part of it as an argument",
        )
        return None
    body = check.check(node.body)
    result = _result(draft, node, body)
    if result is None:
        return None
    function = Function(
        node.name, parameters, result, "", "inline", None, range=body.interval, faults=body.faults
    )
    return DefSpec(node.name, function, node, scope, nodes, height)


def _result(draft: Draft, node: t.Def, body: Value) -> Type | None:
    """The type of a `def`; `None` where the body is wrong, or not what is declared (reported)."""
    if body.type == UNKNOWN or (node.result is not None and node.result.type == UNKNOWN):
        return None
    if node.result is None:
        if body.type.kind != "null" and body.type.item != UNKNOWN:
            return body.type
        help_ = f"say what it would be: `def {node.name}(…): text? = …`"
        draft.found.error("RK0601", f"`{node.name}` has no type of its own", node.body.span, help=help_)
        return None
    declared = node.result.type
    if unify(body.type, declared) == declared:
        return declared
    help_ = f"declare `{body.type}`, or leave the type out"
    if body.type.required == declared:
        help_ = f"declare `{declared.nullable}`, or say what null counts as: `{text_of(body)} ?? …`"
    draft.found.error(
        "RK0406",
        f"`{node.name}` is declared `{declared}`, and its value is `{body.type}`",
        node.body.span,
        f"`{body.type}`",
        labels=(Label(node.result.span, f"declared `{declared}`"),),
        help=help_,
    )
    return None


def _measure(root: t.Node, scope: Mapping[str, Callee | None]) -> tuple[int, int]:
    """Names, values and operators of an expression, and how deep it nests, with its calls written out."""
    nodes, height = 0, 0
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if isinstance(node, t.Call) and isinstance(callee := scope.get(node.function), DefSpec):
            nodes += callee.nodes
            height = max(height, depth + callee.height)
        height = max(height, depth)
        stack.extend((child, depth + 1) for child in t.children(node))
    return nodes, height
