from __future__ import annotations

import re

import pytest
from documents import (
    ROOT,
    Block,
    blocks,
    checked,
    diagnosed,
    documents,
    files,
    function_tables,
    lints_of,
    normalizer_table,
    profile_tables,
    reference,
)

from rewardkit.analysis.lints import LINTS
from rewardkit.checker import builtins, check
from rewardkit.diagnostics import Source
from rewardkit.diagnostics.catalogue import FAMILIES, TITLES
from rewardkit.language.sketch import KEYWORDS
from rewardkit.runtime.rows import ROW_COLUMNS
from rewardkit.testing.runner import run_tests
from rewardkit.types.normalizer import NORMALIZERS

BLOCKS = [block for path in documents() for block in blocks(path)]
PAGES = {page: (ROOT / "docs" / "diagnostics" / page).read_text() for _, page in FAMILIES.values()}


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.shown is not None], ids=str)
def test_a_wrong_spec_gets_exactly_the_shown_diagnostics(block: Block) -> None:
    assert diagnosed(block.spec, block.path) == block.shown


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.shown is None], ids=str)
def test_every_other_spec_in_a_document_checks(block: Block) -> None:
    _, found = checked(block.spec, files(block.path.read_text()), block.name)
    assert [d.message for d in found if d.is_error] == []


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.shown is None and lints_of(b.path)], ids=str)
def test_what_a_lint_advises_has_none_of_its_findings(block: Block) -> None:
    assert diagnosed(block.spec, block.path) == "\n"


@pytest.mark.parametrize("name", LINTS)
def test_every_lint_has_a_page_with_a_wrong_and_a_right_spec(name: str) -> None:
    path = ROOT / "docs" / "lints" / f"{name}.md"
    code, title = LINTS[name].code, LINTS[name].summary
    text = path.read_text()
    assert text.startswith(f"# {name}\n\n{code}: {title}.")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["What", "Why", "Instead"]
    assert any(f"lint[{code}]" in (b.shown or "") for b in blocks(path))
    assert any(b.shown is None for b in blocks(path))
    assert f"## {code}: {title}\n\n[`{name}`]({name}.md)" in PAGES["../lints/README.md"]


def test_every_published_bug_is_shown_with_what_reports_it_and_what_is_right() -> None:
    path = ROOT / "docs" / "published_bugs.md"
    text = path.read_text()
    listed = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [s.split(".")[0] for s in sections] == listed == [str(n) for n in range(11, 19)]
    for section in sections:
        assert re.search(r"^(error|lint|warning)\[RK\d+\]", section, re.MULTILINE)
        assert "```text" in section and section.count("```rwd") >= 2


TESTED = [block for block in BLOCKS if block.shown is None and re.search(r"^test ", block.spec, re.MULTILINE)]


@pytest.mark.parametrize("block", TESTED, ids=str)
def test_the_tests_in_a_document_pass(block: Block) -> None:
    spec, _ = checked(block.spec, files(block.path.read_text()))
    assert spec is not None
    results = run_tests(spec, spec.tests)
    assert results
    assert [r.name for r in results if not r.passed] == []


def test_there_are_many_wrong_specs() -> None:
    assert sum(block.shown is not None for block in BLOCKS) >= 60


def test_the_source_uses_the_codes_of_the_catalogue() -> None:
    used: set[str] = set()
    for path in ROOT.glob("rewardkit/**/*.py"):
        if path.name != "catalogue.py":
            used.update(re.findall(r"\bRK[0-9]{4}\b", path.read_text()))
    assert used == set(TITLES)


def test_every_code_has_a_section_on_its_page() -> None:
    for code, title in TITLES.items():
        page = PAGES[FAMILIES[code[2:4]][1]]
        assert f"\n## {code}: {title}\n" in page, code


def test_every_section_is_of_the_catalogue_and_in_order() -> None:
    for page in PAGES.values():
        found = re.findall(r"^## (RK[0-9]{4})", page, re.MULTILINE)
        assert found == sorted(found)
        assert set(found) <= set(TITLES)


