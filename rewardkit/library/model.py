"""`model.*`: a reward model, which the run names."""

from __future__ import annotations

from rewardkit.types.function import Function, Parameter
from rewardkit.types.types import REAL, TEXT

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "model.score", (Parameter("prompt", TEXT), Parameter("completion", TEXT)), REAL,
        "what a sequence-classification reward model gives a prompt and its completion",
        "model", None,
        faults=True,
        fails="where prompt and completion are longer than the model reads, or than its memory holds",
        purity="model",
        cost="heavy",
        doc="The model is the run's: see [judges](judges.md). It reads the two texts as one user and one "
        "assistant message, through its tokenizer's chat template where it has one. Its logit has no known "
        "range: hold it in one, as `clamp(…, -5, 5)` or `sigmoid(…)`.",
    ),
)  # fmt: skip
