"""What changed in meaning between two specs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from rewardkit.analysis.meaning import Side, text
from rewardkit.checker.spec import AdvantageSpec, InputSpec, ParamSpec, Spec, Value
from rewardkit.language import tree as t
from rewardkit.types.interval import Interval, bare
from rewardkit.types.normalizer import PROFILES, resolved
from rewardkit.types.types import UNITS, Type

T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """One change. `what` is the kind of statement (`column` is one that every row has, `weight` one line of
    `reward`), `part` says of what it is, and is `""` where the whole was added or removed."""

    what: str
    name: str
    part: str
    before: str | None  # `None`: it was not there
    after: str | None
    reaches: tuple[str, ...] = ()  # the terms and conditions that it changes
    through: tuple[str, ...] = ()  # changed names below, where the text itself is the same

    @property
    def scores(self) -> bool:
        """Whether rows may score differently; claims and tests only say what is expected."""
        return self.what not in ("claim", "test")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def differences(a: Spec, b: Spec) -> tuple[Change, ...]:
    """Every change of meaning from `a` to `b`, in the order of a spec's statements.

    Formatting, comments, order, the names of lets and whether a let is written out do not count.
    """
    both = _Both(Side(a), Side(b))
    return tuple(change for find in _FINDERS for change in find(both))


class _Both:
    def __init__(self, a: Side, b: Side) -> None:
        self.a, self.b = a, b
        self.lets = {c.name for c in _let_changes(self)}
        self.functions = {c.name for c in _function_changes(self) if c.what == "def"}

    def same(self, one: Value, other: Value) -> bool:
        return self.a.meant(one) == self.b.meant(other)

    def written(self, kind: type[t.Declaration], name: str) -> tuple[str | None, str | None]:
        return self.a.written(kind, name), self.b.written(kind, name)

    def reaching(self, kind: str, name: str) -> tuple[str, ...]:
        """The parts of either spec that read a let, param or column."""
        return tuple(dict.fromkeys((*self.a.reaching(kind, name), *self.b.reaching(kind, name))))

    def differs(self, part: str) -> bool:
        """Whether a part is in one spec only, or means something else."""
        old, new = self.a.parts.get(part, ()), self.b.parts.get(part, ())
        return len(old) != len(new) or not all(map(self.same, old, new))

    def pair(
        self,
        one: Value,
        other: Value,
        nodes: tuple[t.Node | None, t.Node | None],
        of: tuple[str, str, str],
    ) -> Iterator[Change]:
        """The change of an expression that is in both, if its meaning changed."""
        if self.same(one, other):
            return
        before, after = map(text, nodes)
        through: set[str] = set()
        if before == after:
            sides = ((self.a, one), (self.b, other))
            read = {x for x in self.lets if any(side.read(value, "let", x) for side, value in sides)}
            called = self.a.called(of[1]) | self.b.called(of[1])
            through = read or self.functions & called
        yield Change(*of, before, after, through=tuple(sorted(through)))


# --- what rows bring ---------------------------------------------------------------------------------


def _inputs(both: _Both) -> Iterator[Change]:
    a, b = both.a.spec, both.b.spec
    yield from _named(both, a.inputs, b.inputs, ("input", "column", t.Input), _input_parts)
    built_in = [spec.columns - set(spec.inputs) for spec in (a, b)]
    for column in sorted(built_in[0] ^ built_in[1]):
        before, after = ("read" if column in columns else None for columns in built_in)
        yield Change("column", column, "", before, after, both.reaching("column", column))


def _input_parts(one: InputSpec) -> dict[str, str | None]:
    return {
        "type": str(one.type),
        "range": _range(one.range, one.type),
        "column": one.column,
        "level": "per prompt" if one.per_prompt else "per row",
    }


def _params(both: _Both) -> Iterator[Change]:
    kinds = ("param", "param", t.Param)
    yield from _named(both, both.a.spec.params, both.b.spec.params, kinds, _param_parts)


def _param_parts(one: ParamSpec) -> dict[str, str | None]:
    value = one.default
    if not isinstance(value, bool | str):
        value = _range(Interval(value, value), one.type)
    return {"type": str(one.type), "range": _range(one.range, one.type), "value": str(value)}


def _range(interval: Interval | None, type_: Type) -> str | None:
    return None if interval is None else bare(interval, UNITS.get(type_.unit or "", ""))


def _named(
    both: _Both,
    before: Mapping[str, T],
    after: Mapping[str, T],
    kinds: tuple[str, str, type[t.Declaration]],
    parts_of: Callable[[T], dict[str, str | None]],
) -> Iterator[Change]:
    what, read_as, node = kinds
    for name in dict.fromkeys((*before, *after)):
        reached = both.reaching(read_as, name)
        if name not in before or name not in after:
            yield Change(what, name, "", *both.written(node, name), reached)
            continue
        old, new = parts_of(before[name]), parts_of(after[name])
        for part in old:
            if old[part] != new[part]:
                yield Change(what, name, part, old[part], new[part], reached)


# --- what is computed ----------------------------------------------------------------------------------


def _functions(both: _Both) -> Iterator[Change]:
    """An extern counts by itself; a `def` by what its calls come to, or in a library, where none is made."""
    parts = (*both.a.parts, *both.b.parts)
    counts = not parts or any(map(both.differs, parts))
    for change in _function_changes(both):
        if counts or change.what == "extern":
            yield change


def _function_changes(both: _Both) -> Iterator[Change]:
    old, new = both.a.functions, both.b.functions
    for name in dict.fromkeys((*old, *new)):
        what, before = old.get(name, ("", None))
        other, after = new.get(name, (what, None))
        if before != after:
            callers = (*both.a.callers(name), *both.b.callers(name))
            yield Change(what or other, name, "", before, after, tuple(dict.fromkeys(callers)))


def _let_changes(both: _Both) -> Iterator[Change]:
    """Lets whose own text changed their meaning, and not only a let below; a new name is no change."""
    a, b = both.a.spec.lets, both.b.spec.lets
    known_a, known_b = {both.a.meant(v) for v in a.values()}, {both.b.meant(v) for v in b.values()}
    for name in dict.fromkeys((*a, *b)):
        before, after = both.a.let(name), both.b.let(name)
        if name in a and name in b:
            changed = not both.same(a[name], b[name]) and before != after
        elif name in a:
            changed = both.a.meant(a[name]) not in known_b
        else:
            changed = both.b.meant(b[name]) not in known_a
        if changed:
            yield Change("let", name, "", before, after)


def _lets(both: _Both) -> Iterator[Change]:
    for change in _let_changes(both):
        reached = tuple(part for part in both.reaching("let", change.name) if both.differs(part))
        if reached:  # else nothing that counts reads it
            yield Change("let", change.name, "", change.before, change.after, reached)


def _terms(both: _Both) -> Iterator[Change]:
    a, b = both.a.spec.terms, both.b.spec.terms
    for name in dict.fromkeys((*a, *b)):
        if name not in a or name not in b:
            yield Change("term", name, "", *both.written(t.Term, name))
            continue
        one, other = a[name].value, b[name].value
        nodes = both.a.term(name), both.b.term(name)
        if one.data.range != other.data.range:
            yield Change("term", name, "range", _said(one.data.range), _said(other.data.range))
        elif one.interval != other.interval:
            yield Change("term", name, "lies in", str(one.interval), str(other.interval))
        values = nodes[0].value, nodes[1].value
        yield from both.pair(one.args[0], other.args[0], values, ("term", name, "value"))
        gates = nodes[0].gate, nodes[1].gate
        if one.data.gated and other.data.gated:
            elses = nodes[0].otherwise, nodes[1].otherwise
            yield from both.pair(one.args[1], other.args[1], gates, ("term", name, "gate"))
            yield from both.pair(one.args[2], other.args[2], elses, ("term", name, "else"))
        elif one.data.gated or other.data.gated:
            yield Change("term", name, "gate", _gate(nodes[0]), _gate(nodes[1]))


def _said(thing: Any) -> str | None:
    return None if thing is None else str(thing)


def _gate(term: t.Term) -> str | None:
    otherwise = f" else {text(term.otherwise)}" if term.otherwise else ""
    return None if term.gate is None else f"{text(term.gate)}{otherwise}"


# --- what it is worth ----------------------------------------------------------------------------------


def _reward(both: _Both) -> Iterator[Change]:
    old, new = dict(both.a.spec.weights), dict(both.b.spec.weights)
    for name in dict.fromkeys((*old, *new)):
        if name in old and name in new and both.same(old[name], new[name]):
            continue
        before, after = both.a.weight(name), both.b.weight(name)
        through = both.lets if before == after else ()
        yield Change("weight", name, "", before, after, through=tuple(sorted(through)))
    a, b = both.a.spec, both.b.spec
    if a.reward_range != b.reward_range:
        yield Change("reward", "", "range", _said(a.reward_range), _said(b.reward_range))
    elif a.reward_interval != b.reward_interval:
        yield Change("reward", "", "lies in", str(a.reward_interval), str(b.reward_interval))


def _conditions(both: _Both) -> Iterator[Change]:
    for kind, what in ((t.Skip, "skip"), (t.Mask, "mask")):
        (gone, come) = _gone(both.a, both.b, kind), _gone(both.b, both.a, kind)
        if len(gone) == len(come) == 1:
            through = both.lets if gone == come else ()
            yield Change(what, "", "when", gone[0], come[0], through=tuple(sorted(through)))
            continue
        yield from (Change(what, "", "", node, None) for node in gone)
        yield from (Change(what, "", "", None, node) for node in come)


def _gone(side: Side, other: Side, kind: type[t.Skip] | type[t.Mask]) -> list[str]:
    """The conditions of one side that the other does not have."""
    known = {other.meant(value) for value in _values(other, kind)}
    pairs = zip(_values(side, kind), side.statements(kind), strict=True)
    return [text(node.condition) or "" for value, node in pairs if side.meant(value) not in known]


def _values(side: Side, kind: type[t.Skip] | type[t.Mask]) -> tuple[Value, ...]:
    return side.spec.skips if kind is t.Skip else side.spec.masks


def _advantage(both: _Both) -> Iterator[Change]:
    one, other = both.a.spec.advantage, both.b.spec.advantage
    names = [x.name if x else None for x in (one, other)]
    if names[0] != names[1]:
        yield Change("advantage", "", "normalizer", names[0], names[1])
    old, new = _options(both.a), _options(both.b)
    written = {name for x in (one, other) if x for name in x.options}
    for option in dict.fromkeys((*old, *new)):
        # another normalizer has its own defaults: only what is written out is told then
        if old.get(option) != new.get(option) and (names[0] == names[1] or option in written):
            yield Change("advantage", "", option, old.get(option), new.get(option))
    scales = [x.scale if x else None for x in (one, other)]
    nodes = _entry(both.a, "scale"), _entry(both.b, "scale")
    if scales[0] and scales[1]:
        yield from both.pair(scales[0], scales[1], nodes, ("advantage", "", "scale"))
    elif scales[0] or scales[1]:
        yield Change("advantage", "", "scale", text(nodes[0]), text(nodes[1]))


def _entry(side: Side, option: str) -> t.Node | None:
    entries = [e for s in side.statements(t.Advantage) for e in s.options if e.name == option]
    return entries[0].value if entries else None


def _shown(value: Any) -> str:
    return "as eps" if value is None else str(value)


def _options(side: Side) -> dict[str, str | None]:
    """Every option of the normalizer, with its default where the spec does not give it."""
    advantage: AdvantageSpec | None = side.spec.advantage
    if advantage is None:
        return {}
    given = advantage.options
    profile = given["profile"].data if "profile" in given and given["profile"].op == "constant" else None
    rows = PROFILES.get(advantage.name)
    defaults = resolved(advantage.name, {"profile": profile}) if rows is not None else {}
    found: dict[str, str | None] = {name: _shown(value) for name, value in defaults.items()}
    for name, value in given.items():
        if name == "profile" and profile is not None:
            continue  # the options say what it comes to
        if value.type.is_number and value.interval.constant is not None:
            number = float(value.interval.constant)
            same = name in defaults and defaults[name] == number
            found[name] = _shown(defaults[name]) if same else bare(value.interval)
        else:
            found[name] = value.data if isinstance(value.data, str) else text(_entry(side, name))
    return found


# --- what is expected ------------------------------------------------------------------------------------


def _claims(both: _Both) -> Iterator[Change]:
    old, new = both.a.statements(t.Prove), both.b.statements(t.Prove)
    yield from (Change("claim", "", "", text(claim), None) for claim in old if claim not in new)
    yield from (Change("claim", "", "", None, text(claim)) for claim in new if claim not in old)


def _tests(both: _Both) -> Iterator[Change]:
    old, new = ({s.name: s for s in side.statements(t.Test)} for side in (both.a, both.b))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            part = "content" if name in old and name in new else ""
            yield Change("test", name, part, text(old.get(name)), text(new.get(name)))


_FINDERS: tuple[Callable[[_Both], Iterator[Change]], ...] = (
    _inputs,
    _params,
    _functions,
    _lets,
    _terms,
    _reward,
    _conditions,
    _advantage,
    _claims,
    _tests,
)
