"""`mock`: what a test fixes instead of computing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardkit import library
from rewardkit.checker import builtins
from rewardkit.checker.draft import Draft, below, contains, roots_of
from rewardkit.checker.expressions import Expressions
from rewardkit.checker.samples import STRUCTURED, WRONG, given_as
from rewardkit.checker.spec import DefSpec, ExpectSpec, MockSpec, SampleSpec, Value
from rewardkit.checker.wording import listed, suggest
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.function import Function
from rewardkit.types.interval import Interval
from rewardkit.types.messages import read_structured
from rewardkit.types.types import UNKNOWN, Type

#: values looked at for mocks that nothing reads, so that hostile files cost no more than long ones
_MOST_LOOKED = 1_000_000


@dataclass(frozen=True)
class _Target:
    """What a mock fixes, with the type and range of its value."""

    sample: str | None
    let: str | None
    function: str | None
    type: Type
    range: Interval | None


def mocks(
    draft: Draft,
    nodes: Sequence[t.Mock],
    samples: dict[str, SampleSpec],
    expects: Sequence[ExpectSpec],
    rows: bool,
) -> tuple[MockSpec, ...]:
    """The mocks of a test, those of all samples before those of one, so that the latter win."""
    found: dict[tuple[str | None, str | None, str | None], MockSpec] = {}
    for node in nodes:
        target = _target(draft, node, samples)
        if target is None:
            continue
        key = (target.sample, target.let, target.function)
        if key in found:
            draft.found.error(
                "RK0813",
                f"`{node.path}` is mocked twice",
                node.path_span,
                "again here",
                labels=(Label(found[key].span, "first here"),),
                help="leave one out",
            )
            continue
        value = _value(draft, node, target)
        if value is None:
            continue
        found[key] = MockSpec(node.path, target.sample, target.let, target.function, value, node.path_span)
        if not draft.found.has_errors and not _reads(draft, target, expects, rows):
            what = f"reads `{target.let}`" if target.let else f"calls `{target.function}`"
            draft.found.warning(
                "RK0814",
                f"nothing in this test {what}",
                node.path_span,
                help="leave the mock out, or expect what depends on it",
            )
    return tuple(sorted(found.values(), key=lambda mock: mock.sample is not None))


def _target(draft: Draft, node: t.Mock, samples: dict[str, SampleSpec]) -> _Target | None:
    """What the path of a mock names; `None` (reported) where that is nothing a mock can fix."""
    head, _, rest = node.path.partition(".")
    sample, name = (head, rest) if head in samples and rest else (None, node.path)
    if sample is not None and name in draft.lets:
        let = draft.lets[name]
        interval = let.interval if let.type.is_number else None
        return None if let.type == UNKNOWN else _Target(sample, name, None, let.type, interval)
    if isinstance(draft.nodes.get(name), t.Broken) or draft.functions.get(name, DefSpec) is None:
        return None  # reported
    own = draft.functions.get(name)
    function = own if isinstance(own, Function) else library.functions().get(name)
    if function is not None and function.infer is None:
        interval = function.range if function.result.is_number else None
        return _Target(sample, None, name, function.result, interval)
    message, help_ = _no_target(draft, node, samples, sample, name, function)
    declared = draft.declarations.get(name)
    labels = (Label(declared, "declared here"),) if declared else ()
    draft.found.error("RK0811", message, node.path_span, labels=labels, help=help_)
    return None


def _no_target(
    draft: Draft,
    node: t.Mock,
    samples: dict[str, SampleSpec],
    sample: str | None,
    name: str,
    function: Function | None,
) -> tuple[str, str]:
    """Why a path is nothing to mock, and what to write."""
    first = sample or next(iter(samples), "sample")
    let = f"`mock {first}.{next(iter(draft.lets), 'x')} = …`"
    if function is not None:
        return (
            f"`{name}` cannot be mocked: its type follows from its arguments",
            f"fix a let that reads it: {let}",
        )
    if name in samples:
        return f"the sample `{name}` is no value by itself", f"name a let of it: {let}"
    if name in draft.lets:
        return f"`{name}` has a value for each sample", f"name the sample: `mock {first}.{name} = …`"
    if name in draft.terms:
        return (
            f"`{name}` is a term, and terms are what a test looks at",
            f"fix a let or a function that it reads: {let}",
        )
    if name in (*draft.inputs, *draft.params, *builtins.COLUMNS, "step"):
        return f"`{name}` is given, not computed", f"give it in the sample: `sample {first} {{ {name} = … }}`"
    if isinstance(draft.functions.get(name), DefSpec):
        return (
            f"`{name}` is a `def`, which is written out where it is called",
            "mock a function that it calls, or fix a let that reads it",
        )
    functions = [n for n, f in _functions(draft).items() if f.infer is None]
    near = suggest(name, functions if sample is None else [*functions, *draft.lets])
    head, _, rest = name.partition(".")
    if near is None and sample is None and (rest in draft.lets or rest in functions):
        return f"there is no sample `{head}`", suggest(head, samples) or f"the samples are {listed(samples)}"
    help_ = near or f"a mock fixes a let of a sample, or a function: {let}, `mock judge.score = …`"
    return f"there is no let or function `{name}`" if sample else f"there is no function `{name}`", help_


def _functions(draft: Draft) -> dict[str, Function]:
    """The functions that a mock can name: those of the library, and the externs of the spec."""
    externs = {name: f for name, f in draft.functions.items() if isinstance(f, Function)}
    return {**library.functions(), **externs}


def _reads(draft: Draft, target: _Target, expects: Sequence[ExpectSpec], rows: bool) -> bool:
    """Whether what is fixed is read by scoring, or by an expectation."""
    if rows and target.sample is None:
        named = list(draft.lets)
    else:
        named = [f for e in expects for s, f in e.reads if target.sample in (s, None)]
    lets = {id(let) for let in draft.lets.values()}
    roots = [root for root in roots_of(draft) if id(root) not in lets]
    roots += [draft.lets[name] for name in named if name in draft.lets]
    for value in below(roots):
        draft.looked += 1
        if draft.looked > _MOST_LOOKED:
            return True
        if target.let is not None and value.op == "let" and value.data == target.let:
            return True
        if target.function is not None and value.op == "call" and value.data.function.name == target.function:
            return True
    return False


def _value(draft: Draft, node: t.Mock, target: _Target) -> Value | None:
    """The value of a mock as a constant expression; `None` (reported) where it is none of the type."""
    if not t.readable(node.value) or target.type == UNKNOWN:
        return None
    if isinstance(node.value, t.Call):
        return _made(draft, node, target)
    given = t.Assignment(node.span, node.path, node.path_span, node.value)
    labels: tuple[Label, ...] = ()
    if target.let is not None and target.let in draft.declarations:
        labels = (Label(draft.declarations[target.let], "declared here"),)
    plain = given_as(draft, given, target.type, target.range, "RK0812", labels)
    if plain is WRONG:
        return None
    type_ = target.type
    if type_.required.kind in STRUCTURED and plain is not None:
        plain = read_structured(plain, type_.required)[0]
    return Value("constant", (), type_, node.value.span, data=plain)


def _made(draft: Draft, node: t.Mock, target: _Target) -> Value | None:
    """A value made by a function of constants: `code.result(passed: 2, total: 2)`."""

    def name(word: str, span: Span) -> Value | None:
        help_ = "write it out, or call a function of constants"
        draft.found.error("RK0812", f"a mock's value is a constant, and `{word}` is none", span, help=help_)
        return None

    value = Expressions(draft.found, name, {}, functions=draft.functions).check(node.value)
    if value.type == UNKNOWN:
        return None
    column = contains(value, "column")
    if column is not None:
        name(column.span.text, column.span)
        return None
    impure = next((v for v in below([value]) if v.op == "call" and v.data.function.purity != "pure"), None)
    want = target.type.required
    widened = want.kind == "real" and value.type.kind == "int" and want.unit == value.type.unit
    if impure is not None or (value.type.required != want and not widened):
        found = f"`{impure.data.function.name}` is no constant" if impure else f"found `{value.type}`"
        draft.found.error(
            "RK0812", f"`{node.path}` is `{target.type}`, {found}", node.value.span, help="write a constant"
        )
        return None
    if value.type.optional and not target.type.optional:
        help_ = "write a value that is never null"
        draft.found.error("RK0812", f"`{node.path}` is never null", node.value.span, help=help_)
        return None
    if target.range is not None and not value.interval.within(target.range):
        help_ = "give a value inside its range"
        draft.found.error("RK0812", f"`{node.path}` must lie in {target.range}", node.value.span, help=help_)
        return None
    return value
