"""A normalizer's page: what it computes, from its own documentation, its options and its profiles."""

from __future__ import annotations

import inspect
from typing import Any

from rewardkit.types.normalizer import NORMALIZERS, PROFILES, Option


def text(name: str) -> str:
    """A built-in normalizer's page as plain text."""
    from rewardkit.normalizers.registry import get

    doc = inspect.getdoc(get(name)) or ""
    options = [[option, _values(o), _default(o)] for option, o in NORMALIZERS[name].items()]
    lines = [f"  {line} unless given" for line in _aligned(options)]
    about = [f"  {line}" for line in _aligned([[option, o.about] for option, o in NORMALIZERS[name].items()])]
    scale = "  scale: VALUE multiplies last, one number per prompt"
    rule = doc.partition("\nArgs:")[0].strip()
    return "\n\n".join(
        [
            f"advantage {name} {{ OPTION: VALUE … }}",
            rule,
            "\n".join(["options", *lines, scale]),
            "\n".join(["what they say", *about]),
            "\n".join(["profiles", *(f"  {line}" for line in _aligned(profile_rows(name)))]),
        ]
    )


def profile_rows(name: str) -> list[list[str]]:
    """A heading, then a row for each profile, with the value of every option."""
    profiles = PROFILES[name]
    names = list(next(iter(profiles.values())))
    rows = [[profile, *(shown(row[option]) for option in names)] for profile, row in profiles.items()]
    return [["profile", *names], *rows]


def shown(value: Any) -> str:
    """An option's value in a table."""
    if value is None:
        return "as eps"
    return f"{value:g}" if isinstance(value, float) else str(value)


def to_json(name: str) -> dict[str, Any]:
    """The options and profiles as plain values."""
    options = [
        {
            "name": option,
            "kind": o.kind,
            "default": o.default,
            "range": None if o.range is None else str(o.range),
            "choices": list(o.choices),
            "about": o.about,
        }
        for option, o in NORMALIZERS[name].items()
    ]
    profiles = {profile: dict(row) for profile, row in PROFILES[name].items()}
    return {"kind": "normalizer", "name": name, "options": options, "profiles": profiles}


def _values(option: Option) -> str:
    if option.choices:
        return " or ".join(f'"{choice}"' for choice in option.choices)
    return f"{option.kind} in {option.range}"


def _default(option: Option) -> str:
    if option.default is None:
        return "as eps"
    return f'"{option.default}"' if option.kind == "text" else str(option.default)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
