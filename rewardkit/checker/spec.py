"""A checked spec: every name resolved, every expression typed, ranged and levelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rewardkit.diagnostics import Diagnostic, Source, Span
from rewardkit.language import tree as t
from rewardkit.types.function import Function
from rewardkit.types.interval import FULL, Interval
from rewardkit.types.levels import Level
from rewardkit.types.types import Type


@dataclass(frozen=True, eq=False)
class Value:
    """A checked expression. `op` says what it is, `data` what `op` needs beside its `args`:

    | op | args | data |
    | --- | --- | --- |
    | `constant` | | the value: `Fraction`, `bool`, `str`, `None` or a tuple of them |
    | `column` | | the column's name (`answer`, `completion.text`) |
    | `param`, `step` | | the param's name |
    | `let` | its value | its name |
    | `term` | value, then gate and `else` where gated | its `TermSpec` facts: name, range, gated |
    | `alias` | a value, with a narrowed type | |
    | `parameter` | | its name: in a `def`, checked by itself |
    | `bind` | an argument, as its parameter's type | the parameter's name |
    | `add sub mul div neg`, `eq ne lt le gt ge`, `not and or` | operands | |
    | `is_null`, `coalesce`, `if`, `failed` | operands | |
    | `field` | a structured value | the field's name |
    | `index` | list, position | |
    | `list` | the items | |
    | `call` | the arguments that are not constants | `CallData` |
    | `aggregate` | value and `where`, each if written | `AggregateData` |
    | `fold` | list, body, and `where` if written | `FoldData` |
    | `element` | | the number of the fold it belongs to |
    """

    op: str
    args: tuple[Value, ...]
    type: Type
    span: Span
    interval: Interval = FULL
    level: Level = Level.CONSTANT
    faults: bool = False  # some row's value may be a fault
    path: str | None = None  # what a test can narrow: a name or a path
    data: Any = None

    def __repr__(self) -> str:
        return f"<{self.op}: {' '.join(self.span.text.split())[:60]}>"


@dataclass(frozen=True)
class CallData:
    """`function` with the constant arguments by name; `order` names the parameters of `args`."""

    function: Any
    constants: tuple[tuple[str, Any], ...]
    order: tuple[str, ...]


@dataclass(frozen=True)
class AggregateData:
    function: str
    scope: str  # "group" or "batch"
    has_value: bool
    has_where: bool


@dataclass(frozen=True)
class FoldData:
    function: str
    number: int
    has_where: bool


@dataclass(frozen=True)
class TermData:
    name: str
    range: Interval | None
    gated: bool
    otherwise_null: bool = False


@dataclass(frozen=True)
class InputSpec:
    name: str
    column: str  # a dotted path into the row
    type: Type
    range: Interval | None
    per_prompt: bool
    span: Span


@dataclass(frozen=True)
class ParamSpec:
    name: str
    type: Type
    range: Interval | None
    default: Any  # Fraction, bool or str
    span: Span


@dataclass(frozen=True)
class TermSpec:
    name: str
    value: Value  # the whole term, op `term`
    span: Span

    @property
    def interval(self) -> Interval:
        return self.value.interval


@dataclass(frozen=True, eq=False)
class DefSpec:
    """A `def`: its signature, and its body, which is checked again with the arguments of each call.

    `scope` is what the body may call; `nodes` and `height` measure the body with its own calls written out.
    """

    name: str
    function: Function
    node: t.Def
    scope: Mapping[str, Callee | None]
    nodes: int
    height: int


#: what a file's own function names stand for; `None` where the declaration is wrong (reported)
Callee = Function | DefSpec


@dataclass(frozen=True)
class AdvantageSpec:
    name: str
    options: Mapping[str, Value]
    scale: Value | None
    span: Span


@dataclass(frozen=True)
class SampleSpec:
    name: str
    fields: Mapping[str, t.Assignment]  # path -> what the test gives it
    group: int | None
    span: Span


@dataclass(frozen=True)
class ExpectSpec:
    """`condition` reads columns named `sample.field`; `tolerance` is a number or `None`."""

    condition: Value
    tolerance: float | None
    span: Span
    #: (sample, field) pairs that the condition names
    reads: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MockSpec:
    """What a test fixes: a let of one sample, or every call of a function, in one sample or in all."""

    path: str  # as the test writes it
    sample: str | None
    let: str | None
    function: str | None
    value: Value  # a constant expression of the type that the let or function has
    span: Span


@dataclass(frozen=True)
class OverRows:
    """`agreement(a, b)`, `mean(x)` or `share(x)`: `args` have one value per row of the file.

    They read columns: inputs by name, `completion.text` and the like, and lets, terms and `reward`.
    """

    name: str  # the column that stands for it in a condition
    function: str
    args: tuple[Value, ...]
    span: Span


@dataclass(frozen=True)
class RowsSpec:
    """A file of rows, its columns that only this block reads, and what holds over all its rows.

    The conditions of `expects` read the columns named by `over`.
    """

    path: str
    path_span: Span
    inputs: Mapping[str, InputSpec]
    over: tuple[OverRows, ...]
    expects: tuple[ExpectSpec, ...]
    span: Span


@dataclass(frozen=True)
class TestSpec:
    name: str
    samples: tuple[SampleSpec, ...]
    values: Mapping[str, Mapping[str, Any]]  # sample -> path -> constant
    mocks: tuple[MockSpec, ...]  # those of all samples before those of one
    expects: tuple[ExpectSpec, ...]
    rows: tuple[RowsSpec, ...]
    span: Span


@dataclass(frozen=True)
class ClaimSpec:
    """A `prove` statement.

    | form | `subject` | beside it |
    | --- | --- | --- |
    | `condition` | the condition | |
    | `range` | a number | `range` |
    | `outranks` | the better condition | `other`, the worse; `score`, what is compared; its name, `scope` |
    | `direction` | a term, a let or `reward` | `direction`; `other`, what moves |
    | `advantage` | the better condition | `other`, the worse; `group_size` |

    `reward` is a let of that name whose value adds up the weighted terms; no name of a file is `reward`.
    """

    form: Literal["condition", "range", "outranks", "direction", "advantage"]
    subject: Value
    span: Span
    other: Value | None = None
    range: Interval | None = None
    direction: str | None = None  # "increasing", "decreasing" or "constant"
    score: Value | None = None
    scope: str | None = None  # "reward" or a term's name
    group_size: int | None = None

    @property
    def text(self) -> str:
        """The claim as the file has it, on one line, without `prove`."""
        return " ".join(self.span.text.split()).removeprefix("prove ")

    def __repr__(self) -> str:
        return f"<ClaimSpec: {self.text}>"


@dataclass(frozen=True)
class Spec:
    """Everything later rooms need; nothing below the checker reads the syntax tree for meaning."""

    source: Source
    module: t.Module
    inputs: Mapping[str, InputSpec]
    params: Mapping[str, ParamSpec]
    lets: Mapping[str, Value]
    terms: Mapping[str, TermSpec]
    weights: tuple[tuple[str, Value], ...]
    reward_range: Interval | None
    reward_interval: Interval
    skips: tuple[Value, ...]
    masks: tuple[Value, ...]
    advantage: AdvantageSpec | None
    tests: tuple[TestSpec, ...]
    claims: tuple[ClaimSpec, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    columns: frozenset[str] = field(default_factory=frozenset)  # columns that some value reads
    #: `def`s and `extern`s by name, those of used files as `alias.name`
    functions: Mapping[str, Callee] = field(default_factory=dict)
    libraries: tuple[t.Module, ...] = ()  # the files that `use` brings in, directly or not

    def __repr__(self) -> str:
        return f"<Spec {self.source.name}: {len(self.terms)} terms, {len(self.claims)} claims>"

    @property
    def has_reward(self) -> bool:
        return bool(self.weights)

    @property
    def externs(self) -> Mapping[str, Function]:
        """The functions that the host must bind."""
        return {name: f for name, f in self.functions.items() if isinstance(f, Function)}
