"""Sound specs, changed at random: a mutant gets diagnostics, or it runs as the reference says.

Tokens are deleted, doubled, swapped and replaced, and two specs are spliced. What still checks is compiled
and run on rows made for it: no exception, no value that the checker rules out, no other number than the
reference evaluator's.
"""

import random
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from cases import CASES, thorough
from comparison import compare
from hypothesis import given
from hypothesis import strategies as st
from probes import install
from rows_for import rows_for

from rewardkit.checker import check
from rewardkit.diagnostics import Source, render_full
from rewardkit.runtime.reward import Reward, _called

ROOT = Path(__file__).parent.parent.parent
SEEDS = [
    *(path.read_text() for path in sorted(ROOT.glob("examples/*/*.rwd"))),
    *re.findall(r"```rwd\n(.*?)```", (ROOT / "docs/language.md").read_text(), re.DOTALL),
    *(
        case["spec"]
        for path in sorted((ROOT / "tests/conformance").glob("*.toml"))
        for case in tomllib.loads(path.read_text())["case"]
        if "expect" in case
    ),
]
_TOKEN = re.compile(
    r'"""|r?"(?:\\.|[^"\\\n])*"|[A-Za-z_][A-Za-z_0-9.]*|[0-9][0-9a-z.]*|\s+|\?\?|[=!<>]=|.', re.DOTALL
)
#: tokens that stand for each other
_ALIKE = (
    ("+", "-", "*", "/"), ("<", "<=", ">", ">=", "==", "!="), ("and", "or"), ("true", "false"),
    ("min", "max", "sum", "mean", "count", "std", "rank"), ("any", "all"), ("group", "batch"),
    ("floor", "ceil", "round", "abs", "sqrt", "exp", "tanh", "cos"), ("int", "real", "text", "bool"),
    ("completion.text", "prompt.text"), ("completion.words", "completion.lines", "step"),
)  # fmt: skip
_NUMBERS = ("0", "1", "-1", "0.5", "2", "1e300", "9223372036854775807", "1tok", "1s", "null", "true", '"a"')


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


def mutant(chance: random.Random) -> str:
    tokens = _TOKEN.findall(chance.choice(SEEDS))
    if chance.random() < 0.2:
        other = _TOKEN.findall(chance.choice(SEEDS))
        if chance.random() < 0.5:  # whole statements of both
            tokens = [*tokens, "\n", *other]
        else:
            tokens = tokens[: chance.randrange(len(tokens) + 1)] + other[chance.randrange(len(other) + 1) :]
    words = [i for i, token in enumerate(tokens) if not token.isspace()]
    for _ in range(chance.choice([1, 1, 1, 2, 3]) if words else 0):
        a, b = chance.choice(words), chance.choice(words)
        change = chance.randrange(12)
        like = [kind for kind in _ALIKE if tokens[a] in kind]
        if change >= 6 and like:
            tokens[a] = chance.choice(like[0])
        elif change >= 6 and tokens[a][:1].isdigit():
            tokens[a] = chance.choice(_NUMBERS)
        elif change == 0:
            tokens[a] = ""
        elif change == 1:
            tokens[a] = f"{tokens[a]} {tokens[a]}"
        elif change == 2:
            tokens[a], tokens[b] = tokens[b], tokens[a]
        elif change == 3:
            tokens[a] = tokens[b]
        elif change == 4:
            tokens[a] = chance.choice(_NUMBERS)
        elif change == 5:  # another token of the same kind, from any spec
            like = [
                t for t in _TOKEN.findall(chance.choice(SEEDS)) if t[:1].isalpha() == tokens[a][:1].isalpha()
            ]
            tokens[a] = chance.choice(like or [""])
    return "".join(tokens)


def test_a_mutant_is_refused_or_runs(capsys):
    outcomes = Counter[str]()

    @thorough()
    @given(st.randoms(use_true_random=False))
    def holds(chance):
        outcomes[outcome(chance)] += 1

    holds()
    with capsys.disabled():
        print("\nmutants: " + ", ".join(f"{count:,} {what}" for what, count in outcomes.items()))
    assert outcomes["run"] > CASES / 10 and outcomes["refused"] > CASES / 10


def outcome(chance):
    """What comes of a mutant: `refused`, `run` as the reference evaluator does, or `not run`."""
    text = mutant(chance)
    spec, found = check(Source("mutant", text))
    assert (spec is None) == any(d.is_error for d in found)
    for diagnostic in found:
        assert 0 <= diagnostic.primary.span.start <= diagnostic.primary.span.end <= len(text)
        assert render_full(diagnostic)
    if spec is not None and not spec.has_reward and spec.terms:
        weights = "  ".join(f"{name}: 1" for name in spec.terms)
        spec, _ = check(Source("mutant", f"{text}\nreward {{ {weights} }}"))
    if spec is None or not spec.has_reward:
        return "refused" if spec is None else "not run"
    reward = Reward(spec)
    if any(
        function.executor in ("host", "sandbox", "endpoint", "model") for function in _called(reward.plan)
    ):
        return "not run"
    size, groups = chance.randint(1, 3), chance.randint(1, 2)
    compare(reward, rows_for(spec, chance, size, groups), size, chance.choice([0, 7, 1000]))
    return "run"
