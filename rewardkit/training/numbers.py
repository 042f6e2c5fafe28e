"""What an option of a run file may be: whatever TOML holds may stand in its place."""

from __future__ import annotations

import sys


def is_number(value: object) -> bool:
    """Whether it is a finite number, a whole one of 64 bits; true and false are none."""
    return is_integer(value) or (isinstance(value, float) and abs(value) <= sys.float_info.max)


def is_integer(value: object) -> bool:
    """Whether it is a whole number of 64 bits; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
