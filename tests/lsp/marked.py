"""Texts with `¦` where the cursor is."""

from __future__ import annotations

from rewardkit.diagnostics import Source
from rewardkit.lsp.analysis import Analysis, analyse

MATH = """\
language 1
# the gold answer
input answer: text?
param budget: tokens in [256tok, 32768tok] = 4096tok  # how long is long
skip when answer == null
let final   = math.boxed(completion.text)
let correct = math.equal(final, answer) ?? false
term accuracy in [0, 1] = correct
term brevity when correct = 1 - clamp(completion.tokens / budget, 0, 1)
reward { accuracy: 1.0 brevity: 0.2 }
advantage gdpo { whiten: "none" }
test "short wins" {
  sample short { completion.text = r"\\boxed{4}" completion.tokens = 1tok answer = "4" }
  sample wrong { completion.text = r"\\boxed{5}" completion.tokens = 1tok answer = "4" }
  expect short.brevity > wrong.brevity and short.reward > 1
}
"""


def at_mark(text: str) -> tuple[Analysis, int]:
    """The analysis of a text without its mark, and where the mark was."""
    offset = text.index("¦")
    assert text.count("¦") == 1
    return analyse(Source("spec.rwd", text.replace("¦", ""))), offset


def marked(where: str, text: str = MATH) -> str:
    """A text with the mark where `where` has it: its other characters must occur once."""
    plain = where.replace("¦", "")
    assert text.count(plain) == 1, f"{plain!r} occurs {text.count(plain)} times"
    return text.replace(plain, where)