def test_the_index_lists_every_code() -> None:
    index = (ROOT / "docs" / "diagnostics" / "README.md").read_text()
    for code, title in TITLES.items():
        page = FAMILIES[code[2:4]][1]
        assert f"| [{code}]({page}#{anchor(code, title)}) | {title} |" in index, code


def anchor(code: str, title: str) -> str:
    """The anchor that Markdown renderers give to a section."""
    return re.sub(r"[^\w\- ]", "", f"{code}: {title}".lower()).replace(" ", "-")


@pytest.mark.parametrize("code", [c for c in TITLES if c not in ("RK0108", "RK0810")])
def test_every_code_is_shown_by_a_wrong_spec(code: str) -> None:
    assert any(f"[{code}]" in (block.shown or "") for block in BLOCKS)


def test_the_tables_of_functions_are_those_of_the_library() -> None:
    assert function_tables() in (ROOT / "docs" / "language.md").read_text()


def test_the_reference_holds_every_function() -> None:
    """Their examples are run where each function is tested, in `tests/library`."""
    assert reference() in (ROOT / "docs" / "reference.md").read_text()


LANGUAGE = (ROOT / "docs" / "language.md").read_text()


def section(title: str) -> str:
    """The part of the language page below a heading."""
    return LANGUAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_table_of_normalizers_is_that_of_their_options() -> None:
    assert normalizer_table() in LANGUAGE


def test_the_page_of_normalizers_has_their_profiles_and_options() -> None:
    page = (ROOT / "docs" / "normalizers.md").read_text(encoding="utf-8")
    assert profile_tables() in page
    for options in NORMALIZERS.values():
        for option in options:
            assert f"| `{option}` | " in page, option


def test_the_language_page_names_every_column_and_measure() -> None:
    text = section("What every row has")
    named = set(re.findall(r"`([^`]+)`", text))
    assert set(ROW_COLUMNS) <= named
    for path in builtins.COLUMNS:
        assert path in named or "." + path.partition(".")[2] in named, path
    for measure in builtins.MEASURES:
        assert {f"completion.{measure}", f".{measure}"} & named, measure


PYTHON = re.findall(r"^\| (.+?) \| (.+?) \|$", section("From Python"), re.MULTILINE)[2:]
FROM_PYTHON = [code for _, here in PYTHON for code in re.findall(r"`([^`]+)`", here)]


@pytest.mark.parametrize("code", [code for code in FROM_PYTHON if "is None" not in code])
def test_what_stands_for_python_checks(code: str) -> None:
    inputs = "input c: bool\ninput n: int\ninput x: text\ninput y: text?\ninput xs: list[int]\n"
    _, found = check(Source("spec.rwd", f"{inputs}let value = {code}\n"))
    assert [d.message for d in found] == []


def test_the_language_page_names_every_keyword() -> None:
    text = LANGUAGE
    listed = re.search(r"These words are keywords[^`]*`([^`]*)`", text)
    assert listed is not None
    assert set(listed[1].split()) == KEYWORDS


MESSAGES = sorted({line for block in BLOCKS for line in re.findall(r"^\w+\[RK.*", block.shown or "", re.M)})


@pytest.mark.parametrize("line", MESSAGES)
def test_messages_are_terse(line: str) -> None:
    """Lower case, no full stop, user text in backticks, no words of the implementation."""
    message = line.partition(": ")[2]
    plain = re.sub(r"`[^`]*`", "", message)
    assert message[0] == "`" or message[0].islower() or message.startswith("LaTeX")
    assert not message.endswith(".")
    assert '"' not in plain and "'" not in re.sub(r"\w's\b", "", plain)
    assert not re.search(r"\b(token\(|node|lambda|None|Fraction|Value|AST|parser|lexer)\b", plain)
    assert len(message) <= 100


def test_every_error_says_what_to_write() -> None:
    """Help lines are part of the answer; the few without one are listed here, so that no more slip in."""
    without = set()
    for block in BLOCKS:
        for shown in re.split(r"\n\n(?=\w+\[RK)", block.shown or ""):
            if shown and not re.search(r"= (help|fix|fix \(a guess\)): ", shown):
                without.add(shown.split("\n")[0])
    assert without == set()
