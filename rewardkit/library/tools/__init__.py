"""`tools.*`: reading tool calls out of a completion, and comparing them with the gold calls."""

from rewardkit.library.tools.bfcl import bfcl_match
from rewardkit.library.tools.comparing import argument_match, match, name_match, same
from rewardkit.library.tools.declarations import FUNCTIONS
from rewardkit.library.tools.reading import MAX_CALLS, Calls, parse

__all__ = [
    "FUNCTIONS",
    "MAX_CALLS",
    "Calls",
    "argument_match",
    "bfcl_match",
    "match",
    "name_match",
    "parse",
    "same",
]
