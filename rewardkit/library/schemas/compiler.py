"""From what a schema says to its tests: references, circles, and keywords that are none."""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from rewardkit.library.json_text import ABSENT, follow, steps
from rewardkit.library.schemas.keywords import KEYWORDS
from rewardkit.library.schemas.schema import NEW, SEVEN, Node, Path, SchemaError, never

#: keywords that hold a schema, a list of them, or an object of them
_ONE = {"not", "if", "then", "else", "contains", "items", "additionalItems", "additionalProperties",
        "propertyNames", "unevaluatedItems", "unevaluatedProperties"}  # fmt: skip
_MANY = {"allOf", "anyOf", "oneOf", "prefixItems"}
_NAMED = {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}

#: keywords that say nothing of whether a value is valid; `format` by the standard's default
_SILENT = {"$schema", "$id", "$anchor", "$comment", "$vocabulary", "title", "description", "default",
           "examples", "deprecated", "readOnly", "writeOnly", "format", "contentEncoding",
           "contentMediaType", "contentSchema"}  # fmt: skip

_DRAFTS = {
    "https://json-schema.org/draft/2020-12/schema": NEW,
    "http://json-schema.org/draft-07/schema": SEVEN,
    "https://json-schema.org/draft-07/schema": SEVEN,
}

#: keywords that draft-07 lacks
_NEWER = {"prefixItems", "dependentRequired", "dependentSchemas", "minContains", "maxContains",
          "unevaluatedItems", "unevaluatedProperties"}  # fmt: skip

#: keywords that other drafts and tools know, and what to write for them
_ELSEWHERE = {
    "nullable": 'write `"type": ["string", "null"]`',
    "dependencies": "in draft 2020-12 it is `dependentRequired` or `dependentSchemas`",
    "additionalItems": "in draft 2020-12 it is `items`, behind `prefixItems`",
    "$dynamicRef": "write `$ref`",
    "$recursiveRef": "write `$ref`",
}


def compile_schema(schema: Any) -> Node:
    """A parsed schema as a tree of tests. Raises `SchemaError`."""
    draft = NEW
    if isinstance(schema, dict) and "$schema" in schema:
        name = schema["$schema"]
        draft = _DRAFTS.get(name.rstrip("#"), "") if isinstance(name, str) else ""
        if not draft:
            raise SchemaError("`$schema` is draft 2020-12 or draft-07", ("$schema",))
    compiler = _Compiler(schema, draft)
    root = compiler.node(schema, ())
    compiler.finish()
    return root


