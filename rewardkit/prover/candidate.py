"""A model of z3 as rows that could be: inputs, params, `step`, and what calls return."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import z3

from rewardkit.checker.builtins import FIELDS
from rewardkit.checker.claims import is_measure
from rewardkit.checker.spec import Value
from rewardkit.prover.encode import Applied, Row
from rewardkit.prover.queries import Question
from rewardkit.prover.terms import Known
from rewardkit.prover.texts import Measures, text_with
from rewardkit.prover.writing import RESULT_FLAGS
from rewardkit.types.messages import read_structured
from rewardkit.types.types import Type
from rewardkit.types.values import RunResult, make_result


@dataclass
class RowCandidate:
    """A row: its columns as the spec names them, and the results of calls (and of aggregates held fixed)."""

    name: str
    columns: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    results: list[tuple[Value, Any]] = field(default_factory=list)
    computed: list[tuple[Value, Any]] = field(default_factory=list)  # of constants, as they really are


class CannotBe(Exception):
    """A model that no row can be made of."""


def candidate(question: Question, model: z3.ModelRef, *, fixed: bool) -> tuple[RowCandidate, ...]:
    """The rows of a model. `fixed`: aggregates get what the model says, as a moved row's are held.

    Raises:
        CannotBe: some value of the model has no counterpart.
    """
    reader = _Reader(question, model)
    rows = tuple(RowCandidate(row.name) for row in question.rows)
    for row, made in zip(question.rows, rows, strict=True):
        for home, value, known in question.encoder.sources.values():
            if row.home(value) is not home:
                continue
            if value.op == "step":
                made.step = int(reader.of(known, value.type, row))
            elif value.op == "param":
                made.params.setdefault(value.data, reader.of(known, value.type, row))
            elif value.op == "column":
                made.columns.setdefault(value.data, reader.of(known, value.type, row, value))
        made.computed = question.encoder.computed
        made.results = [
            (applied.value, reader.of(applied.result, applied.value.type, row))
            for applied in question.encoder.applied
            if row.home(applied.value) is applied.row
            and not follows(applied)
            # given null it is not called, and null by that
            and not any(reader.value(arg.null) for arg in applied.args)
        ]
        if fixed:
            made.results += [
                (value, reader.of(known, value.type, row))
                for value, home, known in question.encoder.aggregates
                if row.home(value) is home
            ]
    return rows


def follows(applied: Applied) -> bool:
    """Whether a result follows from values that are given: a measure, a length, an item, a fold."""
    return applied.key[0] != "call" or is_measure(applied.value) or applied.key[1] == "len"


def _homes(row: Row) -> list[Row]:
    """The row and what it shares, its own first."""
    found: list[Row] = []
    here: Row | None = row
    while here is not None:
        found.append(here)
        here = here.shared
    return found


def value_of(model: z3.ModelRef, term: Any) -> Any:
    """A term's truth or number in a model; a number that is not rational is rounded."""
    if isinstance(term, bool):
        return term
    found = model.eval(term, model_completion=True)
    if z3.is_bool(found):
        return z3.is_true(found)
    if z3.is_algebraic_value(found):
        found = found.approx(30)
    return Fraction(found.as_fraction()) if z3.is_rational_value(found) else Fraction(found.as_long())


