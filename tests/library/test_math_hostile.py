r"""`math.equal` against strings that are written to stop it: each costs its own row, for one deadline."""

import os
import time

import pytest
from cases import CASES
from hostile_math import COUNT, hostile

import rewardkit as rk
from rewardkit.library.math import FUNCTIONS
from rewardkit.library.math_fast import fast_equal
from rewardkit.runtime.pool import WorkerPool

(DECLARED,) = [function for function in FUNCTIONS if function.name == "math.equal"]
EQUAL, OVERDUE = DECLARED.implementation, DECLARED.extra["overdue"]
LONG = CASES > 1000
DEADLINE = DECLARED.deadline if LONG else 1.0

#: of the full number in a long run, of a share of them otherwise
STRINGS = hostile()[:: 1 if LONG else 20]
SLOW_GOLDS = [r"\int_0^1 e^{x^4} \sin(x^x) \ln(x+4) dx", r"\prod_{i=1}^{100000} (i+x)"]


def memory(pool):
    """Resident bytes of the largest worker."""
    sizes = []
    for pid in pool.processes:
        with open(f"/proc/{pid}/statm") as statm:
            sizes.append(int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    return max(sizes)


def test_there_are_as_many_as_is_said():
    assert len(hostile()) == len(set(hostile())) == COUNT == 500


def test_hostile_strings_cost_only_their_own_rows():
    ordinary = [(rf"\sqrt{{{n + 2}}}", rf"\sqrt{{{n + 2 + n % 2}}}") for n in range(40)]
    with WorkerPool(workers=2) as pool:
        pool.run(EQUAL, ordinary[:8], deadline=60)  # warm
        tasks = []
        for n, text in enumerate(STRINGS):
            tasks += [(text, r"\frac{18}{1+0}"), ordinary[n % 40]]
        outcomes = pool.run(EQUAL, tasks, DEADLINE)
        late = sorted(
            ((o.seconds, found) for (found, _), o in zip(tasks, outcomes, strict=True) if o.error),
            reverse=True,
        )
        print(f"{len(late)} of {len(STRINGS)} took longer than {DEADLINE:g} s", *late[:1])
        for (found, gold), outcome in zip(tasks, outcomes, strict=True):
            if (found, gold) in ordinary:
                assert (outcome.value, outcome.error) == (found == gold, None)
            else:
                assert outcome.value in (True, False) or outcome.error == f"timed out after {DEADLINE:g} s"
        assert late
        if LONG:  # time decides nothing in a run that others share the machine with
            assert late[0][0] < DEADLINE + 0.5
        # the pool is at full strength
        again = pool.run(EQUAL, ordinary * 3, deadline=60)
        assert [o.value for o in again] == [found == gold for found, gold in ordinary] * 3
        assert len(pool.processes) == 2


def test_what_a_hostile_answer_costs_is_a_verdict():
    tasks = [(r"\sum_{i=1}^{10^9} i^i", "18"), ("((((9!)!)!)!)", r"\sqrt{2}"), ("18", "18.0")]
    with WorkerPool(workers=2) as pool:
        outcomes = pool.run(EQUAL, tasks, 2.0, overdue=OVERDUE)
        for outcome in outcomes[:2]:  # a machine that is too busy to tell makes it a fault
            assert outcome.value is False if outcome.exhausted else outcome.error == "timed out after 2 s"
        assert (outcomes[2].value, outcomes[2].error) == (True, None)
        # where the gold answer is the one that takes forever, nobody is punished for it
        slow = pool.run(EQUAL, [("18", gold) for gold in SLOW_GOLDS], 2.0, overdue=OVERDUE)
        assert [(outcome.value, outcome.error) for outcome in slow] == [(None, "timed out after 2 s")] * 2


def test_a_spec_survives_them():
    reward = rk.loads(
        "language 1\ninput answer: text\n"
        "term right = math.equal(math.boxed(completion.text), answer) ?? false\nreward { right: 1 }"
    )
    texts = [rf"\boxed{{{text}}}" for text in ("9^{9^{9^9}}", "9^{9^{9}}", "100000000!", "18", "18.0", "17")]
    scores = reward({"completion": texts, "answer": ["18"] * len(texts)})
    assert scores.frame["right"].to_list() == [0, 0, 0, 1, 1, 0]
    assert len(scores.faults) == 0


@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="the system does not say what memory is used"
)
def test_memory_is_flat():
    """After the caches have filled, tens of thousands of other answers take no more memory."""
    rounds, size = (10, 5000) if LONG else (4, 250)
    forms = (
        r"\frac{%d}{7}+\sqrt{2}",
        r"%d\sqrt{3}",
        r"(%d, x)",
        r"\{%d, 2, y\}",
        "x^2+%dx",
        r"[0, %d\pi)",
        "x>%d",
    )
    with WorkerPool(workers=2) as pool:
        sizes, began = [], time.monotonic()
        for n in range(rounds):
            numbers = range(1 + n * size, 1 + (n + 1) * size)
            tasks = [(form % (k + k % 2), form % k) for k in numbers for form in (forms[k % len(forms)],)]
            outcomes = pool.run(EQUAL, tasks, deadline=60)
            assert [o.error for o in outcomes] == [None] * size
            assert [o.value for o in outcomes] == [k % 2 == 0 for k in numbers]
            sizes.append(memory(pool))
    print(f"{rounds * size} checks in {time.monotonic() - began:.0f} s:", *(f"{s >> 20} MiB" for s in sizes))
    assert sizes[-1] < 1.25 * sizes[rounds // 2] + (8 << 20)


@pytest.mark.parametrize(
    "text", [text for text in hostile() if len(text) > 50_000], ids=lambda text: text[:3]
)
def test_megabytes_are_read_in_time(text):
    start = time.monotonic()
    fast_equal(text, "18")
    fast_equal("18", text)
    # quadratic behaviour on these takes minutes, linear behaviour a fraction of a second
    assert time.monotonic() - start < 20
