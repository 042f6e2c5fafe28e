"""Hover: what stands under the cursor."""

from __future__ import annotations

import pytest
from marked import MATH, at_mark, marked

from rewardkit import library
from rewardkit.lsp.hover import hover
from rewardkit.lsp.words import AGGREGATES, FIELDS, STATEMENTS, TEST_ITEMS, TYPES, WORDS

#: where the cursor is, what is about, what is said
CASES = [
    ("term ¦brevity when", "brevity", ["`brevity: real in [0, 1]`", "row level", "Weight 0.2"]),
    ("brevity¦: 0.2", "brevity", ["term brevity when correct", "real in [0, 1]"]),
    ("tokens / bud¦get", "budget", ["tokens in [256tok, 32768tok]", "how long is long", "--set budget"]),
    ("equal(final, ans¦wer)", "answer", ["input answer: text?", "`answer: text`", "the gold answer"]),
    ("let ¦final", "final", ["text?", "may be null"]),
    (
        "math.eq¦ual",
        "math.equal",
        ["math.equal(found: text, gold: text, strict: bool = false): bool", "worker process"],
    ),
    ("m¦ath.boxed", "math.boxed", ["math.boxed(x: text): text?"]),
    ("clamp(completion.to¦kens", "completion.tokens", ["tokens", "never a guess", "tokens in [0tok, inf)"]),
    ("param budget: tok¦ens", "tokens", ["4096tok"]),
    ("?¦? false", "math.equal(final, answer) ?? false", ["bool"]),
    ("completion.tokens ¦/ budget", "completion.tokens / budget", ["real in [0, inf)"]),
    ("advantage gd¦po", "gdpo", ["whiten", "each term", "eps"]),
    ("wh¦iten", "whiten", ['"none" or "sequence"']),
    ("sk¦ip", "skip", ["The row is not there"]),
    ("expect short.bre¦vity", "brevity", ["term brevity", "may be null"]),
    ("short.rew¦ard > 1", "short.reward", ["real?", "weighted sum"]),
    ("expect ¦short", "short", ["sample short"]),
    ("sample wr¦ong", "wrong", ["sample wrong"]),
]


@pytest.mark.parametrize(("where", "about", "said"), CASES, ids=[c[0] for c in CASES])
def test_hover_says_what_it_is(where: str, about: str, said: list[str]) -> None:
    found = hover(*at_mark(marked(where)))
    assert found is not None
    text, span = found
    assert span.text == about or about in span.text
    for piece in said:
        assert piece.lower() in text.lower()


def test_hover_works_where_other_statements_are_wrong() -> None:
    for wrong in ("term odd = 1 +\n", "let x = nothing\n", "skip when (\n", "term t in [0, 1] = 5\n"):
        found = hover(*at_mark(wrong + marked("term ¦brevity when")))
        assert found is not None and "real in [0, 1]" in found[0], wrong


def test_what_is_not_there_says_nothing() -> None:
    for where in ("\n¦test", "¦# how", 'test "short ¦wins"'):
        found = hover(*at_mark(marked(where)))
        assert found is None or "brevity" not in found[0]
    assert hover(*at_mark("¦")) is None


def test_elements_and_fields_of_messages() -> None:
    text = 'let used = any(m.role == "tool" for m in completion.messages)\n'
    role = hover(*at_mark(text.replace("m.role", "m.ro¦le")))
    assert role is not None and "`m.role: text`" in role[0] and "assistant" in role[0]
    element = hover(*at_mark(text.replace("(m.role", "(¦m.role")))
    assert element is not None and "message" in element[0]


def test_functions_of_the_file() -> None:
    twice, near = "def twice(x: real in [0, 1]): real = 2 * x\n", "extern near(x: text): real in [0, 1]\n"
    text = f"# twice as much\n{twice}{near}"
    whole = text + 'let y = twice(0.5) + near("a")\n'
    for where in ("def twi¦ce", "= tw¦ice(0.5)", "+ ne¦ar("):
        found = hover(*at_mark(marked(where, whole)))
        assert found is not None
        if "ne" in where:
            assert "near(x: text): real in [0, 1]" in found[0] and "program around" in found[0]
        else:
            assert "twice(x: real in [0, 1]): real in [0, 2]" in found[0] and "twice as much" in found[0]
    found = hover(*at_mark(text.replace("2 * x", "2 * ¦x")))
    assert found is not None and "(parameter) x: real in [0, 1]" in found[0]


def test_a_comment_cannot_break_out_of_its_description() -> None:
    found = hover(*at_mark("# <script> [x](command:run)\nlet ¦x = 1\n"))
    assert found is not None and "<script>" not in found[0].replace("\\<", "")
    found = hover(*at_mark('let ¦x = text.count("```", "a")\n'))
    assert found is not None and found[0].count("```") == 2


def test_every_word_of_the_language_is_described() -> None:
    from rewardkit.language.sketch import KEYWORDS
    from rewardkit.types.normalizer import NORMALIZERS
    from rewardkit.types.types import NAMED

    assert set(STATEMENTS) | set(TEST_ITEMS) | set(WORDS) >= KEYWORDS
    assert set(TYPES) >= set(NAMED)
    assert set(AGGREGATES) == set(library.AGGREGATES)
    from rewardkit.checker import builtins
    from rewardkit.lsp.words import NORMALIZERS as DESCRIBED

    assert set(DESCRIBED) == set(NORMALIZERS)
    for kind, fields in builtins.FIELDS.items():
        assert {f"{kind}.{name}" for name in fields} <= set(FIELDS)
    for root in builtins.ROOTS:
        assert {f"{root}.{name}" for name in builtins.fields_of(root)} <= set(FIELDS)


@pytest.mark.parametrize("name", sorted(library.functions()))
def test_every_function_has_its_page(name: str) -> None:
    found = hover(*at_mark(f"let x = {name}¦(1)\n"))
    assert found is not None and name in found[0]


def test_every_expression_of_a_sound_file_is_known() -> None:
    analysis, _ = at_mark(MATH + "¦")
    assert analysis.spec is not None
    for offset in range(len(MATH)):
        hover(analysis, offset)
