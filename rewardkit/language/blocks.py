"""Layouts of statements and of the blocks they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rewardkit.language.columns import Cell, Row, columns, with_remarks
from rewardkit.language.concrete import File, Node
from rewardkit.language.document import (
    EMPTY,
    LINE,
    SPACE,
    WIDTH,
    Doc,
    group,
    join,
    nest,
    on_one_line,
    render,
    text,
)  # fmt: skip
from rewardkit.language.layout import Layout

#: the most columns that a name or a field of a sample is moved to the right
_FAR, _FAR_FIELD = 24, 40
_BLOCKS = frozenset(("reward", "advantage", "sample", "test", "group", "rows"))
_DIRECTIONS = frozenset(("increasing", "decreasing", "constant"))

Part = int | Node


@dataclass(frozen=True)
class Block:
    """`HEAD { ITEM … }`"""

    head: tuple[Part, ...]
    items: tuple[Node, ...]
    closing: int


def laid_out(file: File) -> str:
    """The canonical form of a file."""
    lines = Blocks(file).lines(_nodes(file.parts(file.root)), 0, len(file.words))
    return "".join(line + "\n" for line in lines)


class Blocks:
    def __init__(self, file: File) -> None:
        self.file = file
        self.layout = Layout(file)
        self._rules: dict[str, Callable[[Node], Doc]] = {
            **dict.fromkeys(("param", "let", "skip", "mask", "mock"), self._assigned),
            **dict.fromkeys(("prove_condition", "assignment", "entry"), self._assigned),
            **dict.fromkeys(("prove_range", "prove_outranks", "prove_direction"), self._claim),
            "expect": self._claim, "input": self._input, "term": self._term,
            "define": self._function, "extern": self._function,
        }  # fmt: skip

    # --- blocks ------------------------------------------------------------------------------------

    def lines(self, items: Sequence[Node], indent: int, closing: int) -> list[str]:
        """The items that stand before the word `closing`, and the comments between them."""
        self._align(items, indent)
        rows: list[Row] = []
        for item in items:
            self._remarks(rows, self.file.first(item), indent)
            spaced = self.file.gaps[self.file.first(item)].spaced
            rows.append(Row(self._item(item, indent), spaced and bool(rows)))
        self._remarks(rows, closing, indent)
        return with_remarks(rows)

    def _remarks(self, rows: list[Row], word: int, indent: int) -> None:
        """Adds the comments before a word: to the end of the row above, and as rows."""
        for comment in self.file.gaps[word].comments:
            if comment.own_line:
                rows.append(Row(" " * indent + comment.text, comment.spaced and bool(rows)))
            elif rows:  # else it stands after the brace that opens the block
                rows[-1] = replace(rows[-1], remark=comment.text)

    def _item(self, node: Node, indent: int) -> str:
        block = self._block(node) if node.data in _BLOCKS else None
        if block is None:
            return render(self._statement(node), indent)
        if _keeps_to_a_line(node, block) and _fits(line := self._in_line(block), indent):
            return " " * indent + on_one_line(line)
        first = self.file.first(block.items[0]) if block.items else block.closing
        remarks = self.file.gaps[first].comments
        remark = f"  {remarks[0].text}" if remarks and not remarks[0].own_line else ""
        opening = render(self._plain(block.head), indent) + remark
        inside = self.lines(block.items, indent + 2, block.closing)
        return "\n".join((opening, *inside, " " * indent + self.file.words[block.closing]))

    def _block(self, node: Node) -> Block | None:
        """The parts of a statement with braces."""
        parts = self.file.parts(node)
        options = parts[-1]
        if node.data == "advantage" and not isinstance(options, int):
            parts = [*parts[:-1], *self.file.parts(options)]
        words = [self.layout.word(part) for part in parts]
        if "{" not in words:
            return None
        at = words.index("{") + 1
        return Block(tuple(parts[:at]), _nodes(parts[at:]), self.file.last(node))

    def _in_line(self, block: Block) -> Doc:
        out = [self._plain(block.head)]
        for i, item in enumerate(block.items):
            out += [self.layout.before(item, text("  ") if i else SPACE), self._statement(item)]
        return join((*out, self.layout.before(block.closing, SPACE), self.layout.doc(block.closing)))

    # --- statements --------------------------------------------------------------------------------

    def _statement(self, node: Node) -> Doc:
        rule = self._rules.get(str(node.data))
        return rule(node) if rule else self._plain(self.file.parts(node))

    def _plain(self, parts: Sequence[Part]) -> Doc:
        """Words and phrases with a space between them, but none before a colon."""
        head, *rest = parts
        return join((self.layout.doc(head), *self._following(rest)))

    def _following(self, parts: Sequence[Part]) -> list[Doc]:
        tight = [self.layout.word(part) == ":" or _is(part, "result_type") for part in parts]
        return [self._joined(part, EMPTY if t else SPACE) for part, t in zip(parts, tight, strict=True)]

    def _joined(self, part: Part, separator: Doc) -> Doc:
        return nest(join((self.layout.before(part, separator), self.layout.doc(part))))

    def _assigned(self, node: Node) -> Doc:
        """`… = EXPR` and the like: an expression at the end."""
        *head, last = self.file.parts(node)
        return join((self._plain(head), self.layout.after(_node(last))))

    def _input(self, node: Node) -> Doc:
        parts = self.file.parts(node)
        return group(join((self._plain(parts[:4]), *(self._joined(part, LINE) for part in parts[4:]))))

    def _term(self, node: Node) -> Doc:
        """The gate, its `else` and the `=` on lines of their own where they do not fit on one."""
        *head, equals, last = self.file.parts(node)
        gate = head.pop() if _is(head[-1], "gate") else None
        if gate is None:
            return self._assigned(node)
        out = [self._plain(head)]
        when, condition, *otherwise = self.file.parts(_node(gate))
        clauses = [(when, condition)]
        if otherwise:
            else_, other = self.file.parts(_node(otherwise[0]))
            clauses.append((else_, other))
        for word, expr in clauses:
            clause = join((self.layout.before(word, LINE), self.layout.doc(word), self._joined(expr, SPACE)))
            out.append(nest(clause))
        whole = join((*out, self._joined(equals, LINE)))
        after = self.layout.after(_node(last))
        return join((group(whole), after)) if _fits(whole, 0) else join((whole, nest(after)))

    def _function(self, node: Node) -> Doc:
        parts = self.file.parts(node)
        words = [self.layout.word(part) for part in parts]
        opening, closing = words.index("("), words.index(")") + 1
        head = (
            self._plain(parts[:opening]),
            nest(self.layout.before(parts[opening], EMPTY)),
            self.layout.brackets(parts[opening:closing]),
        )
        if node.data == "extern":
            return join((*head, *self._following(parts[closing:])))
        return join((*head, *self._following(parts[closing:-1]), self.layout.after(_node(parts[-1]))))

    def _claim(self, node: Node) -> Doc:
        """`prove` and `expect`: what is said of the expression stands on lines of its own if need be."""
        keyword, subject, *rest = self.file.parts(node)
        if not rest:
            return self._assigned(node)
        out = [self.layout.doc(keyword), self._joined(subject, SPACE)]
        before = ""
        for part in rest:
            word = self.layout.word(part)
            begins = word in ("outranks", *_DIRECTIONS) or (word == "in" and before not in _DIRECTIONS)
            out.append(self._joined(part, LINE if begins or _is(part, "tolerance") else SPACE))
            before = word
        return group(join(out))

    # --- columns -----------------------------------------------------------------------------------

    def _align(self, items: Sequence[Node], indent: int) -> None:
        """Makes columns of statements of one kind that stand right below each other."""
        for run in self._runs(items):
            kind = run[0].data
            if kind == "sample":
                self._align_samples(run, indent)
            elif kind in ("let", "term", "entry"):
                fitting = [node if _fits(self._statement(node), indent) else None for node in run]
                left, right = {"let": (0, -2), "term": (0, 2), "entry": (0, -1)}[str(kind)]
                self._column([self._cell(node, left, right) if node else None for node in fitting])
                if kind == "term":
                    self._column([self._range(node) if node else None for node in fitting])

    def _range(self, term: Node) -> Cell | None:
        return self._cell(term, 2, 3) if _is(self.file.parts(term)[2], "within_range") else None

    def _runs(self, items: Sequence[Node]) -> Iterator[list[Node]]:
        """Neighbours of one kind, without an empty line or a comment line between them."""
        run: list[Node] = []
        for item in items:
            gap = self.file.gaps[self.file.first(item)]
            apart = gap.spaced or any(comment.own_line for comment in gap.comments)
            if run and (apart or item.data != run[0].data):
                yield run
                run = []
            run.append(item)
        if run:
            yield run

    def _cell(self, node: Node, left: int, right: int) -> Cell:
        """The parts of a statement from `left` up to `right`, which is to stand in a column."""
        parts = self.file.parts(node)
        return Cell(self._plain(parts[left:right]).flat, self.file.first(parts[right]))

    def _column(self, cells: Sequence[Cell | None]) -> None:
        self.layout.pads.update(columns(cells, _FAR))

    def _align_samples(self, run: Sequence[Node], indent: int) -> None:
        """Their braces, and the fields of neighbours that give the same ones, where every line then fits."""
        blocks = [block for node in run if (block := self._block(node))]
        for fits, neighbours in groupby(blocks, lambda block: _fits(self._in_line(block), indent)):
            if not fits:
                continue
            lines = list(neighbours)
            braces = [Cell(self._plain(b.head[:2]).flat, self.file.first(b.head[2])) for b in lines]
            self._widen(lines, indent, [columns(braces, _FAR)])
            for _, alike in groupby(lines, self._paths):
                self._align_fields(list(alike), indent)

    def _align_fields(self, lines: Sequence[Block], indent: int) -> None:
        pads = []
        for k in range(len(lines[0].items) - 1):
            cells = [Cell(self._statement(b.items[k]).flat, self.file.first(b.items[k + 1])) for b in lines]
            pads.append(columns(cells, _FAR_FIELD))
        self._widen(lines, indent, pads)

    def _paths(self, block: Block) -> tuple[str, ...]:
        return tuple(on_one_line(self.layout.doc(self.file.parts(item)[0])) for item in block.items)

    def _widen(self, lines: Sequence[Block], indent: int, pads: Sequence[dict[int, int]]) -> None:
        added = {word: spaces for column in pads for word, spaces in column.items()}
        self.layout.pads.update(added)
        if not all(_fits(self._in_line(block), indent) for block in lines):
            for word in added:
                del self.layout.pads[word]


def _keeps_to_a_line(node: Node, block: Block) -> bool:
    """Samples, options, a reward of one term, and what is empty."""
    short = node.data in ("sample", "advantage") or (node.data == "reward" and len(block.items) == 1)
    return short or not block.items


def _fits(doc: Doc, indent: int) -> bool:
    return doc.last is None and indent + doc.flat <= WIDTH


def _is(part: Part, rule: str) -> bool:
    return not isinstance(part, int) and part.data == rule


def _node(part: Part) -> Node:
    assert not isinstance(part, int)
    return part


def _nodes(parts: Sequence[Part]) -> tuple[Node, ...]:
    return tuple(part for part in parts if not isinstance(part, int))
