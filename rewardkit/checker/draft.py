"""What the stages of the checker share while a spec takes shape."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from rewardkit.checker import builtins
from rewardkit.checker.expressions import Expressions
from rewardkit.checker.facts import Facts
from rewardkit.checker.spec import AdvantageSpec, InputSpec, ParamSpec, TermSpec, TestSpec, Value
from rewardkit.diagnostics import Collector, Label, Source, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import FULL, NON_NEGATIVE, Interval
from rewardkit.types.levels import Level
from rewardkit.types.types import INT


@dataclass
class Draft:
    """A spec under construction. Stages fill it in order; each reads what those before it wrote."""

    source: Source
    module: t.Module
    found: Collector
    declarations: dict[str, Span] = field(default_factory=dict)  # every name of the file
    nodes: dict[str, t.Declaration] = field(default_factory=dict)
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
    later: set[str] = field(default_factory=set)
    order: list[str] = field(default_factory=list)  # lets and terms, each after what it reads
    unsettled: set[str] = field(default_factory=set)  # lets that a skip condition reads
    facts: Facts = field(default_factory=dict)  # what the skip conditions settle for the whole file

    def statements(self, kind: type[t.Statement]) -> list[t.Statement]:
        return [s for s in self.module.statements if isinstance(s, kind)]

    def expressions(self, facts: Facts | None = None) -> Expressions:
        """A checker for one statement's expressions."""
        check = Expressions(self.found, self.resolve, self.declarations, self.later)
        check.facts = self.facts if facts is None else facts
        return check

    def resolve(self, name: str, span: Span) -> Value | None:
        """The value of a name; `None` (reported, unless its own declaration was) where there is none."""
        if name in self.inputs:
            return input_value(self.inputs[name], span)
        if name in self.params:
            param = self.params[name]
            return Value("param", (), param.type, span, param.range or FULL, path=name, data=name)
        if name in self.lets:
            return self.lets[name]
        node = self.nodes.get(name)
        if isinstance(node, t.Term) and span.start < node.span.start:
            self.found.error(
                "RK0207",
                f"the term `{name}` is used above its declaration",
                span,
                labels=(Label(node.name_span, "declared here"),),
                help="move it up, or name the shared part with `let`",
            )
            return None
        if name in self.terms:
            return self.terms[name].value
        if name == "step":
            return Value("step", (), INT, span, NON_NEGATIVE, Level.CONSTANT, path="step")
        if node is None:
            self._unknown(name, span)
        return None

    def _unknown(self, name: str, span: Span) -> None:
        known = [n for n in self.declarations if not isinstance(self.nodes.get(n), t.Def | t.Extern | t.Use)]
        near = difflib.get_close_matches(name, [*known, "step"], 1)
        if near:
            help_ = f"did you mean `{near[0]}`?"
        elif name == "inf":
            help_ = "`inf` stands at the open end of a range only"
        elif name in ("completion_text", "text", "response", "output"):
            help_ = "the model's answer is `completion.text`"
        elif any(name in builtins.fields_of(root) for root in builtins.ROOTS):
            help_ = f"the measures of an answer are `completion.{name}` and the like"
        elif known:
            help_ = "known names are " + ", ".join(f"`{n}`" for n in known[:8])
        else:
            help_ = f"declare a dataset column: `input {name}: text`"
        self.found.error("RK0201", f"there is no value `{name}`", span, help=help_)


def input_value(spec: InputSpec, span: Span) -> Value:
    level = Level.GROUP if spec.per_prompt else Level.ROW
    return Value(
        "column", (), spec.type, span, spec.range or FULL, level, path=spec.name, data=spec.name
    )


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
    stack, seen = [value], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.op == op:
            return node
        stack.extend(node.args)
    return None
