"""Definition, references and renaming; outline, folding, hints, lenses and tokens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from marked import MATH, at_mark, marked

from rewardkit.checker import check
from rewardkit.diagnostics import Source, Span
from rewardkit.lsp import navigation
from rewardkit.lsp.analysis import analyse
from rewardkit.lsp.hints import hints
from rewardkit.lsp.lenses import lenses
from rewardkit.lsp.rename import RenameError, rename
from rewardkit.lsp.tokens import tokens

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*/*.rwd"))

#: every place of a name is put in brackets; the cursor is tried at each of them
PLACES = [
    "input [answer]: text\nlet x = math.equal([answer], [answer])\n# answer\n"
    'let y = text.count([answer], "answer")\n',
    "term [format] = 1\nterm y = format.tag_count(completion.text, names: [\"a\"]) + [format]\n",
    "term [a] = 1\nterm b when [a] > 0 = [a]\nreward { [a]: 1.0 b: 2.0 }\nprove [a] in [0, 1]\n",
    "param [b]: tokens in [1tok, 9tok] = 2tok\nterm t = completion.tokens / [b]\n"
    'test "x" { sample s { completion.tokens = 1tok [b] = 3tok } expect s.t == 1 }\n',
    "term [t] = 1\nreward { [t]: 1.0 }\n"
    'test "x" { sample s { } expect s.[t] == 1 and s.reward == 1 }\n',
    'term t = 1\ntest "x" { sample [s] { } expect [s].t == 1 and [s].reward == 1 }\n'
    'test "y" { sample s { } expect s.t == 1 }\n',
    'let x = any([m].role == "tool" for [m] in completion.messages where [m].text != "")\n'
    'let y = all(m.role == "user" for m in prompt.messages)\n',
    "def f([x]: real): real = [x] + [x]\nlet x2 = f([x]: 1)\n",
    "def [f](x: real): real = x\nlet y = [f](1) + [f](x: 2)\n",
    "extern [f](x: real): real in [0, 1]\nlet y = [f](1)\n",
    'use "a.rwd" as [lib]\nlet y = [lib].check(1)\nlet lib_2 = [lib].check(2)\n',
    "term a = 1\nterm b = 1\nprove a > 0 outranks b > 0 in a\n".replace("term a", "term [a]")
    .replace("prove a", "prove [a]").replace("in a\n", "in [a]\n"),
    "let [q] = completion.words\nlet broken = ( [q] +\nlet z = [q]\n",
    "input [tag]: text\nlet x = format.tag([tag], name: \"tag\")\nterm tagged = x != null\n",
    "let [test_x] = 1\nterm x = [test_x]\n",
]  # fmt: skip


def places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text without the brackets around a name, and where the name was. Ranges keep theirs."""
    out, spans, i = "", [], 0
    while i < len(text):
        end = text.find("]", i)
        inside = text[i + 1 : end] if text[i] == "[" else ""
        if inside.isidentifier():
            spans.append((len(out), len(out) + len(inside)))
            out, i = out + inside, end + 1
        else:
            out, i = out + text[i], i + 1
    return out, spans


@pytest.mark.parametrize("text", PLACES)
def test_every_place_of_a_name_is_found_from_each_of_them(text: str) -> None:
    plain, spans = places(text)
    analysis = analyse(Source("spec.rwd", plain))
    for start, end in spans:
        for offset in (start, end):
            found = navigation.references(analysis, offset)
            assert [(u.span.start, u.span.end) for u in found] == spans
            assert [u.writes for u in found].count(True) == 1
        place = navigation.definition(analysis, start)
        writes = next(u.span for u in found if u.writes)
        if not (analysis.source.text.startswith("use") and start == writes.start):
            assert place == writes
    assert len(navigation.references(analysis, spans[0][0], declaration=False)) == len(spans) - 1


