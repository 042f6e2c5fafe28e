"""Layouts of expressions, types and ranges: where spaces stand, and where a long line may be broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rewardkit.language.concrete import File, Node
from rewardkit.language.document import (
    EMPTY,
    LINE,
    SOFT,
    SPACE,
    Doc,
    group,
    join,
    nest,
    remarks,
    text,
    value,
    wider,
)

_BRACKETS = frozenset(("list_", "parenthesis", "call", "call_where", "call_for", "index"))
_ATOMS = frozenset(("name", "number", "text", "true", "false", "null", "reward_value", "field"))
#: what is broken in its brackets, or nowhere, before it moves to a line of its own
_HUGS = _BRACKETS | _ATOMS | {"over_group", "over_batch"}
_RANGES = ("range_closed", "range_open", "range_left_open", "range_right_open")
_CHAINS = frozenset(("or_op", "and_op", "coalesce_"))
_PHRASES = frozenset(
    ("over_group", "over_batch", "within_range", "string", "from_column", "per_prompt", "tolerance",
     "result_type", "scope_term", "scope_reward", "scope_advantage")
)  # fmt: skip
_TIGHT = frozenset(("field", "path", "type_name", "type_list", "type_name_optional", "type_list_optional"))


class Layout:
    """The layouts of the parts of one file.

    A gap is laid out between the parts that it separates, so that a comment breaks only what it stands in.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.pads: dict[int, int] = {}  #: word -> spaces before it, beyond the usual, that make a column
        self._docs: dict[int, Doc] = {}
        rules: dict[str, Callable[[Node], Doc]] = {
            "if_": self._if, "negation": self._prefix, "minus": self._prefix,
            "named_argument": self._labelled, "parameter": self._labelled, "binary_op": self._chain,
            **dict.fromkeys(_CHAINS, self._chain),
            **dict.fromkeys((*_BRACKETS, *_RANGES), self._brackets),
            **dict.fromkeys(_TIGHT, self._tight),
            **dict.fromkeys((*_ATOMS - {"field"}, *_PHRASES), self._words),
        }  # fmt: skip
        for node in file.root.iter_subtrees():  # from the inside out, so that no nesting is too deep
            rule = rules.get(str(node.data))
            if rule:
                self._docs[id(node)] = rule(node)

    # --- parts -------------------------------------------------------------------------------------

    def doc(self, part: int | Node) -> Doc:
        return text(self.file.words[part]) if isinstance(part, int) else self._docs[id(part)]

    def before(self, part: int | Node, otherwise: Doc) -> Doc:
        """What separates a part from what stands before it: its comments, or else what is given."""
        first = self.file.first(part)
        if self.file.gaps[first].comments:
            return remarks(self.file.gaps[first].comments)
        return wider(otherwise, self.pads.get(first, 0))

    def word(self, part: int | Node) -> str:
        return self.file.words[part] if isinstance(part, int) else ""

    def after(self, part: Node) -> Doc:
        """An expression as what follows `=`."""
        before = self.before(part, SPACE)
        if before.kind == "comments":
            return nest(join((before, self.flush(part))))
        return value(before, self.flush(part), str(part.data) in _HUGS)

    def flush(self, part: int | Node) -> Doc:
        """An expression whose operators stand below its first operand, not deeper."""
        if isinstance(part, int) or not self._is_chain(part):
            return self.doc(part)
        head, rest = self._links(part)
        return group(join((head, *rest)))

    def following(self, parts: Sequence[int | Node], separator: Doc) -> Doc:
        """Parts, with the same before each."""
        return join(doc for part in parts for doc in (self.before(part, separator), self.doc(part)))

    # --- rules -------------------------------------------------------------------------------------

    def _words(self, node: Node) -> Doc:
        head, *rest = self.file.parts(node)
        return join((self.doc(head), *(nest(self.following([part], SPACE)) for part in rest)))

    def _tight(self, node: Node) -> Doc:
        head, *rest = self.file.parts(node)
        return join((self.doc(head), self.following(rest, EMPTY)))

    def _labelled(self, node: Node) -> Doc:
        name, colon, *rest = self.file.parts(node)
        return join((self.doc(name), self.following([colon], EMPTY), nest(self.following(rest, SPACE))))

    def _prefix(self, node: Node) -> Doc:
        operator, operand = self.file.parts(node)
        tight = node.data == "minus" and (isinstance(operand, int) or operand.data != "minus")
        return join((self.doc(operator), nest(self.following([operand], EMPTY if tight else SPACE))))

    def _if(self, node: Node) -> Doc:
        """A chain of `else if` stands in one column."""
        out: list[Doc] = []
        while True:
            if_, condition, then, chosen, else_, otherwise = self.file.parts(node)
            branch = (
                self.doc(if_),
                nest(self.following([condition], SPACE)),
                nest(join((self.before(then, LINE), self.doc(then), nest(self.following([chosen], SPACE))))),
            )
            out += [group(join(branch)), self.before(else_, LINE), self.doc(else_)]
            if isinstance(otherwise, int) or otherwise.data != "if_":
                return group(join((*out, nest(self.following([otherwise], SPACE)))))
            out.append(self.before(otherwise, SPACE))
            node = otherwise

    def brackets(self, parts: Sequence[int | Node]) -> Doc:
        """What stands in brackets, from the opening one to the closing one."""
        opening, *inner, closing = parts
        if not inner or (len(inner) == 1 and self._closes_itself(inner[0])):
            return join((self.doc(opening), self.following((*inner, closing), EMPTY)))
        fills = self.word(opening) == "[" and all(self._is_atom(p) or self.word(p) == "," for p in inner)
        out: list[Doc] = []
        separator = SOFT
        for part in inner:
            word = self.word(part)
            if word == ",":
                out += [self.before(part, EMPTY), self.doc(part)]
                separator = LINE
            elif word in ("where", "for"):
                out += [self.before(part, LINE), self.doc(part)]
                separator = SPACE
            elif separator is SPACE or word == "in":
                out.append(nest(self.following([part], SPACE)))
                separator = SPACE
            else:
                doc = self.flush(part) if len(inner) == 1 else self.doc(part)
                item = join((self.before(part, separator), doc))
                out.append(group(item) if fills and separator is LINE else item)
        return group(
            join((self.doc(opening), nest(join(out)), self.before(closing, SOFT), self.doc(closing)))
        )

    def _closes_itself(self, part: int | Node) -> bool:
        """Whether brackets around a part need no lines of their own: it is in parentheses itself."""
        first, after = self.file.first(part), self.file.last(part) + 1
        bare = not self.file.gaps[first].comments and not self.file.gaps[after].comments
        return bare and not isinstance(part, int) and part.data == "parenthesis"

    def _is_atom(self, part: int | Node) -> bool:
        return not isinstance(part, int) and part.data in _ATOMS

    def _brackets(self, node: Node) -> Doc:
        parts = self.file.parts(node)
        if isinstance(parts[0], int):
            return self.brackets(parts)
        head, opening, *rest = parts
        return join((self.doc(head), self.before(opening, EMPTY), self.brackets((opening, *rest))))

    # --- operators ---------------------------------------------------------------------------------

    def _chain(self, node: Node) -> Doc:
        head, rest = self._links(node)
        return group(join((head, nest(join(rest)))))

    def _is_chain(self, node: Node) -> bool:
        return node.data == "binary_op" or node.data in _CHAINS

    def _links(self, node: Node) -> tuple[Doc, list[Doc]]:
        """The first operand of a chain of equal rank, and each operator with its operand."""
        left_first = node.data != "coalesce_"
        rank = self._rank(node)
        links: list[tuple[int | Node, int | Node]] = []  # operator, operand
        while True:
            left, operator, right = self.file.parts(node)
            following, operand = (left, right) if left_first else (right, left)
            links.append((operator, operand))
            if isinstance(following, int) or self._rank(following) != rank:
                break
            node = following
        operators, operands = [o for o, _ in links], [*(x for _, x in links), following]
        if left_first:
            operators, operands = operators[::-1], operands[::-1]
        rest = [
            join((self.before(o, LINE), self.doc(o), nest(self.following([x], SPACE))))
            for o, x in zip(operators, operands[1:], strict=True)
        ]
        return self.doc(operands[0]), rest

    def _rank(self, node: Node) -> str | None:
        """What operators stand in one chain; `None` for what is no operator with two operands."""
        if node.data != "binary_op":
            return str(node.data) if self._is_chain(node) else None
        operator = self.word(self.file.parts(node)[1])
        return "sum" if operator in "+-" else "product" if operator in "*/" else "comparison"
