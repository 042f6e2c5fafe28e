"""`judge.*`: a language model, behind an endpoint that the run names, as a judge."""

from __future__ import annotations

from rewardkit.types.function import Function, Parameter
from rewardkit.types.interval import UNIT
from rewardkit.types.types import REAL, TEXT, list_of

_X = Parameter("x", TEXT)
_RUBRIC = Parameter("rubric", TEXT, constant=True)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "judge.score", (_X, _RUBRIC), REAL.nullable,
        "how well a text meets a rubric, from 0 to 1",
        "unbuilt", None,
        range=UNIT,
        faults=True,
        fails="where the endpoint gives no answer in time",
        purity="net",
        cost="heavy",
        doc="Null where the judge's answer cannot be read.",
    ),
    Function(
        "judge.choice", (_X, _RUBRIC, Parameter("choices", list_of(TEXT), constant=True)), TEXT.nullable,
        "which of the choices a rubric gives a text",
        "unbuilt", None,
        faults=True,
        fails="where the endpoint gives no answer in time",
        purity="net",
        cost="heavy",
        doc="One of `choices`; null where the judge's answer is none of them.",
    ),
)  # fmt: skip
