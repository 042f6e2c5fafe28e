"""Well-typed specs, drawn by type."""

from dataclasses import dataclass, field, replace
from typing import Any

from batches import HEADER
from hypothesis import strategies as st


@st.composite
def specs(draw: st.DrawFn, scopes: tuple[str, ...] = ("group", "group", "batch")) -> str:
    """The text of a spec that passes the check."""
    write = _Writer(draw, scopes)
    lines = [HEADER]
    before = _Writer(draw, (), aggregates=False)
    for _ in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):  # a let that a skip reads
            kind = draw(st.sampled_from(["bool", "int", "real?", "text?"]))
            name = f"l{9 - len(lines)}"
            lines.append(f"let {name} = {before.of(kind, 2)}")
            for writer in (before, write):
                writer.names.setdefault(kind, []).append(name)
        lines.append(f"skip when {before.of('bool', 2)}")
    for k in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["bool", "int", "real", "text", "int?", "real?", "text?", "bool?"]))
        declared = draw(st.sampled_from(["", f": {kind}"]))
        if kind == "int" and draw(st.booleans()):
            kind, declared = "real", ": real"
            lines.append(f"let l{k}{declared} = {write.of('int', 2)}")
        else:
            lines.append(f"let l{k}{declared} = {write.of(kind, 3)}")
        write.names.setdefault(kind, []).append(f"l{k}")
    terms = []
    for k in range(draw(st.integers(1, 3))):
        lines.append(write.term(f"term{k}"))
        terms.append(f"term{k}")
    lines.append("reward { " + "  ".join(f"{name}: {write.weight()}" for name in terms) + " }")
    if draw(st.integers(0, 3)) == 0:
        lines.append(f"mask when {_Writer(draw, (), aggregates=False).of('bool', 2)}")
    if draw(st.integers(0, 3)) == 0:
        scale = write.one(
            f"mean({write.of('real', 2)}) over group",
            f"((max({write.of('real', 1)} where {write.of('bool', 1)}) over group) ?? 1)",
            "hardness",
            "(1 - hardness) * prompted",
            f"(if prompted > 4 then {write.one('1', '2.5')} else hardness)",
        )
        lines.append(f"advantage grpo {{ scale: {scale} }}")
    return "\n".join(lines)


_NAMES = {
    "bool": ["b", "on", "completion.finished"],
    "int": [
        "i",
        "small",
        "completion.words",
        "completion.lines",
        "prompted",
        "step",
        "rounds",
        "rounds_wanted",
    ],
    "real": ["r", "wide", "scale", "share", "odds", "hardness"],
    "text": ["s", "completion.text", "prompt.text", "mode"],
    "tokens": ["completion.tokens", "budget"],
    "int?": ["n"],
    "real?": ["q", "rate"],
    "text?": ["t", "completion.reasoning", "topic"],
    "bool?": ["c"],
    "chars": ["completion.chars", "prompt.chars"],
    "seconds": ["time"],
    "calls": ["calls", "gold"],
    "texts": ["words"],
    "share": ["share", "hardness"],  # of the reals, those in [0, 1]
    "positive": ["rounds", "rounds_wanted", "odds"],  # of the numbers, those above 0
}
_CONSTANTS = {
    "bool": ["true", "false"],
    "int": ["0", "1", "-2", "3", "9223372036854775807"],
    "real": ["0.0", "0.5", "-1.5", "1e300", "0.1"],
    "text": ['""', '"a"', '"4"', 'r"\\boxed{4}"'],
    "tokens": ["4tok", "0tok"],
    "chars": ["3ch"],
    "seconds": ["1.5s", "0s"],
    "texts": ['["a", ""]'],
    "share": ["0.5", "0", "1"],
    "positive": ["2", "0.3"],
}


