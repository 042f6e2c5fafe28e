"""A normalizer's page: what it computes, from its own documentation, and its options."""

from __future__ import annotations

import inspect
from typing import Any

from rewardkit.types.normalizer import NORMALIZERS, Option


def text(name: str) -> str:
    """A built-in normalizer's page as plain text."""
    from rewardkit.normalizers.registry import get

    doc = inspect.getdoc(get(name)) or ""
    options = [(option, _values(o), _default(o)) for option, o in NORMALIZERS[name].items()]
    widths = [max(len(row[i]) for row in options) for i in (0, 1)]
    lines = [f"  {o:<{widths[0]}}  {v:<{widths[1]}}  {d} unless given" for o, v, d in options]
    scale = "  scale: VALUE multiplies last, one number per prompt"
    rule = doc.partition("\nArgs:")[0].strip()
    return "\n\n".join(
        [f"advantage {name} {{ OPTION: VALUE … }}", rule, "\n".join(["options", *lines, scale])]
    )


def to_json(name: str) -> dict[str, Any]:
    """The options as plain values."""
    options = [
        {
            "name": option,
            "kind": o.kind,
            "default": o.default,
            "range": None if o.range is None else str(o.range),
            "choices": list(o.choices),
        }
        for option, o in NORMALIZERS[name].items()
    ]
    return {"kind": "normalizer", "name": name, "options": options}


def _values(option: Option) -> str:
    if option.choices:
        return " or ".join(f'"{choice}"' for choice in option.choices)
    return f"{option.kind} in {option.range}"


def _default(option: Option) -> str:
    return f'"{option.default}"' if option.kind == "text" else str(option.default)
