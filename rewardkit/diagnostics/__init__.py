"""Source text and spans, the diagnostic value, its renderers, the catalogue of codes."""

from rewardkit.diagnostics.diagnostic import (
    Collector,
    Diagnostic,
    Edit,
    Fix,
    Label,
    RewardError,
    Shown,
    SpecError,
    TooMany,
)
from rewardkit.diagnostics.full import render_full
from rewardkit.diagnostics.json import to_json
from rewardkit.diagnostics.source import Source, Span

__all__ = [
    "Collector",
    "Diagnostic",
    "Edit",
    "Fix",
    "Label",
    "RewardError",
    "Shown",
    "Source",
    "Span",
    "SpecError",
    "TooMany",
    "render_full",
    "to_json",
]
