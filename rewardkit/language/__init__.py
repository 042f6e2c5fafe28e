"""The language: grammar to syntax tree."""

from rewardkit.language import tree
from rewardkit.language.parser import parse

__all__ = ["parse", "tree"]
