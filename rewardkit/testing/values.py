"""Values as a test's output shows them: as the language writes them, on one line."""

from __future__ import annotations

import json
from typing import Any

from rewardkit.runtime.reward import json_text


def shown(value: Any, most: int = 60) -> str:
    """A value on one line, cut where it is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str):
        text = json.dumps(value[: most + 1], ensure_ascii=False)
    elif isinstance(value, int):
        text = str(value)
    else:
        text = json_text(value)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