@pytest.mark.parametrize("text", PLACES)
def test_renaming_changes_these_places_and_no_others(text: str) -> None:
    plain, spans = places(text)
    analysis = analyse(Source("spec.rwd", plain))
    edits = rename(analysis, spans[-1][0], "renamed")
    assert sorted((e.span.start, e.span.end) for e in edits) == spans
    changed = applied(plain, [(e.span.start, e.span.end, e.text) for e in edits])
    before, after = codes(plain), codes(changed)
    assert before == after


def applied(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def codes(text: str) -> list[str]:
    return [d.code for d in check(Source("spec.rwd", text))[1]]


@pytest.mark.parametrize("path", EXAMPLES, ids=[p.stem for p in EXAMPLES])
def test_renaming_every_name_of_the_examples_keeps_their_meaning(path: Path) -> None:
    text = path.read_text()
    analysis = analyse(Source("spec.rwd", text))
    spec = analysis.spec
    assert spec is not None and len(analysis.names.symbols) > 5
    for symbol in analysis.names.symbols:
        edits = rename(analysis, symbol.span.start, "another_name")
        changed, found = check(
            Source("spec.rwd", applied(text, [(e.span.start, e.span.end, e.text) for e in edits]))
        )
        assert changed is not None, (symbol, found)
        assert changed.reward_interval == spec.reward_interval
        assert [len(test.expects) for test in changed.tests] == [len(test.expects) for test in spec.tests]


REFUSED = [
    ("let", "word of the language"), ("reward", "word of the language"), ("brevity", "declared already"),
    ("budget", "declared already"), ("completion", "on every row"), ("step", "on every row"),
    ("1a", "not a name"), ("", "not a name"), ("a b", "not a name"), ("é", "not a name"),
    ("a.b", "not a name"),
]  # fmt: skip


@pytest.mark.parametrize(("to", "why"), REFUSED)
def test_names_that_cannot_be_are_refused(to: str, why: str) -> None:
    with pytest.raises(RenameError, match=why):
        rename(*at_mark(marked("let ¦final")), to)


def test_renaming_nothing_and_twice_declared_names() -> None:
    assert rename(*at_mark(marked("let ¦final")), "final") == []
    with pytest.raises(RenameError, match="no name here"):
        rename(*at_mark(marked("¦skip when")), "x")
    with pytest.raises(RenameError, match="declared twice"):
        rename(*at_mark("let ¦a = 1\nlet a = 2\n"), "b")
    with pytest.raises(RenameError, match="a namespace"):
        rename(*at_mark(marked("sample ¦short {")), "math")


def test_a_sample_of_another_test_does_not_stand_in_the_way() -> None:
    text = (
        'term t = 1\ntest "x" { sample ¦a { } expect a.t == 1 }\ntest "y" { sample b { } expect b.t == 1 }\n'
    )
    assert len(rename(*at_mark(text), "b")) == 2
    with pytest.raises(RenameError, match="declared already"):
        rename(*at_mark(text), "t")


def test_a_used_file_is_found(tmp_path: Path) -> None:
    library = "# 😀 def check\ndef other(x: real): real = x\n  def check(x: real): real = x\n"
    (tmp_path / "lib.rwd").write_text(library)
    text = 'use "lib.rwd" as lib\nlet y = lib.check(1)\n'
    analysis = analyse(Source("a.rwd", text, tmp_path / "a.rwd"))
    assert analysis.uses == {tmp_path / "lib.rwd"}
    for offset in (text.index("lib.rwd"), text.index("lib\n")):
        assert navigation.definition(analysis, offset) == tmp_path / "lib.rwd"
    place = navigation.definition(analysis, text.index("check"))
    assert isinstance(place, Span) and place.source.path == tmp_path / "lib.rwd"
    assert place.start == library.rindex("check") and place.text == "check"
    assert navigation.definition(analyse(Source("a.rwd", text)), 6) is None  # not saved anywhere
    for path in ("../../../../etc/passwd", "/etc/passwd", "a\\0b", ""):
        outside = analyse(Source("a.rwd", f'use "{path}" as lib\n', tmp_path / "a.rwd"))
        assert navigation.definition(outside, 6) is None


# --- outline, folding, hints, lenses, tokens --------------------------------------------------------


def test_outline() -> None:
    entries = navigation.outline(at_mark(MATH + "¦")[0])
    assert [e.name for e in entries] == [
        "answer", "budget", "skip", "final", "correct", "accuracy", "brevity", "reward", "advantage",
        "short wins",
    ]  # fmt: skip
    by_name = {e.name: e for e in entries}
    assert by_name["brevity"].detail == "real in [0, 1]"
    assert [c.name for c in by_name["reward"].children] == ["accuracy", "brevity"]
    assert [c.name for c in by_name["short wins"].children] == ["short", "wrong"]
    for entry in [*entries, *(c for e in entries for c in e.children)]:
        assert entry.name
        assert entry.span.start <= entry.name_span.start <= entry.name_span.end <= entry.span.end


def test_folds() -> None:
    text = '# a\n# b\n\nlet x = """\n# not one\n# a comment\n"""\ntest "x" {\n  sample s { }\n}\n# alone\n'
    found = navigation.folds(analyse(Source("spec.rwd", text)))
    shown = [(text[:start].count("\n"), text[:end].count("\n"), kind) for start, end, kind in found]
    assert sorted(shown) == [(0, 1, "comment"), (3, 6, "region"), (7, 9, "region")]


def test_hints_say_what_the_file_does_not() -> None:
    text = (
        "let a = completion.words\nlet b: tokens = completion.tokens\nterm t when true = clamp(a, 0, 3) / 2\n"
        "term u in [0, 1] = 1\nlet c = math.boxed(completion.text)\nreward { t: 2.0 u: 0.5 }\n"
    )
    analysis = analyse(Source("spec.rwd", text))
    shown = text
    for hint in sorted(hints(analysis, 0, len(text)), key=lambda h: -h.offset):
        shown = shown[: hint.offset] + hint.text + shown[hint.offset :]
    assert shown == (
        "let a: int in [0, inf) = completion.words\nlet b: tokens in [0tok, inf) = completion.tokens\n"
        "term t in [0, 1.5] when true = clamp(a, 0, 3) / 2\n"
        "term u in [0, 1] = 1\nlet c: text? = math.boxed(completion.text)\n"
        "reward in [0.5, 3.5] { t: 2.0 u: 0.5 }\n"
    )
    assert check(
        Source("spec.rwd", shown.replace("int in [0, inf)", "int").replace("tokens in [0tok, inf)", "tokens"))
    )[0]
    assert hints(analysis, 0, 10)[0].offset == 5 and len(hints(analysis, 0, 10)) == 1


def test_lenses_stand_where_tests_are() -> None:
    again = 'sample s { completion.tokens = 1tok completion.text = "" } expect s.reward == null'
    analysis, _ = at_mark(f'{MATH}test "again" {{ {again} }}¦')
    found = lenses(analysis, "file:///a.rwd", {}, ())
    assert [lens.title for lens in found] == ["run all 2 tests", "run test", "run test"]
    assert [lens.arguments for lens in found] == [
        ("file:///a.rwd",), ("file:///a.rwd", "short wins"), ("file:///a.rwd", "again"),
    ]  # fmt: skip
    assert lenses(at_mark(MATH + "let x = ¦")[0], "file:///a.rwd", {}, ()) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=[p.stem for p in EXAMPLES])
def test_tokens_are_in_order_and_apart(path: Path) -> None:
    analysis = analyse(Source("spec.rwd", path.read_text()))
    found = tokens(analysis)
    assert len(found) > 20
    for (_, end, _, _), (start, _, _, _) in pairwise(found):
        assert end <= start
    kinds = {analysis.source.text[start:end]: kind for start, end, kind, _ in found}
    assert analysis.spec is not None
    assert kinds["completion"] == "namespace"
    assert {kinds[name] for name in analysis.spec.params} <= {"parameter"}
    assert {kinds[name] for name in analysis.spec.terms} == {"property"}
