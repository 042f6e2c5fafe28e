"""Specs that would make a prover work forever, or proofs unsound: bounded, and never proved wrongly."""

import signal

import pytest
from evaluating import checked

from rewardkit.cli.main import main
from rewardkit.prover import limits, prove, prove_all, solve
from rewardkit.prover.decide import BY_CLOCK, USED_UP, decide

INPUTS = "input x: real in [0, 1]\ninput y: real in [0, 1]\ninput s: text\n"


def chain(step, n):
    return "let l0 = x\n" + "".join(f"let l{i} = {step.format(p=f'l{i - 1}', i=i)}\n" for i in range(1, n))


HOSTILE = {
    "squares of squares": (chain("{p} * {p}", 60) + "term t = l59\n", "t in [0, 1]", "multiplies too many"),
    "a polynomial": (
        "term t = (x + y) * (x - y) * (x * y + 1) * (x + 2 * y) * (1 + x) * (2 - y)\n", "t <= 8", "limit",
    ),
    "many calls of one function": (
        "".join(f'let c{i} = text.count(s, "{i}")\n' for i in range(120))
        + "".join(f"let d{i} = {'c0' if i == 0 else f'd{i - 1} + c{i}'}\n" for i in range(120))
        + "term t = min(d119, 1)\n", "t >= 0", "too many calls",
    ),
    "digits": (
        "let l0 = x\n"
        + "".join(f"let l{i} = l{i - 1} * 1.{'3' * 35}\n" for i in range(1, 90))
        + "term t = l89\n",
        "t >= 1", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_too_large_is_not_decided(name):
    text, claim, reason = HOSTILE[name]
    spec = checked(INPUTS + text + f"prove {claim}\n")
    verdict = prove(spec, spec.claims[0])
    assert verdict.answer != "proved"
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "text",
    [
        chain("{p} + {p}", 200) + "term t = l199\n",
        chain("(if {p} > 0.5 then 1 - {p} else {p})", 40) + "term t = l39\n",
        "term t = " + "(" * 70 + "x" + ")" * 70 + "\n",
    ],
)
def test_long_chains_are_decided(text):
    spec = checked(INPUTS + text + "prove t >= 0\n")
    assert prove(spec, spec.claims[0]).answer == "proved"


# What a gate settles holds under the gate only: none of these is true of every row.
UNSOUND = {
    "a denominator under a gate": "input n: int\nterm t when n > 0 = 1 / n\nprove n > 0",
    "a range under a gate": "input n: int\nterm t in [0, 1] when n >= 0 and n <= 1 = n\nprove n <= 1",
    "an aggregate under a gate": "input g: int in [-5, 5] per prompt\ninput z: int in [1, 2]\n"
    "term t when g > 0 = min(g * z) over group\nprove g > 0",
    "a logarithm under a gate": "input r: real\nterm t when r > 0 = log(r)\nprove r > 0",
    "a root under a gate": "input r: real\nterm t when r >= 0 = sqrt(r)\nprove r >= 0 or t > 0",
    "an unreached call": "input c: text\nterm t when c == \"a\" = text.similarity(c, \"b\")\n"
    "let k = text.similarity(c, \"b\") ?? 2\nprove k <= 1",
    "a settled failure": "input c: text\nlet k = text.similarity(c, \"b\") ?? 2\nterm t = k\nprove t <= 1",
    "a null is not a value": "input n: int?\nlet k = n ?? -1\nterm t = k\nprove t != -1",
    "the empty list of any type": "input xs: list[int]\nterm t = xs == [] and "
    "xs == (if xs == [] then [] else xs)\nprove t == 0",
    "two rows of one prompt": "input right: bool\ninput p: real in [0, 1]\nterm a = p\nterm b = right\n"
    "reward { a: 1  b: 1 }\nprove right outranks not right",
    "what overflows takes the fallback": "input n: int\nterm t = (n * n) ?? -1\nprove t >= 0",
    "a term without a value leaves the total": "input g: bool\nterm a when g else null = 1\nterm b = -1\n"
    "reward { a: 1  b: 1 }\nprove reward >= 0",
    "a denominator that rounding may make 0": "input x: real in [0.3000000000000001, 1]\n"
    "term t = (1 / (x - 0.1 - 0.2)) ?? -5\nprove t > 0",
    "a logarithm of what rounding may make 0": "input x: real in [0.3000000000000001, 1]\n"
    "term t = log(x - 0.1 - 0.2) ?? 99\nprove t < 50",
    "a term that rounding takes out of its range": "input x: real in [0, 1]\n"
    "term a in [0, 1] = 10000000000000000 + x - 10000000000000000\nterm t = failed(a)\nprove t == 0",
    "a negative weight": "input x: real in [0, 1]\nparam w: real in [-1, 1] = 1\nterm a = x\n"
    "reward { a: w }\nprove reward increasing in x",
}  # fmt: skip


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_not_true_of_every_row_is_not_proved(name):
    spec = checked(UNSOUND[name] + "\n")
    assert prove(spec, spec.claims[0]).answer != "proved"


HARD = INPUTS + HOSTILE["a polynomial"][0] + "prove t <= 8\n"


def test_a_deep_value_does_not_end_the_process():
    spec = checked(
        INPUTS + chain("(if {p} > 0.5 then 1 - {p} else {p} / 2)", 1500) + "term t = l1499\nprove t >= 0\n"
    )
    assert prove(spec, spec.claims[0], effort=0.1).answer in ("proved", "undecided")


def test_without_memory_a_claim_is_not_decided(monkeypatch):
    monkeypatch.setattr(limits, "_taken", lambda: 1e9)
    spec = checked(HARD)
    verdict = prove(spec, spec.claims[0])
    assert (verdict.answer, verdict.reason) == ("undecided", "it takes too much memory")


def test_a_verdict_by_the_clock_says_so():
    spec = checked(HARD)
    effort = solve.for_claim(1.0)
    effort.until = 0.0
    verdict = decide(spec, spec.claims[0], effort)
    assert (verdict.answer, verdict.reason) == ("undecided", BY_CLOCK)


def test_the_claims_of_a_file_share_a_limit(monkeypatch):
    monkeypatch.setattr(solve, "FILE_STEPS", solve.STEPS // 10)
    spec = checked(HARD + "prove t >= -8\nprove t in [-9, 9]\n")
    verdicts = prove_all(spec)
    assert [v.answer for v in verdicts] == ["undecided"] * 3
    assert verdicts[-1].reason == USED_UP
    assert sum(v.seconds for v in verdicts) > 0


def interrupted(monkeypatch):
    """Ctrl-C, just when z3 is asked something that takes long."""
    ask = solve.Solver._ask

    def interrupt(self, *conditions):
        signal.raise_signal(signal.SIGINT)
        return ask(self, *conditions)

    monkeypatch.setattr(solve.Solver, "_ask", interrupt)


def test_an_interrupt_stops_a_proof(monkeypatch):
    interrupted(monkeypatch)
    spec = checked(HARD)
    with pytest.raises(KeyboardInterrupt):
        prove(spec, spec.claims[0], effort=1000)
    monkeypatch.undo()
    assert prove(spec, spec.claims[0], effort=0.01).answer == "undecided"


@pytest.mark.parametrize("verb", ["prove", "check"])
def test_an_interrupted_verb_exits_with_130(verb, monkeypatch, tmp_path, capsys):
    (tmp_path / "hard.rwd").write_text(HARD)
    interrupted(monkeypatch)
    with pytest.raises(SystemExit) as stop:
        main([verb, str(tmp_path / "hard.rwd")])
    assert stop.value.code == 130
    assert "interrupted" in capsys.readouterr().err
