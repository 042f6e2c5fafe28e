"""Fixes: what they write, that they never overlap, and that a safe one keeps every score."""

from __future__ import annotations

import numpy as np
import pytest
from batches import batches
from cases import thorough
from generator import specs
from hypothesis import given
from hypothesis import strategies as st
from probes import install

from rewardkit.analysis.fixes import Fixed, findings, fixed
from rewardkit.checker import check
from rewardkit.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from rewardkit.diagnostics.fixes import apply, together
from rewardkit.runtime import Reward


def of(text: str, *, unsafe: bool = False) -> Fixed:
    return fixed(Source("spec.rwd", text), unsafe=unsafe)


# --- what they write -------------------------------------------------------------------------------

TERM = "term a = completion.finished\n"

SAFE = {
    # `??` that is never used
    "term a = completion.words ?? 0\n": "term a = completion.words\n",
    "term a = (completion.words) ?? (0) + 1\n": "term a = (completion.words) + 1\n",
    "term a = 1 + ((completion.words ?? 2) ?? 0)\n": "term a = 1 + ((completion.words))\n",
    "term a = completion.words # ?? 1\n ?? 0\n": "term a = completion.words # ?? 1\n\n",
    # names that nothing reads: with their line, the remark behind it, and what samples give them
    TERM + "let b = 1\nlet c = 2\n": TERM,
    TERM + "let b = 1  # of no use\n# kept\n": TERM + "# kept\n",
    "let b = c\n" + TERM + "let c = b2\nlet b2 = 2": TERM,
    "  let b = 1  " + TERM: "  " + TERM,
    TERM.strip() + "  let b = 1 # b\n": TERM.strip() + " # b\n",
    TERM + 'input x: text test "t" {\n  sample s { x = "4"  completion.text = "" }\n  expect s.a == 1\n}\n':
    TERM + 'test "t" {\n  sample s {  completion.text = "" }\n  expect s.a == 1\n}\n',
    TERM + 'let b = "x\n': None,
    TERM + "let b =\n  # why\n  1\n": TERM,
    # one inside of what another takes out, which a third waits for
    "input n: int?\nlet b = if failed(1) then n else 2\n" + TERM: TERM,
    # failures that cannot happen
    "term a = if failed(completion.words) then 1 else 2\n": "term a = if false then 1 else 2\n",
    # remarks that silence nothing
    TERM + "# allow: sign-trap\n": TERM,
    "term a = completion.finished  # allow: sign-trap\n": TERM,
}  # fmt: skip

