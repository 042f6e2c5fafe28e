"""What the stages of the checker share while a spec takes shape."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from rewardkit import library
from rewardkit.checker import builtins
from rewardkit.checker.expressions import Expressions, Resolve, Written
from rewardkit.checker.facts import Facts
from rewardkit.checker.libraries import Libraries
from rewardkit.checker.spec import (
    AdvantageSpec,
    Callee,
    ClaimSpec,
    InputSpec,
    ParamSpec,
    TermSpec,
    TestSpec,
    Value,
)
from rewardkit.checker.wording import listed, meant, suggest
from rewardkit.diagnostics import Collector, Label, Source, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import FULL, NON_NEGATIVE, Interval, whole
from rewardkit.types.levels import Level
from rewardkit.types.types import INT, Type

S = TypeVar("S", bound=t.Statement)


@dataclass
class Draft:
    """A spec under construction. Stages fill it in order; each reads what those before it wrote."""

    source: Source
    module: t.Module
    found: Collector
    declarations: dict[str, Span] = field(default_factory=dict)  # every name of the file
    nodes: dict[str, t.Declaration | t.Broken] = field(default_factory=dict)
    inputs: dict[str, InputSpec] = field(default_factory=dict)
    params: dict[str, ParamSpec] = field(default_factory=dict)
    lets: dict[str, Value] = field(default_factory=dict)
    terms: dict[str, TermSpec] = field(default_factory=dict)
    weights: list[tuple[str, Value]] = field(default_factory=list)
    reward_range: Interval | None = None
    reward_interval: Interval = FULL
    skips: list[Value] = field(default_factory=list)
    masks: list[Value] = field(default_factory=list)
    advantage: AdvantageSpec | None = None
    tests: list[TestSpec] = field(default_factory=list)
    claims: list[ClaimSpec] = field(default_factory=list)
    aggregates: dict[str, Value | None] = field(default_factory=dict)  # what a sample's field aggregates
    lacks_advantage: bool = False  # reported
    looked: int = 0  # values looked at to find what mocks nothing reads
    functions: dict[str, Callee | None] = field(default_factory=dict)
    libraries: Libraries = field(default_factory=lambda: Libraries(None))
    written: Written = field(default_factory=Written)
    order: list[str] = field(default_factory=list)  # lets and terms, each after what it reads
    unsettled: set[str] = field(default_factory=set)  # lets that a skip condition reads
    facts: Facts = field(default_factory=dict)  # what the skip conditions settle for the whole file
    seen: list[tuple[t.Expr, Value]] | None = None  # every expression with its value, if asked for

    def statements(self, kind: type[S]) -> list[S]:
        return [s for s in self.module.statements if isinstance(s, kind)]

    def expressions(
        self,
        facts: Facts | None = None,
        *,
        resolve: Resolve | None = None,
        declarations: Mapping[str, Span] | None = None,
        paths: Resolve | None = None,
        lenient: bool = False,
        pure: str | None = None,
    ) -> Expressions:
        """A checker for one statement's expressions; the values of the spec are its names unless said."""
        return Expressions(
            self.found,
            resolve or self.resolve,
            self.declarations if declarations is None else declarations,
            lenient=lenient,
            paths=paths,
            facts=self.facts if facts is None else facts,
            functions=self.functions,
            written=self.written,
            pure=pure,
            seen=self.seen,
        )

    def resolve(self, name: str, span: Span) -> Value | None:
        """The value of a name; `None` (reported, unless its own declaration was) where there is none."""
        if name in self.inputs:
            return input_value(self.inputs[name], span)
        if name in self.params:
            param = self.params[name]
            interval = declared(param.type, param.range)
            return Value("param", (), param.type, span, interval, path=name, data=name)
        if name in self.lets:
            return self.lets[name]
        node = self.nodes.get(name)
        if isinstance(node, t.Term) and span.start < node.span.start:
            self.found.error(
                "RK0207",
                f"the term `{name}` is read above its declaration",
                span,
                labels=(Label(node.name_span, "declared here"),),
                help="move it up, or name what both need with `let`",
            )
            return None
        if name in self.terms:
            return self.terms[name].value
        if name == "step":
            return Value("step", (), INT, span, NON_NEGATIVE, Level.CONSTANT, path="step")
        if node is None:
            help_, instead = self._unknown_help(name, span), span
            if (path := _measured(name, span)) is not None:
                help_, instead = path
            self.found.error(
                "RK0201", f"there is no value `{name}`", span, help=help_, fix=meant(help_, instead)
            )
        elif isinstance(node, t.Def | t.Extern):
            self._not_a_value(name, span, f"`{name}` is a function, not a value", f"call it: `{name}(…)`")
        elif isinstance(node, t.Use):
            self._not_a_value(
                name, span, f"`{name}` is a file, not a value", f"call a function of it: `{name}.…(…)`"
            )
        return None

    def _not_a_value(self, name: str, span: Span, message: str, help_: str) -> None:
        declared = Label(self.declarations[name], "declared here")
        self.found.error("RK0201", message, span, labels=(declared,), help=help_)

    def _unknown_help(self, name: str, span: Span) -> str:
        if name in _ELSEWHERE:
            return _ELSEWHERE[name]
        values = [n for n, node in self.nodes.items() if not isinstance(node, t.Def | t.Extern | t.Use)]
        known = [
            n for n in values if not isinstance(self.nodes[n], t.Term) or self.nodes[n].span.end <= span.start
        ]
        near = suggest(name, [*known, "step"])
        if near:
            return near
        fields = [f"{root}.{name}" for root in builtins.ROOTS if name in builtins.fields_of(root)]
        if fields:
            return f"did you mean `{fields[0]}`?"
        if name in library.functions():
            return f"it is a function: `{name}(…)`"
        declare = f"declare it: `let {name} = …`, or `input {name}: text` for a dataset column"
        return f"{declare}; known are {listed(known, 6)}" if known else declare


