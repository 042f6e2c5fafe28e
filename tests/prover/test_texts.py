"""Texts of a witness: of the measures that are asked for, or none at all."""

import pytest

from rewardkit.prover.texts import LONGEST, Measures, NoText, text_with


@pytest.mark.parametrize(
    ("measures", "text"),
    [
        (Measures(), "t0"),
        (Measures(chars=0), ""),
        (Measures(chars=4, words=2), "w ww"),
        (Measures(words=1), "t0"),
        (Measures(chars=LONGEST), "w" * LONGEST),
    ],
)
def test_a_text_of_these_measures(measures: Measures, text: str) -> None:
    assert text_with(measures, "t0") == text


@pytest.mark.parametrize("chars", [LONGEST + 1, 10**60])
def test_what_is_too_long_to_show_is_none(chars: int) -> None:
    with pytest.raises(NoText):
        text_with(Measures(chars=chars), "t0")
    with pytest.raises(NoText):
        text_with(Measures(words=chars), "t0")
