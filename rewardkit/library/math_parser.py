"""math-verify's LaTeX parser, several times faster and with the same trees.

ANTLR's parsers predict with full context (LL) unless told otherwise, and what is predicted so is not
remembered: `(1, 2)` takes 15 ms each time. With SLL predictions, which are remembered, it takes under 1 ms.
A parse that succeeds with SLL has the tree that LL gives, by ANTLR's theory (Parr, Harwell and Fisher,
"Adaptive LL(*) parsing", 2014); one that fails is done again with LL. The corpus of
`tests/library/test_math_corpus.py` is held to that.
"""

from __future__ import annotations

from typing import Any

from antlr4 import Token  # type: ignore[import-untyped]
from antlr4.atn.PredictionMode import PredictionMode  # type: ignore[import-untyped]
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy

_create = _Latex2Sympy.create_parser


def install() -> None:
    """Makes latex2sympy, in this process, parse with SLL first."""
    _Latex2Sympy.create_parser = _create_parser


def uninstall() -> None:
    """Puts latex2sympy's own way back."""
    _Latex2Sympy.create_parser = _create


def reads_all(latex: str) -> bool:
    """Whether the parser reads a text to its end: it stops without a word at what it does not know."""
    try:
        parser = _create_parser(_Latex2Sympy(), latex)
        parser.math()
        ended: bool = parser.getTokenStream().LA(1) == Token.EOF
        return ended
    except MemoryError:
        raise
    except Exception:
        return False


def _create_parser(self: Any, latex: str) -> Any:
    parser = _create(self, latex)
    try:
        parser.getTokenStream().fill()
    except MemoryError:
        raise
    except Exception:  # LL may look at a character that is no token's, and fail, where SLL does not look
        return _create(self, latex)
    parser._interp.predictionMode = PredictionMode.SLL
    math = parser.math

    def two_stages() -> Any:
        try:
            return math()
        except MemoryError:
            raise
        except Exception:
            parser.reset()
            parser._interp.predictionMode = PredictionMode.LL
            return math()

    parser.math = two_stages
    return parser
