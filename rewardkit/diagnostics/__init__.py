"""Source text and spans, the diagnostic value, its renderers, the catalogue of codes."""

from rewardkit.diagnostics.concise import render_concise
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
from rewardkit.diagnostics.full import render_full, visible
from rewardkit.diagnostics.github import render_github
from rewardkit.diagnostics.json import to_json
from rewardkit.diagnostics.sarif import to_sarif
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
    "render_concise",
    "render_full",
    "render_github",
    "to_json",
    "to_sarif",
    "visible",
]
