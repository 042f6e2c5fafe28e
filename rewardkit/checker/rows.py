"""`rows "file" { … }` in a test: columns of that file, and what holds over all its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rewardkit.checker import builtins
from rewardkit.checker.constants import range_of
from rewardkit.checker.draft import Draft, input_value
from rewardkit.checker.expects import tolerance_of
from rewardkit.checker.expressions import Expressions, Resolve, unify
from rewardkit.checker.paths import Outside, inside
from rewardkit.checker.spec import ExpectSpec, InputSpec, OverRows, RowsSpec, Value
from rewardkit.checker.wording import operand, suggest
from rewardkit.diagnostics import Label, RewardError, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import UNIT
from rewardkit.types.levels import Level
from rewardkit.types.types import NULL, REAL, UNKNOWN, Type

#: file endings that rows are read from
_ENDINGS = (".jsonl", ".ndjson", ".parquet", ".csv")


def rows(draft: Draft, node: t.Rows) -> RowsSpec:
    _path(draft, node)
    block = _Block(draft, {})
    expects = []
    for item in node.items:
        if isinstance(item, t.Input):
            _input(draft, item, block.inputs)
    for item in node.items:
        if isinstance(item, t.Expect):
            check = _Condition(block)
            condition = check.check(item.condition)
            if check.wants_bool(condition, "`expect`"):
                expects.append(ExpectSpec(condition, tolerance_of(draft, item), item.span, ()))
    if not any(isinstance(item, t.Expect) for item in node.items):
        draft.found.error(
            "RK0806",
            "these rows expect nothing",
            node.path.span,
            help="add an `expect`: a test without one would always pass",
        )
    return RowsSpec(
        node.path.value, node.path.span, block.inputs, tuple(block.over), tuple(expects), node.span
    )


def _path(draft: Draft, node: t.Rows) -> None:
    """That the path stays inside the project and names rows. Whether the file is there is seen when the test
    runs: rows may be fetched."""
    path, span = node.path.value, node.path.span
    try:
        if draft.source.path is not None:
            inside(draft.source, path)
    except RewardError as error:
        help_ = 'name a file of this project, from the spec\'s folder on: `"data/graded.jsonl"`'
        help_ += f"; {error.help}" if isinstance(error, Outside) else ""
        draft.found.error("RK0815", str(error), span, help=help_)
        return
    if path and not path.lower().endswith(_ENDINGS):
        draft.found.error(
            "RK0815", "rows lie in `.jsonl`, `.parquet` or `.csv` files", span, help="name a file of rows"
        )


def _input(draft: Draft, node: t.Input, inputs: dict[str, InputSpec]) -> None:
    first = draft.declarations.get(node.name) or (inputs[node.name].span if node.name in inputs else None)
    if first is not None:
        draft.found.error(
            "RK0202",
            f"`{node.name}` is declared twice",
            node.name_span,
            "again here",
            labels=(Label(first, "first here"),),
            help="the spec's own inputs are known here: leave this one out"
            if node.name in draft.inputs
            else f'choose another name: `input answer_{node.name}: … from "{node.name}"`',
        )
        return
    if node.name in (*builtins.ROOTS, "step"):
        draft.found.error(
            "RK0206",
            f"`{node.name}` means something else already",
            node.name_span,
            help=f'choose another name: `input my_{node.name}: … from "{node.name}"`',
        )
        return
    type_ = node.type.type
    interval = range_of(node.range, type_, draft.found)
    inputs[node.name] = InputSpec(
        node.name, node.column or node.name, type_, interval, node.per_prompt, node.name_span
    )


@dataclass
class _Block:
    draft: Draft
    inputs: dict[str, InputSpec]
    over: list[OverRows] = field(default_factory=list)

    def row_value(self, name: str, span: Span) -> Value | None:
        """The value of a name on each row, as a column."""
        draft = self.draft
        if name in self.inputs:
            return input_value(self.inputs[name], span)
        if name in draft.inputs:
            return input_value(draft.inputs[name], span)
        if name == "reward":
            if not draft.weights:
                help_ = "name a term, or write a `reward`"
                draft.found.error("RK0803", "there is no `reward` statement", span, help=help_)
                return None
            return _column(name, REAL, span)
        if name in draft.terms:
            return _column(name, draft.terms[name].value.type, span)
        if name in draft.lets:
            return _column(name, draft.lets[name].type, span)
        if name == "step":
            help_ = "rows are scored at step 0; look at another step with a `sample`"
            draft.found.error("RK0816", "`step` is no value of a row", span, help=help_)
            return None
        if name not in draft.nodes and (near := suggest(name, self.inputs)):
            draft.found.error("RK0201", f"there is no value `{name}`", span, help=near)
            return None
        if name not in draft.nodes:
            help_ = f"declare a column of the file, `input {name}: …`, in this block"
            known = suggest(name, [*draft.inputs, *draft.terms, *draft.lets])
            draft.found.error("RK0201", f"there is no value `{name}`", span, help=known or help_)
            return None
        return draft.resolve(name, span)


def _column(name: str, type_: Type, span: Span) -> Value:
    return Value("column", (), type_.nullable, span, level=Level.ROW, path=name, data=name)


class _InBlock(Expressions):
    """Expressions of a `rows` block."""

    def __init__(self, block: _Block, resolve: Resolve, paths: Resolve | None = None) -> None:
        draft = block.draft
        super().__init__(
            draft.found,
            resolve,
            draft.declarations,
            lenient=True,
            paths=paths,
            functions=draft.functions,
            written=draft.written,
        )
        self.block = block


class _OfRow(_InBlock):
    """Expressions with a value for each row of the file: the arguments of `agreement`, `mean` and `share`."""

    def __init__(self, block: _Block) -> None:
        super().__init__(block, block.row_value)

    def check(self, node: t.Expr) -> Value:
        if isinstance(node, t.RewardValue):
            return self.block.row_value("reward", node.span) or self.unknown(node.span)
        if isinstance(node, t.Call) and node.function in _OVER and _plain(node) and not self.elements:
            self.found.error(
                "RK0816",
                f"`{node.function}` cannot stand inside of another",
                node.span,
                help="it is one number for the whole file: compare it in an `expect` of its own",
            )
            return self.unknown(node.span)
        return super().check(node)


class _Condition(_InBlock):
    """Expressions over whole files: numbers, and `agreement`, `mean` and `share`."""

    def __init__(self, block: _Block) -> None:
        super().__init__(block, self._name, self._path)

    def check(self, node: t.Expr) -> Value:
        if isinstance(node, t.RewardValue):
            self._of_a_row("reward", node.span, REAL)
            return self.unknown(node.span)
        if isinstance(node, t.Call) and node.function in _OVER and _plain(node):
            return _over(self.block, node)
        return super().check(node)

    def _name(self, word: str, span: Span) -> Value | None:
        value = self.block.row_value(word, span)
        if value is None or value.op == "param":
            return value
        self._of_a_row(word, span, value.type)
        return None

    def _path(self, dotted: str, span: Span) -> Value | None:
        root = dotted.partition(".")[0]
        if root in builtins.ROOTS:
            self._of_a_row(dotted, span, getattr(builtins.resolve(dotted, span), "type", UNKNOWN))
            return self.unknown(span)
        return None

    def _of_a_row(self, shown: str, span: Span, type_: Type) -> None:
        whole = f"`mean({shown})`" if type_.is_number else f"`share({shown} == …)`"
        self.found.error(
            "RK0816",
            f"`{shown}` has a value for each row",
            span,
            help=f"say what of all rows: {f'`share({shown})`' if type_.kind == 'bool' else whole}",
        )


def _plain(node: t.Call) -> bool:
    return node.generator is None and node.over is None


def _over(block: _Block, node: t.Call) -> Value:
    """One of the functions over all rows, as a column that stands for it in the condition."""
    found, inner = block.draft.found, _OfRow(block)
    unknown = Value("constant", (), UNKNOWN, node.span)
    count, example, rule = _OVER[node.function]
    named = next((a for a in node.arguments if a.name is not None), None)
    if node.where is not None or named is not None or len(node.arguments) != count:
        at = node.where or named or node
        message = f"`{node.function}` takes {'one value' if count == 1 else 'two values'}"
        found.error("RK0816", message, at.span, help=f"write `{example}`")
        return unknown
    args = tuple(inner.check(argument.value) for argument in node.arguments)
    if any(arg.type == UNKNOWN for arg in args):
        return unknown
    if not rule(inner, node, args):
        return unknown
    name = f"{len(block.over)}:{node.function}"
    block.over.append(OverRows(name, node.function, args, node.span))
    # of no rows there is no mean and no share
    unit = args[0].type.unit if node.function == "mean" else None
    type_ = Type("real", unit=unit).nullable
    interval = Value("constant", (), type_, node.span).interval if node.function == "mean" else UNIT
    return Value("column", (), type_, node.span, interval, Level.BATCH, data=name)


def _comparable(check: Expressions, node: t.Call, args: tuple[Value, ...]) -> bool:
    left, right = args
    a, b = left.type, right.type
    joined = None if NULL in (a, b) else unify(a.required, b.required)
    if joined is not None:
        return True
    check.found.error(
        "RK0816",
        f"`{a.required}` never agrees with `{b.required}`",
        node.span,
        labels=(Label(left.span, f"`{a}`"), Label(right.span, f"`{b}`")),
        help=_agreement_help(left, right),
    )
    return False


def _agreement_help(left: Value, right: Value) -> str:
    for value, other in ((left, right), (right, left)):
        if value.type.kind == "bool" and other.type.is_number:
            return f"make a condition of the number: `{operand(other)} == 1`, `{operand(other)} > 0.5`"
    return "compare two values of one type"


def _number(check: Expressions, node: t.Call, args: tuple[Value, ...]) -> bool:
    return args[0].type.kind == "bool" or check.wants_number(args[0])


def _condition(check: Expressions, node: t.Call, args: tuple[Value, ...]) -> bool:
    return check.wants_bool(args[0], "`share`")


_Rule = Callable[[Expressions, t.Call, tuple[Value, ...]], bool]
#: functions over all rows: how many values they take, an example, and what the values must be
_OVER: dict[str, tuple[int, str, _Rule]] = {
    "agreement": (2, "agreement(correct, label)", _comparable),
    "mean": (1, "mean(completion.words)", _number),
    "share": (1, "share(correct)", _condition),
}
