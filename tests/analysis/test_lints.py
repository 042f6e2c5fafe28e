"""What each lint finds and leaves alone, that remarks silence it, and that our own specs are clean."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import thorough
from hypothesis import given
from hypothesis import strategies as st
from linting import linted, names

from rewardkit.analysis.fixes import fixed
from rewardkit.analysis.lints import LINTS, MOST, lint
from rewardkit.checker import Spec, check, read_source
from rewardkit.diagnostics import Source

ROOT = Path(__file__).parents[2]
CASES = tomllib.loads((Path(__file__).parent / "lints.toml").read_text(encoding="utf-8"))
FIRES = [(name, case.get("before", "") + text) for name, case in CASES.items() for text in case["fires"]]
QUIET = [(name, case.get("before", "") + text) for name, case in CASES.items() for text in case["quiet"]]
SHIPPED = sorted([*ROOT.glob("examples/**/*.rwd"), *ROOT.glob("rewardkit/templates/**/*.rwd")])


@pytest.mark.parametrize(("name", "text"), FIRES)
def test_it_finds(name: str, text: str) -> None:
    assert name in names(text)


@pytest.mark.parametrize(("name", "text"), QUIET)
def test_it_leaves_alone(name: str, text: str) -> None:
    assert name not in names(text)


def test_every_lint_has_cases() -> None:
    assert set(CASES) == set(LINTS)
    for case in CASES.values():
        assert len(case["fires"]) >= 6 and len(case["quiet"]) >= 6


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_what_we_ship_is_clean(path: Path) -> None:
    spec, _ = check(read_source(path))
    assert spec is not None
    assert lint(spec) == ()


def test_codes_and_names_are_each_of_one_lint() -> None:
    assert [each.code for each in LINTS.values()] == [f"RK{1001 + i}" for i in range(len(LINTS))]


# --- remarks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "term a = completion.finished\nlet spare = 1  # allow: unused-name",
        "term a = completion.finished\nlet spare = 1  # allow: RK1012",
        "term a = completion.finished\n# allow: unused-name\nlet spare = 1",
        "term a = completion.finished\n   #allow:no-tests,unused-name: kept for the logs\nlet spare = 1",
        'term a = completion.finished\nlet x = # allow: unused-name\n"b"',
    ],
)
def test_a_remark_silences_a_lint_of_its_statement(text: str) -> None:
    assert "unused-name" not in names(text)


@pytest.mark.parametrize(
    "text",
    [
        "# allow: unused-name\nterm a = completion.finished\nlet spare = 1",
        "term a = completion.finished # allow: unused-name\nlet spare = 1",
        "term a = completion.finished\nlet spare = 1\n# allow: unused-name",
        "term a = completion.finished\nlet spare = 1  # allow: sign-trap",
        'let spare = "# allow: unused-name"\nterm a = completion.finished',
        "term a = completion.finished\nlet spare = 1  # to allow: unused-name",
    ],
)
def test_a_remark_elsewhere_silences_nothing(text: str) -> None:
    assert "unused-name" in names(text)


def test_a_remark_above_a_statement_covers_all_its_lines() -> None:
    term = 'term b =\n  text.contains(\n  completion.text, "\\to")'
    text = f"term a = completion.finished\n# allow: hidden-escape\n{term}"
    assert names(text) == set()


# --- files that do not check -----------------------------------------------------------------------


def test_a_file_that_does_not_check_is_linted_by_its_syntax() -> None:
    text = 'let spare = 1\nterm a = text.contains(completion.text, "\\times") + nothing\nreward { a: 1 }'
    source = Source("spec.rwd", text)
    assert check(source)[0] is None
    assert [d.code for d in lint(source)] == ["RK1007", "RK1011"]


def test_a_file_that_cannot_be_read_is_not_linted_for_what_it_may_hold() -> None:
    assert lint(Source("spec.rwd", 'term a = 1\nreward { a: 1 }\ntest "t" { sample }')) == ()


# --- functions of the file, and of files that it uses --------------------------------------------------

LIBRARY = "def same(a: text, b: text) = math.equal(b, a) ?? true\n"
CALLED = "input answer: text\nterm a = {}same(completion.text, answer)\n"


def test_what_a_def_is_given_is_looked_at_in_its_body() -> None:
    found = linted(LIBRARY + CALLED.format(""))
    assert [d.code for d in found] == ["RK1020", "RK1019"]
    assert {d.primary.span.source.position(d.primary.span.start)[0] for d in found} == {1}
    mended = fixed(Source("spec.rwd", LIBRARY + CALLED.format("")), unsafe=True).text
    assert mended.startswith("def same(a: text, b: text) = math.equal(a, b) ?? false\n")


def test_what_a_used_file_does_is_said_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "lib.rwd").write_text(LIBRARY)
    path = tmp_path / "spec.rwd"
    path.write_text('use "lib.rwd" as lib\n' + CALLED.format("lib."))
    spec, _ = check(read_source(path))
    assert spec is not None and lint(spec) == ()
    assert lint(checked_file(tmp_path / "lib.rwd")) == ()  # nobody calls it there


def checked_file(path: Path) -> Spec:
    spec, found = check(read_source(path))
    assert spec is not None, found
    return spec


def test_functions_that_nothing_calls_are_unused() -> None:
    text = (
        "def outer(x: int) = inner(x)\ndef inner(x: int) = x\nextern rate(x: text): real in [0, 1]\n"
        "def used(x: int) = x\nterm a = used(1)\n"
    )
    found = [d for d in linted(text) if d.code == "RK1012"]
    assert [d.message for d in found] == [f"nothing reads `{n}`" for n in ("outer", "inner", "rate")]
    assert [d.fix.safe for d in found if d.fix] == [True, True, False]


def test_a_library_is_for_others_to_read() -> None:
    assert names("def f(x: int) = x\n") == set()


def test_an_extern_can_tell_right_from_wrong() -> None:
    text = (
        "extern grade(x: text): real in [0, 1]\nterm quality = grade(completion.text)\n"
        "term brevity = 1 - clamp(completion.words / 100, 0, 1)\nreward { quality: 1  brevity: 1 }\n"
    )
    assert "ungated-form" in names(text)
    assert "ungated-form" not in names(text.replace("brevity: 1 }", "brevity: 0.5 }"))


# --- any text ------------------------------------------------------------------------------------------

PIECES = (
    "term a = ", "let b = ", "reward { a: 1 }", "input x: text", "# allow: no-tests", "# allow:", '"\\times"',
    'r"<a>.*</a>"', "text.matches(x, ", ")", "completion.words", " * ", "cos(", "when ", "\n", "0.5", '"""',
)  # fmt: skip


