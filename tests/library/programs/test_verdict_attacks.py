"""What a program does to pass without being right earns nothing, and spoils nothing for the next."""

import pytest
from attacks import ATTACKS

RIGHT = "def f(x):\n    return x * x\n"
RIGHT_CASES = ({"entry_point": "f", "args": [3], "expected": 9}, "assert f(3) == 9")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.language}: {attack.name}")
def test_an_attack_earns_nothing(ran, attack):
    result = ran(attack.source, *attack.cases, timeout=attack.timeout, language=attack.language)
    assert result.passed == 0, result
    assert result.total == len(attack.cases) and result.first_failing == 0


def test_names_are_apart():
    names = [(attack.language, attack.name) for attack in ATTACKS]
    assert len(set(names)) == len(names) >= 40


def test_a_right_program_passes_after_all_that(ran):
    assert ran(RIGHT, *RIGHT_CASES).share == 1
