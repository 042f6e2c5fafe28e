"""Tables of keys and their defaults, as the documents write them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from pydantic import BaseModel


def rows(text: str, heading: str) -> dict[str, str]:
    """First cell -> second cell of the table under a heading."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE))


def value(cell: str) -> Any:
    """A default as a document writes it."""
    if cell in ("required", "–"):
        return {"required": ..., "–": None}[cell]
    found = tomllib.loads(f"value = {cell.strip('`')}")["value"]
    return tuple(found) if isinstance(found, list) else found


def defaults(table: type[BaseModel]) -> dict[str, Any]:
    """Every key's default, an empty table for one that is a table, and ... for one without."""
    found = {
        name: ... if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in table.model_fields.items()
    }
    return {name: {} if isinstance(each, BaseModel) else each for name, each in found.items()}
