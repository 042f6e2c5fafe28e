"""The editor grammar and the VS Code extension agree with the language."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rewardkit.diagnostics import Collector, Source
from rewardkit.language import parse, tree
from rewardkit.language.grammar import parser
from rewardkit.language.sketch import KEYWORDS
from rewardkit.types.types import NAMED, UNITS
from rewardkit.version import __version__

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editors" / "vscode"
GRAMMAR = json.loads((ROOT / "grammar" / "rwd.tmLanguage.json").read_text())
PACKAGE = json.loads((EXTENSION / "package.json").read_text())
CONFIGURATION = json.loads((EXTENSION / "language-configuration.json").read_text())

FENCED = re.compile(r"^```rwd\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
TEXTS = [(ROOT / "tests" / "language" / "kitchen_sink.txt").read_text()]
TEXTS += [
    p.read_text()
    for folder in ("examples", "rewardkit", "benchmarks")
    for p in (ROOT / folder).rglob("*.rwd")
]
TEXTS += [block for p in (ROOT / "docs").rglob("*.md") for block in FENCED.findall(p.read_text())]

#: the scopes of words of each kind
STRINGS = ("string.quoted.double.rwd", "string.quoted.other.raw.rwd", "string.quoted.triple.rwd")
NAMES = (
    "variable.", "entity.name.", "support.type.rwd", "constant.language.rwd",  # the last for `inf`
)  # fmt: skip
WORDS = (
    "keyword.declaration.rwd",
    "keyword.control.rwd",
    "keyword.operator.word.rwd",
    "keyword.other.rwd",
    "constant.language.rwd",
)


def patterns(node: Any) -> list[str]:
    """Every pattern of the grammar."""
    if isinstance(node, list):
        return [p for item in node for p in patterns(item)]
    if isinstance(node, dict):
        own = [node[key] for key in ("match", "begin", "end") if key in node]
        return own + [p for item in node.values() for p in patterns(item)]
    return []


@pytest.mark.parametrize("pattern", patterns(GRAMMAR))
def test_every_pattern_compiles(pattern: str) -> None:
    re.compile(pattern)


def test_the_grammar_includes_what_it_holds() -> None:
    included = {entry["include"].removeprefix("#") for entry in GRAMMAR["patterns"]}
    assert included == set(GRAMMAR["repository"])


def test_the_grammar_lists_the_keywords_the_types_and_the_units() -> None:
    keywords = " ".join(patterns(GRAMMAR["repository"]["keyword"]))
    assert set(re.findall(r"(?<![\\A-Za-z])[a-z]+", keywords)) >= KEYWORDS
    (types,) = re.findall(r"\(\?:(list\|[a-z|]+)\)", GRAMMAR["repository"]["type"]["match"])
    assert set(types.split("|")) == {"list", *NAMED}
    (units,) = re.findall(r"\)\(([a-z|]+)\)\?", GRAMMAR["repository"]["number"]["match"])
    assert units.split("|") == list(UNITS.values())


def test_the_extension_is_of_this_version_and_names_its_files() -> None:
    assert PACKAGE["version"] == __version__
    (language,) = PACKAGE["contributes"]["languages"]
    (grammar,) = PACKAGE["contributes"]["grammars"]
    assert language["extensions"] == [".rwd"]
    assert grammar["language"] == language["id"]
    assert grammar["scopeName"] == GRAMMAR["scopeName"]
    assert (EXTENSION / language["configuration"]).is_file()
    assert f'"{grammar["path"].removeprefix("./")}"' in (EXTENSION / "build.mjs").read_text()
    assert f'"{PACKAGE["main"].removeprefix("./")}"' in (EXTENSION / "build.mjs").read_text()
    locked = json.loads((EXTENSION / "package-lock.json").read_text())["packages"]
    for name, version in PACKAGE["devDependencies"].items():
        assert re.fullmatch(r"[0-9.]+", version)
        assert locked[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize(
    ("line", "deeper"),
    [
        ("reward {", True), ('test "a" {  # why', True), ("let x = clamp(", True), ("let x =", True),
        ("skip when", True), ('let x = "{"', False), ("sample s { a = 1 }", False), ("let x = 1  # {", False),
    ],
)  # fmt: skip
def test_lines_after_an_open_bracket_are_indented(line: str, deeper: bool) -> None:
    assert bool(re.match(CONFIGURATION["indentationRules"]["increaseIndentPattern"], line)) is deeper


node = shutil.which("node")
needs_node = pytest.mark.skipif(node is None, reason="Node.js is not installed")
needs_packages = pytest.mark.skipif(
    node is None or not (EXTENSION / "node_modules" / "vscode-textmate").is_dir(),
    reason="needs Node.js and `npm ci` in editors/vscode",
)


@needs_node
def test_the_client() -> None:
    done = subprocess.run(
        [str(node), "--test", "test/extension.test.js"], cwd=EXTENSION, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def sound(text: str) -> bool:
    found = Collector()
    module = parse(Source("spec.rwd", text), found)
    wrong = {d.code for d in found.sorted()} & {"RK0103", "RK0105"}
    return not wrong and not any(isinstance(s, tree.Broken) for s in module.statements)


def allowed(kind: str, word: str) -> tuple[str, ...]:
    """The scopes that a word may have, from what the parser takes it for."""
    if kind in ("STRING", "RAW_STRING", "LONG_STRING"):
        return STRINGS
    if kind == "NUMBER":
        return ("constant.numeric.rwd",)
    if kind in ("NAME", "WORD", "ARGUMENT"):
        return NAMES
    if (
        kind == "DIRECTION"
        or word in KEYWORDS
        or word in ("from", "per", "prompt", "as", "batch", "groups", "of")
    ):
        return WORDS
    return ("keyword.operator.", "punctuation.")


@needs_packages
def test_the_editor_sees_what_the_parser_sees() -> None:
    asked, expected = [], []
    for text in filter(sound, TEXTS):
        places, kinds, bare = [], [], text
        for token in parser().parse_interactive(text).iter_parse():
            assert token.line is not None and token.column is not None
            places.append([token.line - 1, token.column - 1])
            kinds.append((str(token.type), str(token)))
            hidden = re.sub(r"[^\n]", "x", token)
            bare = bare[: token.start_pos] + hidden + bare[token.end_pos :]
        for i, line in enumerate(bare.split("\n")):
            if "#" in line:
                places += [[i, line.index("#")], [i, len(line) - 1]]
                kinds += [("COMMENT", line)] * 2
        asked.append({"text": text, "places": places})
        expected.append(kinds)
    assert len(asked) > 100
    done = subprocess.run(
        [str(node), "test/scopes.js"],
        cwd=EXTENSION,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    wrong = []
    for kinds, scopes in zip(expected, json.loads(done.stdout), strict=True):
        for (kind, word), scope in zip(kinds, scopes, strict=True):
            fitting = ("comment.line.number-sign.rwd",) if kind == "COMMENT" else allowed(kind, word)
            if not scope.startswith(fitting):
                wrong.append((kind, word, scope))
    assert wrong == []