@thorough()
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12))
def test_any_text_can_be_linted_and_fixed(pieces: list[str]) -> None:
    source = Source("spec.rwd", " ".join(pieces))
    spec, found = check(source)
    before = sum(d.is_error for d in found)
    lint(spec or source)
    after = fixed(source).text
    assert sum(d.is_error for d in check(Source("spec.rwd", after))[1]) <= before
    fixed(source, unsafe=True)


# --- how they are said -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINTS)
def test_a_finding_says_what_to_write_and_how_to_keep_it(name: str) -> None:
    case = CASES[name]
    for text in case["fires"]:
        for found in linted(case.get("before", "") + text):
            assert found.severity == "lint" and not found.is_error
            assert found.help and len(found.message) <= 100
            assert not found.message.endswith(".")
            if found.code != "RK1021":
                assert found.notes[-1].startswith("where it is meant, say so: `# allow: ")


# --- limits ----------------------------------------------------------------------------------------


def growing(line: str, count: int) -> str:
    return "input s: real in [-1, 1]\nlet x0 = s * clamp(completion.words / 9, 0, 1)\n" + "".join(
        line.format(i=i, before=i - 1) for i in range(1, count)
    )


@pytest.mark.parametrize(
    "line",
    [
        "let x{i} = x{before}\n",
        "let x{i} = x{before} * x{before}\n",
        "let x{i} = clamp(x{before} * (1 - x{before}), -1, 1)\n",
        "let x{i} = abs(x{before} - completion.words) / 2\n",
        "let x{i} = if x{before} > 1 then x{before} else cos(x{before})\n",
    ],
)
def test_the_work_grows_with_the_file(line: str) -> None:
    """Shared parts and long chains: ten times the file is nowhere near a hundred times the work."""
    calls = []
    for count in (100, 1000):
        text = growing(line, count) + f"term a = x{count - 1}\nreward {{ a: 1 }}"
        spec, _ = check(Source("spec.rwd", text))
        assert spec is not None
        calls.append(calls_of(lambda spec=spec: lint(spec)))
    assert calls[1] < 20 * calls[0]


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions are called: a measure of work that no clock blurs."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_findings_of_one_lint_are_limited() -> None:
    text = "term a = completion.finished\n" + "".join(f"let x{i} = {i}\n" for i in range(3 * MOST))
    assert len(linted(text)) == MOST