@dataclass
class _Compiler:
    """What compiling remembers: each schema is compiled once, so that it may refer to itself."""

    root: Any
    draft: str
    nodes: dict[Path, Node] = field(default_factory=dict)
    open: deque[tuple[Any, Node]] = field(default_factory=deque)
    #: of each schema, those that are put to the same value
    beside: dict[Path, list[tuple[Path, Path]]] = field(default_factory=dict)
    anchors: dict[str, Path] | None = None

    def node(self, schema: Any, path: Path) -> Node:
        if path not in self.nodes:
            if not isinstance(schema, dict | bool):
                raise SchemaError("a schema is an object, `true` or `false`", path)
            self.nodes[path] = Node(path)
            self.open.append((schema, self.nodes[path]))
        return self.nodes[path]

    def same(self, schema: Any, path: Path, at: Path) -> Node:
        """A schema that is put to the value that the one at `at` is put to."""
        node = self.node(schema, path)
        self.beside.setdefault(at, []).append((node.path, path))
        return node

    def finish(self) -> None:
        while self.open:
            schema, node = self.open.popleft()
            self._fill(schema, node)
        self._refuse_circles()

    def _fill(self, schema: Any, node: Node) -> None:
        if isinstance(schema, bool):
            for tests in node.tests.values():
                tests += [] if schema else [never]
            return
        if self.draft == SEVEN and "$ref" in schema:
            schema = {"$ref": schema["$ref"]} | {k: v for k, v in schema.items() if k == "definitions"}
        for keyword in schema:
            self._known(keyword, schema, node.path)
        for keyword, (kinds, make) in KEYWORDS.items():
            if keyword not in schema:
                continue
            said = Said(self, schema, keyword, node.path)
            test = make(said)
            if test is None:
                continue
            if keyword.startswith("unevaluated"):
                node.last.append(test)
            for kind in kinds if not keyword.startswith("unevaluated") else ():
                node.tests[kind].append(test)

    def _known(self, keyword: str, schema: dict[str, Any], path: Path) -> None:
        """Raise `SchemaError` for a keyword that is not one and looks as if it were."""
        old = self.draft == SEVEN and keyword in ("dependencies", "additionalItems")
        if keyword == "$id" and path:
            raise SchemaError("only a whole schema has an `$id` here", (*path, keyword), key=True)
        if keyword in _ELSEWHERE and not old:
            message = f"`{keyword}` is not known: {_ELSEWHERE[keyword]}"
            raise SchemaError(message, (*path, keyword), key=True)
        if self.draft == SEVEN and keyword in _NEWER:
            message = f"`{keyword}` is of draft 2020-12, and `$schema` says draft-07"
            raise SchemaError(message, (*path, keyword), key=True)
        if keyword in KEYWORDS or keyword in _SILENT:
            return
        near = difflib.get_close_matches(keyword, [*KEYWORDS, *_SILENT], n=1, cutoff=0.8)
        if near:
            message = f"`{keyword}` is not a keyword; did you mean `{near[0]}`?"
            raise SchemaError(message, (*path, keyword), key=True)

    def target(self, reference: Any, path: Path) -> tuple[Any, Path]:
        """The schema that a `$ref` names: one of the same text."""
        if not isinstance(reference, str):
            raise SchemaError("a `$ref` is a text", path)
        own = self.root.get("$id", "") if isinstance(self.root, dict) else ""
        base, _, fragment = reference.partition("#")
        if base and base.rstrip("#") != str(own).rstrip("#"):
            raise SchemaError(f"`{reference}` lies outside the schema: nothing is fetched", path)
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            self.anchors = self.anchors if self.anchors is not None else dict(_anchors(self.root))
            if fragment not in self.anchors:
                raise SchemaError(f"there is no `$anchor` named `{fragment}`", path)
            found = self.anchors[fragment]
        else:
            found = self._place(steps(fragment), reference, path)
        return _at(self.root, found), found

    def _place(self, keys: tuple[str, ...], reference: str, path: Path) -> Path:
        value, found = self.root, list[str | int]()
        for key in keys:
            inner = follow(value, (key,))
            if inner is ABSENT:
                raise SchemaError(f"`{reference}` leads nowhere", path)
            found.append(int(key) if isinstance(value, list) else key)
            value = inner
        return tuple(found)

    def _refuse_circles(self) -> None:
        """Raise `SchemaError` where a schema asks of a value nothing but itself."""
        done: set[Path] = set()
        for start in self.beside:
            under_way: dict[Path, Iterator[tuple[Path, Path]]] = {}
            here: Path | None = start
            while here is not None and here not in done:
                under_way.setdefault(here, iter(self.beside.get(here, ())))
                step = next(under_way[here], None)
                if step is None:
                    done.add(here)
                    under_way.pop(here)
                    here = next(reversed(under_way), None)
                elif step[0] in under_way:
                    raise SchemaError("the schema refers to itself without end", here)
                elif step[0] not in done:
                    here = step[0]


@dataclass(frozen=True)
class Said:
    """What a schema says under one keyword."""

    compiler: _Compiler
    schema: dict[str, Any]
    keyword: str
    at: Path

    @property
    def value(self) -> Any:
        return self.schema[self.keyword]

    @property
    def path(self) -> Path:
        return (*self.at, self.keyword)

    def wrong(self, wanted: str) -> SchemaError:
        return SchemaError(f"`{self.keyword}` is {wanted}", self.path)

    def one(self, keyword: str = "") -> Node:
        """The schema under the keyword (or another one), for values inside the value."""
        name = keyword or self.keyword
        return self.compiler.node(self.schema[name], (*self.at, name))

    def beside(self, keyword: str = "") -> Node:
        """The same, for the value itself."""
        name = keyword or self.keyword
        return self.compiler.same(self.schema[name], (*self.at, name), self.at)

    def many(self, *, beside: bool = False) -> list[Node]:
        if not isinstance(self.value, list) or not self.value:
            raise self.wrong("a list of schemas, of which there is one at least")
        return [self._inner(item, i, beside) for i, item in enumerate(self.value)]

    def named(self, *, beside: bool = False) -> dict[str, Node]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object of schemas")
        return {name: self._inner(item, name, beside) for name, item in self.value.items()}

    def _inner(self, item: Any, step: str | int, beside: bool) -> Node:
        path = (*self.path, step)
        return self.compiler.same(item, path, self.at) if beside else self.compiler.node(item, path)

    def count(self) -> int:
        if type(self.value) is not int or self.value < 0:
            raise self.wrong("a whole number that is not negative")
        return self.value

    def number(self) -> int | float:
        if type(self.value) not in (int, float):
            raise self.wrong("a number")
        number: int | float = self.value
        return number

    def texts(self, value: Any, path: Path) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise SchemaError("this is a list of texts", path)
        if len(set(value)) < len(value):
            raise SchemaError("a text is listed twice", path)
        return tuple(value)


def _anchors(schema: Any, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """The names that schemas in a schema have, and where."""
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("$anchor"), str):
        yield schema["$anchor"], path
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield from _anchors(value, (*path, keyword))
        if keyword in _MANY and isinstance(value, list):
            for i, item in enumerate(value):
                yield from _anchors(item, (*path, keyword, i))
        if keyword in _NAMED and isinstance(value, dict):
            for name, item in value.items():
                yield from _anchors(item, (*path, keyword, name))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value
