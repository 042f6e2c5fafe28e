"""Values as a spec writes them."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from rewardkit.types.types import INT, UNITS, Type
from rewardkit.types.values import Call, Message, RunResult

#: what a result says beside its counts
RESULT_FLAGS = ("crashed", "timed_out", "memory")


def literal(value: Any, type_: Type) -> str:
    """A value as a spec writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Fraction):
        suffix = UNITS[type_.unit] if type_.unit else ""
        return number(value) + suffix
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, RunResult):
        given = plain(value).items()
        return f"code.result({', '.join(f'{name}: {literal(item, INT)}' for name, item in given)})"
    return '"""' + json.dumps(plain(value), ensure_ascii=False) + '"""'


def number(value: float | Fraction) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(float(value)) if isinstance(value, Fraction) else repr(value)


def text_literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in escaped) + '"'


def shown(value: Any) -> str:
    """A value as a note shows it."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return literal(value, INT) if not isinstance(value, tuple) else json.dumps(plain(value))


def plain(value: Any) -> Any:
    """A run-time value as a dataset has it."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, RunResult):
        flags: dict[str, Any] = {name: True for name in RESULT_FLAGS if getattr(value, name)}
        if value.first_failing not in (None, value.passed):
            flags["first_failing"] = value.first_failing
        return {"passed": value.passed, "total": value.total, **flags}
    if isinstance(value, Call):
        return {"name": value.name, "arguments": json.loads(value.arguments)}
    if isinstance(value, Message):
        return {"role": value.role, "content": value.text}
    return value
