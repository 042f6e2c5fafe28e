"""Externs: functions of the program that loads a spec, held to what the spec declares of them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rewardkit.checker.spec import Spec
from rewardkit.diagnostics import RewardError
from rewardkit.types.function import Function
from rewardkit.types.messages import read_structured
from rewardkit.types.types import Type
from rewardkit.types.values import Call, Message


class Violation(Exception):
    """What an extern gave is not what its declaration says."""


Externs = Mapping[str, Callable[..., Any]]


def bind(spec: Spec, given: Externs) -> dict[str, Callable[..., Any]]:
    """The functions that the host gives, by the externs' names.

    Raises:
        RewardError: the spec declares no such extern, or what is given cannot be called.
    """
    for name, function in given.items():
        if name not in spec.externs:
            known = ", ".join(f"`{extern}`" for extern in spec.externs) or "none"
            raise RewardError(f"the spec declares no `extern {name}`; its externs are {known}")
        if not callable(function):
            raise RewardError(f"the extern `{name}` is bound to {function!r}, which is no function")
    return dict(given)


def import_extern(name: str, where: str, folder: Path) -> Callable[..., Any]:
    """The function that `module:function` names; modules are looked for in `folder` too.

    Raises:
        RewardError: it cannot be imported.
    """
    module, colon, path = where.partition(":")
    if not colon or not module or not path:
        raise RewardError(f"the extern `{name}` is named as `module:function`, not `{where}`")
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise RewardError(
            f"the extern `{name}` cannot be imported from `{where}`: {type(error).__name__}: {error}"
        ) from None
    if not callable(found):
        raise RewardError(f"the extern `{name}` is bound to `{where}`, which is no function")
    function: Callable[..., Any] = found
    return function


def unbound(name: str) -> RewardError:
    return RewardError(
        f"the extern `{name}` is not bound: give it when the spec is loaded, `externs={{{name!r}: …}}` or "
        f"`--extern {name}=module:function`"
    )


def call_host(function: Function, bound: Callable[..., Any], task: Sequence[Any]) -> Any:
    """One call, with plain Python values in and a value of the declared type out.

    Raises:
        Violation: the result is not what the spec declares.
        Exception: whatever the function raises.
    """
    arguments = [
        _plain(value, parameter.type) for value, parameter in zip(task, function.parameters, strict=True)
    ]
    return _held(bound(*arguments), function)


def _plain(value: Any, type_: Type) -> Any:
    """A run-time value as Python code expects it: lists, dicts and JSON values."""
    if value is None or type_.kind in ("bool", "int", "real", "text", "result"):
        return value
    if type_.kind in ("json", "testcase"):
        return json.loads(value)
    if isinstance(value, Call):
        return {"name": value.name, "arguments": json.loads(value.arguments)}
    if isinstance(value, Message):
        message: dict[str, Any] = {"role": value.role, "content": value.text}
        if value.calls:
            message["tool_calls"] = [_plain(call, Type("call")) for call in value.calls]
        return message
    assert type_.item is not None
    return [_plain(item, type_.item) for item in value]


_PYTHON: dict[str, tuple[type, ...]] = {"bool": (bool,), "text": (str,), "int": (int,), "real": (int, float)}


def _held(value: Any, function: Function) -> Any:
    type_ = function.result
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of numpy or torch
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if type_.optional:
            return None
        raise Violation(f"gave {value!r} instead of `{type_}`")
    if type_.kind in ("list", "json", "message", "call", "testcase", "result"):
        read, problem = read_structured(value, type_)
        if problem is not None:
            raise Violation(f"gave no `{type_}`: {problem}")
        return read
    python = _PYTHON[type_.kind]
    if not isinstance(value, python) or (type_.is_number and isinstance(value, bool)):
        raise Violation(f"gave `{type(value).__name__}` instead of `{type_}`")
    if type(value) not in python:  # of a subclass, whose methods may do anything
        value = python[-1](value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Violation("gave a text that holds half of a surrogate pair") from None
    return value
