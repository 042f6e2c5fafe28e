"""`model.*`: a reward model, which the run names."""

from __future__ import annotations

from rewardkit.types.function import Function, Parameter
from rewardkit.types.types import REAL, TEXT

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "model.score", (Parameter("prompt", TEXT), Parameter("completion", TEXT)), REAL,
        "what a sequence-classification reward model gives a prompt and its completion",
        "unbuilt", None,
        faults=True,
        fails="where a text is longer than the model reads",
        purity="model",
        cost="heavy",
        doc="The model's logit, of which no range is known: hold it in one, as `clamp(…, -5, 5)` or "
        "`sigmoid(…)`.",
    ),
)  # fmt: skip