class _Reader:
    """Values of a model in Python. Texts and lists are numbers there: equal ones have one number."""

    def __init__(self, question: Question, model: z3.ModelRef) -> None:
        self.question, self.model = question, model
        encoder = question.encoder
        self.literals: Mapping[int, Any] = {number: key for key, number in encoder.literals.items()}
        self.names: dict[tuple[str, int], int] = {}

    def value(self, term: Any) -> Any:
        return value_of(self.model, term)

    def of(self, known: Known, type_: Type, row: Row, source: Value | None = None) -> Any:
        if self.value(known.null):
            return None
        found = self.value(known.term)
        kind = type_.kind
        if kind == "bool":
            return bool(found)
        if kind == "int":
            return int(found)
        if kind == "real":
            return _float(found)
        number = int(found)
        literal = self.literals.get(number)
        if literal is not None and fits(literal[1], type_):
            return _literal(literal[1], type_)
        if kind == "text":
            name = self.names.setdefault(("text", number), len(self.names))
            return text_with(self._measures(known, row, source), f"t{name}")
        if kind == "result":
            return self._result(number)
        found, problem = read_structured(json.dumps(self._built(known, type_.required, row)), type_.required)
        if problem is not None:
            raise CannotBe
        return found

    def _built(self, known: Known, type_: Type, row: Row) -> Any:
        """A value as JSON: with the items and fields that the model says something of, else unlike others."""
        if type_.kind in ("text", "bool", "int", "real"):
            return self.of(known, type_, row)
        number = int(self.value(known.term))
        name = self.names.setdefault((str(type_), number), len(self.names))
        if type_.kind == "message":
            parts = {
                key: self._built(part, FIELDS["message"][key], row)
                for key, part in self._fields(number, type_)
            }
            calls = {"tool_calls": parts["calls"]} if parts.get("calls") else {}
            return {"role": parts.get("role", "user"), "content": parts.get("text", f"t{name}"), **calls}
        if type_.kind == "call":
            parts = {
                key: self._built(part, FIELDS["call"][key], row) for key, part in self._fields(number, type_)
            }
            return {"name": parts.get("name", f"f{name}"), "arguments": parts.get("arguments", {})}
        return self._list(known, type_, row, name) if type_.kind == "list" else _plain(type_, name)

    def _list(self, known: Known, type_: Type, row: Row, name: int) -> list[Any]:
        assert type_.item is not None
        number = int(self.value(known.term))
        items: dict[int, Known] = {}
        for applied in self._parts("index", number, type_):
            if not self.value(applied.args[1].null) and not self.value(applied.result.null):
                items[int(self.value(applied.args[1].term))] = applied.result
        length = self._measures(known, row, None, type_).length
        if length is None:
            length = max([1, *(at + 1 if at >= 0 else -at for at in items)])
        if length > 64 or any(not -length <= at < length for at in items):
            raise CannotBe
        out = [_plain(type_.item, name)] * length
        for at, item in items.items():
            out[at] = self._built(item, type_.item, row)
        return out

    def _fields(self, number: int, type_: Type) -> list[tuple[str, Known]]:
        found = self._parts("field", number, type_)
        return [
            (applied.value.data, applied.result) for applied in found if not self.value(applied.result.null)
        ]

    def _parts(self, op: str, number: int, type_: Type) -> list[Applied]:
        """The uses of an item or field of the value with this number."""
        return [
            applied
            for applied in self.question.encoder.applied
            if applied.key[0] == op
            and applied.value.args[0].type.required == type_
            and not self.value(applied.args[0].null)
            and self.value(applied.args[0].term) == number
        ]

    def _result(self, number: int) -> RunResult:
        """A result of tests, with the fields that the model says something of."""
        found: dict[str, Any] = {}
        for applied in self.question.encoder.applied:
            is_of = applied.key[0] == "field" and applied.value.args[0].type.kind == "result"
            if is_of and self.value(applied.args[0].term) == number:
                null = self.value(applied.result.null)
                found[applied.value.data] = None if null else self.value(applied.result.term)
        share = Fraction(found.get("share", 0))
        passed = int(found.get("passed", share.numerator))
        if "passed" in found and share and "total" not in found:
            found["total"] = Fraction(passed) / share
        total = int(found.get("total", share.denominator if share else max(passed, 1)))
        if "passed" not in found:
            passed = int(share * total)
        first = found.get("first_failing")
        if first is not None:
            first = int(first)
            if "passed" not in found:  # enough of them, in the share that is said
                times = -(-first // passed) if passed else 1
                passed, total = (max(passed, first), total) if not share else (passed * times, total * times)
            total = max(total, passed + 1) if "total" not in found and not share else total
        elif "first_failing" in found and passed < total:
            passed, total = (passed, passed) if {"passed", "share"} & found.keys() else (total, total)
        flags = {name: bool(found.get(name, False)) for name in RESULT_FLAGS}
        try:
            return make_result(passed, total, **flags, first_failing=first)
        except ValueError:
            raise CannotBe from None

    def _measures(self, known: Known, row: Row, source: Value | None, type_: Type | None = None) -> Measures:
        """How long a text or list is, by the model."""
        found = Measures()
        homes = _homes(row)
        number = self.value(known.term)
        for applied in self.question.encoder.applied:
            name = applied.key[1] if applied.key[0] == "call" else ""
            if name not in ("chars", "words", "lines", "len") or applied.row not in homes:
                continue
            if self.value(applied.args[0].null) or self.value(applied.args[0].term) != number:
                continue
            kind = source.type.kind if source is not None else type_.kind if type_ is not None else None
            # numbers of texts and of lists are apart: they only mean the same within one type
            if kind is not None and kind != applied.value.args[0].type.kind:
                continue
            self._note(found, "length" if name == "len" else name, applied.result)
        if source is not None:
            for home, value, result in self.question.encoder.sources.values():
                measured = value.op == "call" and value.args and value.args[0].path == source.path
                if home in homes and measured:
                    self._note(found, value.data.function.name, result)
        return found

    def _note(self, found: Measures, name: str, result: Known) -> None:
        setattr(found, name, int(self.value(result.term)))


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise CannotBe from None


def fits(value: Any, type_: Type) -> bool:
    """Whether a constant is of the type: values of two types may have one number, which means nothing."""
    if isinstance(value, tuple):
        item = type_.item
        return type_.kind == "list" and all(item is not None and fits(one, item) for one in value)
    if isinstance(value, Fraction):
        return type_.is_number
    return type_.kind == ("bool" if isinstance(value, bool) else "text")


def _literal(value: Any, type_: Type) -> Any:
    if isinstance(value, tuple):
        return tuple(_literal(item, type_) for item in value)
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


def _plain(type_: Type, name: int) -> Any:
    """A value as JSON that differs from those with another name."""
    kind = type_.kind
    if kind == "list":
        assert type_.item is not None
        return [_plain(type_.item, name)]
    simple: dict[str, Any] = {
        "bool": bool(name % 2),
        "int": name,
        "real": float(name),
        "text": f"t{name}",
        "json": {"x": name},
        "message": {"role": "user", "content": f"t{name}"},
        "call": {"name": f"f{name}", "arguments": {}},
        "testcase": {"input": f"t{name}"},
    }
    if kind not in simple:
        raise CannotBe
    return simple[kind]