UNSAFE = {
    # signs and spellings of other languages
    "term a = completion.finished && !(1 < 2) || 1 != 2\n":
    "term a = completion.finished and not(1 < 2) or 1 != 2\n",
    "let b = true term a = !b&&b\n": "let b = true term a = not b and b\n",
    "term a = if 1 =< 2 then 0.5 else .5\n": "term a = if 1 <= 2 then 0.5 else 0.5\n",
    "term a = text.contains(completion.text, 'so')\n": 'term a = text.contains(completion.text, "so")\n',
    'term a = text.matches(completion.text, "\\d+")\n': 'term a = text.matches(completion.text, r"\\d+")\n',
    "term a = completion.tokens < 80 tokens\n": "term a = completion.tokens < 80tok\n",
    "term a = 5% * +0.5\n": "term a = 0.05 * 0.5\n",
    "input x: float\nterm a = x × 2\n": "input x: real\nterm a = x * 2\n",
    "term a = completon.words\n": "term a = completion.words\n",
    "term a = completion.word\n": "term a = completion.words\n",
    "let words = 1\nterm a = wrds\n": "let words = 1\nterm a = words\n",
    "term a = mni(1, 2)\n": "term a = min(1, 2)\n",
    TERM + "reward { a: 1 } advantage grpp\n": TERM + "reward { a: 1 } advantage grpo\n",
    TERM + "reward { a: 1 } advantage grpo { ep: 1 }\n": TERM + "reward { a: 1 } advantage grpo { eps: 1 }\n",
    "term accuracy = 1\nreward { acuracy: 1 }\n": "term accuracy = 1\nreward { accuracy: 1 }\n",
    "term a = completion.tokens < 80\n": "term a = completion.tokens < 80tok\n",
    "term a = completion.tokens / 80tok - 4ch / 2ch > 80 - 4 / 2\n": None,
    "term a = (completion.chars - 3) / 80ch\n": "term a = (completion.chars - 3ch) / 80ch\n",
    "term a = 100 < completion.tokens\n": "term a = 100tok < completion.tokens\n",
    "term a in [0, 1] = length.cosine(completion.tokens, 100, 1, 0)\n":
    "term a in [0, 1] = length.cosine(completion.tokens, 100, 1, 0)\n",
    "param n: tokens = 256\nterm a = completion.tokens / max(n, 1tok)\n":
    "param n: tokens = 256tok\nterm a = completion.tokens / max(n, 1tok)\n",
    "input b: bool?\nterm a = b and completion.finished\n":
    "input b: bool?\nterm a = b ?? false and completion.finished\n",
    "input n: int?\nterm a = n * 2\n": "input n: int?\nterm a = n ?? 0 * 2\n",
    "input n: int?\nterm a = 1 / n\n": None,
    "input n: int?\nterm a = n\n": "input n: int?\nterm a = n ?? 0\n",
    "input n: int?\nterm a = math.number(completion.text)\n": "term a = math.number(completion.text) ?? 0\n",
    'term a = text.contains(completion.text, "\\times \\"")\n':
    'term a = text.contains(completion.text, "\\\\times \\"")\n',
    TERM + "param n: int = 1\n": TERM,
    "term a = cos(3.14159 * (completion.tokens / 80tok))\n":
    "term a = cos(clamp(3.14159 * (completion.tokens / 80tok), 0, 3.14159265))\n",
    "input g: text\nterm a = math.equal(completion.text, g) ?? true\n":
    "input g: text\nterm a = math.equal(completion.text, g) ?? false\n",
    "input g: text\nterm a = math.equal(g, completion.text) ?? false\n":
    "input g: text\nterm a = math.equal(completion.text, g) ?? false\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SAFE)
def test_safe_fixes(text: str) -> None:
    assert of(text).text == (text if SAFE[text] is None else SAFE[text])


@pytest.mark.parametrize("text", UNSAFE)
def test_the_other_fixes_are_written_on_demand_only(text: str) -> None:
    assert of(text).text == text
    assert of(text, unsafe=True).text == (text if UNSAFE[text] is None else UNSAFE[text])


def test_a_fix_that_would_bring_an_error_is_taken_back_and_named() -> None:
    text = 'term a = completion.word == "four"\nlet spare = 1\n'
    found = of(text, unsafe=True)
    assert found.text == text
    assert found.refused == (
        "RK0209: write `words`: that would bring RK0401, cannot compare `int` with `text`",
    )


def test_one_refused_fix_keeps_no_other_from_being_written() -> None:
    text = 'term a = completion.word == "four"\nterm b = completion.line\nterm c = mni(1, 2)\n'
    found = of(text, unsafe=True)
    assert found.text == 'term a = completion.word == "four"\nterm b = completion.lines\nterm c = min(1, 2)\n'
    assert len(found.done) == 2 and len(found.refused) == 1


def test_fixing_what_is_fixed_changes_nothing() -> None:
    for text in (*SAFE, *UNSAFE):
        once = of(text, unsafe=True).text
        assert of(once, unsafe=True).text == once


def test_fixes_that_bring_each_other_back_come_to_an_end() -> None:
    def look(source: Source) -> tuple[Diagnostic, ...]:
        span = Span(source, 0, 1)
        other = "b" if source.text == "a" else "a"
        fix = Fix(f"write {other}", (Edit(span, other),), safe=True)
        return (Diagnostic("RK0000", "warning", "here", Label(span), fix=fix),)

    assert fixed(Source("spec.rwd", "a"), look=look).text in ("a", "b")


# --- edits -----------------------------------------------------------------------------------------

TEXT = "abcdefghij"
SOURCE = Source("text", TEXT)
EDITS = st.builds(
    lambda start, size, text: Edit(Span(SOURCE, start, min(start + size, len(TEXT))), text),
    st.integers(0, len(TEXT)),
    st.integers(0, 3),
    st.text("XYZ", max_size=2),
)
FIXES = st.lists(st.builds(lambda edits: Fix("", tuple(edits)), st.lists(EDITS, min_size=1, max_size=3)))


@given(FIXES)
def test_edits_never_overlap_and_keep_what_lies_between(fixes: list[Fix]) -> None:
    kept = sorted((edit for fix in together(fixes) for edit in fix.edits), key=lambda e: e.span.start)
    expected, at = "", 0
    for edit in kept:
        assert edit.span.start >= at
        expected += TEXT[at : edit.span.start] + edit.text
        at = edit.span.end
    assert apply(TEXT, fixes) == expected + TEXT[at:]


@given(FIXES)
def test_a_fix_is_left_out_only_where_it_overlaps_one_before(fixes: list[Fix]) -> None:
    kept = together(fixes)
    for fix in fixes:
        if fix not in kept:
            before = kept[: sum(any(k is f for f in fixes[: fixes.index(fix)]) for k in kept)]
            assert together([*before, fix]) == before


# --- scores ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def probes():  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


@thorough(1 / 5)
@given(specs(), batches(), st.integers(0, 12))
def test_safe_fixes_keep_every_score(
    text: str, batch: tuple[list[dict[str, object]], int], step: int
) -> None:
    before, _ = check(Source("generated", text))
    assert before is not None
    found = of(text)
    after, diagnostics = check(Source("generated", found.text))
    assert after is not None, "\n".join([found.text, *(d.message for d in diagnostics)])
    assert not found.refused
    assert not [d for d in findings(Source("generated", found.text)) if d.fix and d.fix.safe]
    rows, size = batch
    old, new = (Reward(spec)(rows, group=size, step=step) for spec in (before, after))
    for name in ("matrix", "total", "weights", "skipped", "masked"):
        assert np.asarray(getattr(old, name)).tobytes() == np.asarray(getattr(new, name)).tobytes(), name
