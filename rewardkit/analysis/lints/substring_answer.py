"""An answer that only has to occur somewhere in the completion."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import function, plain, walk, weighted
from rewardkit.checker.spec import Spec, Value
from rewardkit.checker.wording import text_of


def find(spec: Spec) -> Iterator[Finding]:
    for value in walk(*(term.value for term, *_ in weighted(spec))):
        if function(value) != "text.contains" or len(value.args) != 2:
            continue
        whole, piece = value.args
        answer = _through_text(piece)
        if _through_text(whole).data != "completion.text" or answer.op != "column":
            continue
        if str(answer.data).partition(".")[0] in ("completion", "prompt"):
            continue
        yield Finding(
            f"a completion that names every answer contains `{text_of(piece)}` too",
            value.span,
            f"take the answer out first, and compare: `math.answer(completion.text)`, `format.tag(…) == "
            f"{text_of(piece)}`",
        )


def _through_text(value: Value) -> Value:
    """The text below what only changes its case and the space around it."""
    value = plain(value)
    while function(value) in ("text.lower", "text.strip"):
        value = plain(value.args[0])
    return value


LINT = Lint("RK1018", "substring-answer", find)
