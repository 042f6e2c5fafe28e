"""`json.*`: JSON in texts and columns."""

from __future__ import annotations

from rewardkit.types.function import Function, Parameter
from rewardkit.types.types import BOOL, JSON, TEXT

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "json.parse", (Parameter("x", TEXT),), JSON.nullable,
        "a text as one JSON value; null where it is none",
        "unbuilt", None,
    ),
    Function(
        "json.valid", (Parameter("x", JSON), Parameter("schema", TEXT, constant=True)), BOOL,
        "whether a JSON value meets a JSON Schema",
        "unbuilt", None,
    ),
    Function(
        "json.get", (Parameter("x", JSON), Parameter("path", TEXT, constant=True)), JSON.nullable,
        "the value at a path; null where there is none",
        "unbuilt", None,
    ),
)  # fmt: skip