def _measured(name: str, span: Span) -> tuple[str, Span] | None:
    """For `completions.tokens`: the path that is meant, and the one that is written."""
    field = re.compile(r"\.(\w+)").match(span.source.text, span.end)
    if field is None:
        return None
    roots = difflib.get_close_matches(_ROOTS.get(name, name), builtins.ROOTS, 1, 0.8)
    if not roots or field[1] not in builtins.fields_of(roots[0]):
        return None
    return f"did you mean `{roots[0]}.{field[1]}`?", Span(span.source, span.start, field.end())


#: what others call the two texts of a row
_ROOTS = {"response": "completion", "responses": "completion", "output": "completion"}

#: names elsewhere, and what to write here
_ELSEWHERE = {
    "True": "write `true`",
    "False": "write `false`",
    "None": "write `null`",
    "nil": "write `null`",
    "undefined": "write `null`",
    "NaN": "a missing number is `null`",
    "nan": "a missing number is `null`",
    "inf": "`inf` stands at the open end of a range only",
    "response": "the model's answer is `completion.text`",
    "output": "the model's answer is `completion.text`",
    "completions": "the model's answer is `completion.text`",
    "completion_text": "the model's answer is `completion.text`",
    "completion_ids": "the number of generated tokens is `completion.tokens`",
    "prompt_text": "the last user message is `prompt.text`",
    "epoch": "the training step is `step`",
    "global_step": "the training step is `step`",
}


def input_value(spec: InputSpec, span: Span) -> Value:
    level = Level.GROUP if spec.per_prompt else Level.ROW
    interval = declared(spec.type, spec.range)
    return Value("column", (), spec.type, span, interval, level, path=spec.name, data=spec.name)


def declared(type_: Type, range_: Interval | None) -> Interval:
    """The interval of what is declared with a range: `(0, 10)` of whole numbers is `[1, 9]`."""
    interval = range_ or FULL
    return whole(interval) if type_.kind == "int" else interval


def names_in(*roots: t.Node | None) -> set[str]:
    """Every bare name below the nodes."""
    found: set[str] = set()
    stack: list[t.Node] = [root for root in roots if root is not None]
    while stack:
        node = stack.pop()
        if isinstance(node, t.Name):
            found.add(node.name)
        stack.extend(t.children(node))
    return found


def contains(value: Value, op: str) -> Value | None:
    """The first value below (or at) `value` with this `op`."""
    return next((node for node in below([value]) if node.op == op), None)


def roots_of(draft: Draft) -> list[Value]:
    """Every expression that scoring may compute."""
    roots = [*draft.lets.values(), *(term.value for term in draft.terms.values()), *draft.skips, *draft.masks]
    roots += [weight for _, weight in draft.weights]
    if draft.advantage is not None:
        roots += draft.advantage.options.values()
        if draft.advantage.scale is not None:
            roots.append(draft.advantage.scale)
    return roots


def below(roots: Iterable[Value]) -> Iterator[Value]:
    """The values and everything below them, each once."""
    stack, seen = list(roots), set[int]()
    while stack:
        value = stack.pop()
        if id(value) not in seen:
            seen.add(id(value))
            yield value
            stack.extend(value.args)