@dataclass
class _Writer:
    draw: Any
    scopes: tuple[str, ...]
    names: dict[str, list[str]] = field(default_factory=lambda: {k: list(v) for k, v in _NAMES.items()})
    aggregates: bool = True
    folds: int = 0

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def inside(self, aggregates: bool | None = None, **names: str) -> "_Writer":
        """A writer that knows more names, by kind."""
        known = {kind: list(words) for kind, words in self.names.items()}
        for name, kind in names.items():
            for words in known.values():
                while name in words:
                    words.remove(name)
            known.setdefault(kind, []).append(name)
        return replace(self, names=known, aggregates=self.aggregates if aggregates is None else aggregates)

    def of(self, kind: str, depth: int) -> str:
        """An expression of a kind that stands anywhere an operand does."""
        required = kind.rstrip("?")
        if depth <= 0 or self.draw(st.integers(0, 4)) == 0:
            words = [*self.names.get(kind, ()), *_CONSTANTS.get(kind, ())]
            if kind.endswith("?"):
                words = [*self.names.get(kind, ()), f"(if b then {self.of(required, 0)} else null)"]
            return str(self.one(*words))
        if kind.endswith("?"):
            return self.optional(required, depth - 1)
        general = [self._if, self._coalesce, self._narrowed, getattr(self, "_" + kind)]
        return str(self.one(*general, *[getattr(self, "_" + kind)] * 5)(kind, depth - 1))

    # --- any kind ----------------------------------------------------------------------------------

    def _if(self, kind: str, depth: int) -> str:
        return f"(if {self.of('bool', depth)} then {self.of(kind, depth)} else {self.of(kind, depth)})"

    def _coalesce(self, kind: str, depth: int) -> str:
        left = self.of(f"{kind}?", depth) if f"{kind}?" in _NAMES else self.of(kind, depth)
        return f"({left} ?? {self.of(kind, depth)})"

    def _narrowed(self, kind: str, depth: int) -> str:
        """A test against null, and the name as a value where it settles it."""
        optional = self.one("int?", "real?", "text?", "bool?")
        name = self.one(*(self.names[optional] or [None]))
        if name is None:
            return self.of(kind, depth)
        known = self.inside(**{name: optional.rstrip("?")})
        if kind == "bool" and self.draw(st.booleans()):
            shape = self.one("({n} != null and {x})", "({n} == null or {x})")
            return str(shape.format(n=name, x=known.of("bool", depth)))
        if self.draw(st.booleans()):
            return f"(if {name} == null then {self.of(kind, depth)} else {known.of(kind, depth)})"
        return f"(if {name} != null then {known.of(kind, depth)} else {self.of(kind, depth)})"

    def optional(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [lambda: f"(if {x('bool', depth)} then {x(kind, depth)} else null)"]
        shapes.append(lambda: f"(if {x('bool', depth)} then {x(kind + '?', depth)} else {x(kind, depth)})")
        if kind == "text":
            shapes += [
                lambda: f"math.boxed({x('text', depth)})",
                lambda: f"words[{x('int', depth)}]",
                lambda: f"completion.messages[{x('int', 0)}].text",
                lambda: f"text.{self.one('before', 'after')}({x('text', depth)}, {x('text', 0)}, last: true)",
                lambda: f'text.between({x("text", depth)}, "a", {x("text", 0)})',
                lambda: f'text.find({x("text", depth)}, "[0-9](.)?")',
                lambda: f'format.tag({x("text", depth)}, "answer")',
                lambda: f"format.code_block({x('text', depth)})",
                lambda: f"math.answer({x('text', depth)})",
                lambda: f"{x('texts', depth)}[{x('int', 0)}]",
                lambda: f"calls[{x('int', 0)}].name",
            ]
        if kind == "int":
            shapes += [lambda: f"xs[{x('int', 0)}]", lambda: f"probe.half({x('int', depth)})"]
        if kind == "real":
            shapes.append(lambda: f"math.number({x('text', depth)})")
            shapes.append(lambda: f"tools.match({self.calls(depth)}, gold)")
            shapes.append(lambda: f'tools.argument_match({self.calls(depth)}, gold, "greedy")')
        if kind == "bool":
            shapes.append(lambda: f"tools.same({self.calls(depth)}, {self.one('gold', 'calls')})")
        if kind in ("int", "real") and self.aggregates:
            shapes.append(lambda: self.over("min", kind, depth, where=True))
        if kind == "real" and self.aggregates:
            shapes.append(lambda: self.over("std", "real", depth))
            shapes.append(lambda: self.over("rank", "int", depth, where=True))
        return str(self.one(*shapes)())

    # --- by kind -----------------------------------------------------------------------------------

    def _bool(self, kind: str, depth: int) -> str:
        x = self.of
        number = self.one("int", "real", "tokens", "chars", "seconds")
        shapes = [
            lambda: f"(not {x('bool', depth)})",
            lambda: f"({x('bool', depth)} {self.one('and', 'or')} {x('bool', depth)})",
            lambda: f"({x(number, depth)} {self.one('<', '<=', '>', '>=', '==', '!=')} {x(number, depth)})",
            lambda: f"({x('int', depth)} {self.one('<', '==')} {x('real', depth)})",
            lambda: f"({x('text', depth)} {self.one('==', '!=')} {x('text', depth)})",
            lambda: f"({x(self.one('int?', 'real?', 'text?', 'bool?'), depth)} {self.one('==', '!=')} null)",
            lambda: f"text.contains({x('text', depth)}, {x('text', depth)})",
            lambda: f'text.matches({x("text", depth)}, "^a?b")',
            lambda: f"failed({x(self.one('int', 'real', 'bool', 'text', 'real?', 'tokens'), depth)})",
            lambda: f'format.tags({x("text", depth)}, ["think", "answer"])',
            lambda: f"format.json({x('text', depth)})",
            lambda: f'text.one_of({x("text", depth)}, ["a", "4"])',
            lambda: f"(tools.same({self.calls(depth)}, gold) ?? {x('bool', 0)})",
            lambda: f"(calls {self.one('==', '!=')} gold)",
            lambda: self.fold(self.one("any", "all"), "bool", depth),
            lambda: f"probe.even({x('int', depth)})",
        ]
        if self.aggregates:
            shapes.append(lambda: self.over(self.one("any", "all"), "bool", depth))
        return str(self.one(*shapes)())

    def _int(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [
            lambda: f"({x('int', depth)} {self.one('+', '-', '*')} {x('int', depth)})",
            lambda: f"(-{x('int', depth)})",
            lambda: f"abs({x('int', depth)})",
            lambda: f"{self.one('min', 'max')}({x('int', depth)}, {x('int', depth)})",
            lambda: f"clamp({x('int', depth)}, min({x('int', depth)}, 3), 3)",
            lambda: f"{self.one('round', 'floor', 'ceil')}({x('real', depth)})",
            lambda: f"len({self.one('words', 'xs', 'completion.messages')})",
            lambda: f"text.count({x('text', depth)}, {x('text', depth)})",
            lambda: f"len({x('texts', depth)})",
            lambda: f"len({self.calls(depth)} ?? [])",
            lambda: f"round({x('share', depth)} * {x('int', 0)})",
            lambda: self.related_int(depth),
            lambda: f"probe.flaky({x('int', depth)})",
            lambda: f"probe.length({x('text', depth)})",
            lambda: f"probe.read({x('text', depth)})",
            lambda: self.fold(self.one("sum", "count"), self.one("int", "bool"), depth),
            lambda: f"({self.fold(self.one('min', 'max'), 'int', depth)} ?? {x('int', 0)})",
        ]
        if self.aggregates:
            shapes += [
                lambda: self.over("count", self.one("", "bool", "int?", "text?"), depth),
                lambda: self.over("sum", self.one("int", "bool", "int?"), depth),
                lambda: self.over(self.one("min", "max"), "int", depth),
            ]
        return str(self.one(*shapes)())

    def _real(self, kind: str, depth: int) -> str:
        x = self.of
        mixed = self.one("int", "real")
        shapes = [
            lambda: f"({x('real', depth)} {self.one('+', '-', '*')} {x(mixed, depth)})",
            lambda: f"({x(mixed, depth)} / {self.one('2', '0.3', '-7')})",
            lambda: f"({x(mixed, depth)} / max(abs({x('real', depth)}), 0.5))",
            lambda: f"({x('tokens', depth)} / budget)",
            lambda: f"({x('chars', depth)} / max({x('chars', depth)}, 1ch))",
            lambda: f"({x('seconds', depth)} / {self.one('2.5s', '0.1s')})",
            lambda: f"(({x('tokens', depth)} * {x('share', 0)}) / budget)",
            lambda: f"({x(mixed, depth)} / {x('positive', depth)})",
            lambda: x("share", depth),
            lambda: x("share", depth),
            lambda: self.tested(depth),
            lambda: f"log({x('positive', depth)})",
            lambda: f"sqrt({x('positive', depth)})",
            lambda: f"(tools.match({self.calls(depth)}, gold) ?? -3)",
            lambda: f"length.target({x('tokens', depth)}, budget, {x('share', 0)})",
            lambda: f"length.cosine({x('tokens', depth)}, budget, {x('real', 0)}, {x('share', 0)})",
            lambda: f"length.cosine({x('positive', 0)}, 3, 1, 0.5)",
            lambda: f"cos({x('share', depth)} * {self.one('3', '5', '-2')})",
            lambda: f"({x('real', depth)} - {x('real', 0)})",
            lambda: f"(-{x('real', depth)})",
            lambda: f"abs({x('real', depth)})",
            lambda: f"{self.one('min', 'max')}({x('real', depth)}, {x(mixed, depth)})",
            lambda: f"clamp({x('real', depth)}, min({x(mixed, depth)}, 3), 3)",
            lambda: f"sqrt(abs({x('real', depth)}))",
            lambda: f"exp({x('real', depth)})",
            lambda: f"log(max({x('real', depth)}, 0.1))",
            lambda: f"{self.one('tanh', 'sigmoid', 'cos')}({x('real', depth)})",
            lambda: f"ramp({x(mixed, depth)}, -1, 2.5)",
            lambda: f"length.overlong({x('tokens', depth)}, 20tok, budget)",
            lambda: f"text.similarity({x('text', depth)}, {x('text', depth)})",
            lambda: f"probe.third({x('real', depth)})",
            lambda: self.fold("sum", "real", depth),
            lambda: f"({self.fold('mean', self.one('int', 'real'), depth)} ?? {x('real', 0)})",
        ]
        if self.aggregates:
            shapes += [
                lambda: self.over(self.one("mean", "sum", "min"), "real", depth),
                lambda: self.over("mean", self.one("int", "bool"), depth),
                lambda: self.over("rank", self.one("int", "real"), depth),
            ]
        return str(self.one(*shapes)())

    def _text(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [
            lambda: f"text.{self.one('lower', 'strip')}({x('text', depth)})",
            lambda: f"({x('text?', depth)} ?? {x('text', depth)})",
            lambda: f"probe.shout({x('text', depth)})",
        ]
        return str(self.one(*shapes)())

    def _texts(self, kind: str, depth: int) -> str:
        text = self.of("text", depth)
        return str(self.one(f"text.lines({text})", f'text.find_all({text}, "[a-z]+")', "words"))

    def _share(self, kind: str, depth: int) -> str:
        """A number that the checker must know to lie in [0, 1]: a spec stands on it further down."""
        x, part = self.of, self.one("share", "positive")
        a, b = f"abs({x('real', 0)})", x(part, 0)
        shapes = [
            lambda: f"(1 - {x('share', depth)})",
            lambda: f"({x('share', depth)} * {x('share', depth)})",
            lambda: f"clamp({x('real', depth)}, 0, 1)",
            lambda: f"min({x('share', depth)}, 0.5)",
            lambda: f"({a} / max({a} + {b}, 1))",
            lambda: f"(abs({b} - {a}) / max({a}, {b}, 1))",
            lambda: f"(scale / 2 * {x('share', depth)} + (1 - scale / 2) * {x('share', depth)})",
            lambda: f"text.similarity({x('text', depth)}, {x('text', 0)})",
            lambda: f"text.repetition({x('text', depth)}, n: 2)",
            lambda: f'text.script_share({x("text", depth)}, "Latin")',
            lambda: f'format.tag_count({x("text", depth)}, ["think", "answer"])',
            lambda: f"tools.name_match({self.one('calls', 'gold')}, gold)",
            lambda: f"ramp({x('real', depth)}, 0, {self.one('1', 'odds + 0.5')})",
            lambda: f"(length.overlong({x('tokens', depth)}, 20tok, budget) + 1)",
            lambda: f"(-length.cosine({x('tokens', depth)}, budget, -1, 0))",
            lambda: self.f1(depth),
            lambda: f"(sigmoid({x('share', depth)}) * {x('share', depth)})",
        ]
        if self.aggregates:
            value = self.elsewhere().of(self.one("int", "real"), 1)
            if " for " in value:  # whether two folds are the same is not looked at
                value = "i"
            condition = self.elsewhere().of("bool", 1)
            over = self.one(*self.scopes)
            shapes += [
                lambda: f"(count({condition}) over {over} / count() over {over})",
                lambda: f"(((rank({x('positive', 0)}) over {over}) - 1) / max(count() over {over} - 1, 1))",
                lambda: f"(1 / count() over {over})",
                lambda: f"({b} / (sum({b}) over {over}))" if part == "positive" else "share",
                lambda: f"tanh((max({value}) over {over}) - (min({value}) over {over}))",
            ]
        return str(self.one(*shapes)())

    def f1(self, depth: int) -> str:
        p, r = self.of("share", 0), self.of("share", depth)
        return f"(if {p} + {r} > 0 then 2 * {p} * {r} / ({p} + {r}) else 0)"

    def _positive(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [
            lambda: f"max({x('real', depth)}, 0.5)",
            lambda: f"({x('positive', depth)} + {x('share', depth)})",
            lambda: f"(1 + {x('share', depth)})",
            lambda: f"(2.5 - {x('share', depth)})",
            lambda: f"clamp({x('real', depth)}, 0.25, 4)",
            lambda: f"exp({x('share', depth)})",
        ]
        if self.aggregates:
            shapes.append(lambda: f"count() over {self.one(*self.scopes)}")
            shapes.append(lambda: f"(sum(rounds) over {self.one(*self.scopes)})")
        return str(self.one(*shapes)())

    def tested(self, depth: int) -> str:
        """A number that a comparison with a constant has narrowed, in a denominator."""
        name = self.one(
            *self.names["int"], *self.names["real"], "len(words)", "(i + small)", "(share * odds)"
        )
        n = name if name.startswith("(") else f"({name})"
        test = self.one(f"{n} > 0", f"{n} < 0", f"not ({n} <= 0)", f"0 < {n} and {n} < 9", f"{n} == 2")
        other = self.of("real", depth)
        return f"(if {test} then {self.of('real', 0)} / {n} else {other})"

    def related_int(self, depth: int) -> str:
        a, b = self.of("int", depth), self.of("int", 0)
        return str(self.one(f"(max({a}, {b}) - {a})", f"({b} * {b})", f"({a} - {a})", f"({b} - min({b}, 0))"))

    def calls(self, depth: int) -> str:
        """A `list[call]`, or one that may be null."""
        return str(self.one("calls", "gold", f"tools.parse({self.of('text', depth)})"))

    def _tokens(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [
            lambda: f"({x('tokens', depth)} {self.one('+', '-')} {x('tokens', depth)})",
            lambda: f"({x('tokens', depth)} * small)",
            lambda: f"max({x('tokens', depth)}, {x('tokens', depth)})",
            lambda: f"round({x('tokens', depth)} * {x('share', 0)})",
        ]
        if self.aggregates:
            shapes.append(lambda: self.over("max", "tokens", depth))
        return str(self.one(*shapes)())

    def _chars(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [
            lambda: f"len({x('text', depth)})",
            lambda: f"({x('chars', depth)} {self.one('+', '-')} {x('chars', depth)})",
            lambda: f"min({x('chars', depth)}, 40ch)",
        ]
        return str(self.one(*shapes)())

    def _seconds(self, kind: str, depth: int) -> str:
        x = self.of
        shapes = [
            lambda: f"({x('seconds', depth)} {self.one('+', '-')} {x('seconds', depth)})",
            lambda: f"({x('seconds', depth)} * {x('share', depth)})",
            lambda: f"abs({x('seconds', depth)})",
            lambda: f"({x('seconds', depth)} / {x('positive', 0)})",
        ]
        if self.aggregates:
            shapes.append(lambda: self.over("mean", "seconds", depth))
        return str(self.one(*shapes)())

    # --- aggregates, folds, statements ---------------------------------------------------------------

    def over(self, function: str, kind: str, depth: int, where: bool = False) -> str:
        other = self.elsewhere()
        value = other.of(kind, depth) if kind else ""
        if where:
            value += f" where {other.of('bool', depth)}"
        if kind.endswith("?") and function == "sum" and self.draw(st.booleans()):
            value += f" where {other.of('bool', depth)}"
        return f"({function}({value}) over {self.one(*self.scopes)})"

    def elsewhere(self) -> "_Writer":
        """A writer of what every row knows."""
        return replace(self, names={k: list(_NAMES.get(k, ())) for k in _NAMES} | self._lets())

    def _lets(self) -> dict[str, list[str]]:
        """What is not an item nor narrowed: other rows do not share that."""
        return {
            kind: [w for w in words if w in _NAMES.get(kind, ()) or w[0] == "l" or w.startswith("term")]
            for kind, words in self.names.items()
        }

    def fold(self, function: str, kind: str, depth: int) -> str:
        self.folds += 1
        item = f"x{self.folds}"
        inner = {"words": {item: "text"}, "xs": {item: "int"}}
        over = self.one("words", "xs", "completion.messages")
        names = inner.get(over) or {f"{item}.{self.one('text', 'role')}": "text"}
        writer = self.inside(aggregates=False, **names)
        if over == "completion.messages" and self.draw(st.booleans()):
            writer.names["bool"].append(f'any(c{item}.name == "tool" for c{item} in {item}.calls)')
        body = writer.of(kind, depth)
        where = f" where {writer.of('bool', depth)}" if self.draw(st.booleans()) else ""
        self.folds = writer.folds
        return f"{function}({body} for {item} in {over}{where})"

    def term(self, name: str) -> str:
        kind = self.one("bool", "int", "real")
        value, range_, gate, optional = self.of(kind, 3), "", "", False
        if kind == "real" and self.draw(st.booleans()):
            range_, value = " in [-1, 1]", f"clamp({value}, -1, 1)"
        elif kind == "real" and self.draw(st.booleans()):
            range_, value = " in [0, 1]", self.of("share", 3)
        if self.draw(st.booleans()):
            gate = f" when {self.of('bool', 2)}"
            other = self.one("", "", " else null", " else 1", " else real")
            optional = other == " else null"
            if other == " else real":
                other, kind = f" else clamp({self.of('real', 1)}, 0, 1)", "real"
            gate += other
        kind = "int" if kind == "bool" else kind
        self.names.setdefault(kind + "?" * optional, []).append(name)
        return f"term {name}{range_}{gate} = {value}"

    def weight(self) -> str:
        return str(
            self.one("1", "0.5", "-2", "scale", "0.2 * ramp(step, 0, 10)", "1e300", "(if on then 1 else 0)")
        )
