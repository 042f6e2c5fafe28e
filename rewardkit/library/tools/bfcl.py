"""The AST check of the Berkeley Function Calling Leaderboard (BFCL), for its Python tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rewardkit.library.tools.matching import perfect
from rewardkit.library.tools.reading import Calls
from rewardkit.types.values import Call, canonical_json

#: The types that declarations name, BFCL's and JSON Schema's words for them; `any` is checked as a text
_TYPES: dict[str, type] = {
    "string": str, "any": str, "integer": int, "float": float, "number": float, "boolean": bool,
    "array": list, "tuple": list, "dict": dict, "object": dict,
}  # fmt: skip
#: In a list of possible values: the argument may be left out
_ABSENT = ""
#: What BFCL takes out of texts before it compares them
_IGNORED = str.maketrans({**dict.fromkeys(" ,./-_*^"), "'": '"'})

Options = list[Any]


@dataclass(frozen=True)
class _Declared:
    """A function's declaration: each parameter's type and, in a list, its items' type."""

    name: str
    types: Mapping[str, tuple[type, type | None]]
    required: frozenset[str]


def bfcl_match(found: Calls, functions: str, possible: str, underscores: bool = False) -> bool:
    """Whether the calls are, one for one and in any order, among the possible ones.

    Raises:
        ValueError: the declarations or the possible answers are not of BFCL's shape.
    """
    answers = _answers(possible)
    if len(found) != len(answers):
        return False
    declared = _functions(functions)
    expected = [(_declaration(name, declared), options) for name, options in answers]
    arguments = [json.loads(call.written or call.arguments) for call in found]
    return perfect(
        [
            [
                _fits(call, given, function, options, underscores)
                for call, given in zip(found, arguments, strict=True)
            ]
            for function, options in expected
        ]
    )


def _fits(
    call: Call,
    given: Any,
    function: _Declared,
    possible: Mapping[str, Options],
    underscores: bool,
) -> bool:
    name = function.name.replace(".", "_") if underscores else function.name
    # a message's call may hold some text instead of arguments
    if call.name != name or not isinstance(given, dict) or not function.required <= given.keys():
        return False
    if not all(key in given or _ABSENT in options for key, options in possible.items()):
        return False
    return all(
        key in function.types and key in possible and _possible(value, possible[key], *function.types[key])
        for key, value in given.items()
    )


# --- one argument ----------------------------------------------------------------------------------


def _possible(value: Any, options: Options, wanted: type, items: type | None) -> bool:
    if wanted is float and type(value) is int:
        value = _real(value)
    variable = _typed(value, options, wanted, items)
    if variable is None:
        return False
    if variable or type(value) in (int, float, bool):
        return _among(value, options)
    if isinstance(value, dict):
        return any(isinstance(option, dict) and _object_fits(value, option) for option in options)
    if isinstance(value, list) and items is dict:  # an empty list is as good as none
        lists = [[] if option == _ABSENT else option for option in options]
        return any(isinstance(option, list) and _objects_fit(value, option) for option in lists)
    return _among(_standard(value), [_standard(option) for option in options])


def _typed(value: Any, options: Options, wanted: type[Any], items: type | None) -> bool | None:
    """`None` for a wrong type, else whether the possible values are a variable's, of some other type.

    Whole numbers become reals on their own, but not in a list: so does the leaderboard, and so a list of
    reals wants `1.0`.
    """
    stated = next((type(option) for option in options if option != _ABSENT), None)
    if stated is int and wanted is float:
        stated = float  # JSON writes 1.0 as it writes 1
    if type(value) is wanted:
        if items is None or any(_items_typed(value, option, items) for option in options):
            return stated is not None and stated is not wanted
        return None
    return True if type(value) is stated else None


def _items_typed(value: Any, option: Any, items: type) -> bool:
    return not isinstance(option, list) or all(
        _typed(item, option, items, None) is not None for item in value
    )


def _real(value: int) -> float | int:
    try:
        return float(value)
    except OverflowError:
        return value


def _among(value: Any, options: Options) -> bool:
    return canonical_json(value) in [canonical_json(option) for option in options]


def _object_fits(value: Mapping[str, Any], possible: Mapping[str, Any]) -> bool:
    """An object: each key has its own possible values, and may be left out where `""` is one of them."""
    return all(
        key in possible and _among(_standard(item), [_standard(o) for o in _listed(possible[key])])
        for key, item in value.items()
    ) and all(key in value or _ABSENT in _listed(options) for key, options in possible.items())


def _objects_fit(values: list[Any], possible: list[Any]) -> bool:
    return len(values) == len(possible) and all(
        isinstance(value, dict) and isinstance(option, dict) and _object_fits(value, option)
        for value, option in zip(values, possible, strict=True)
    )


def _standard(value: Any) -> Any:
    """A text, or the texts of a list, as BFCL compares them."""
    if isinstance(value, str):
        return value.translate(_IGNORED).lower()
    if isinstance(value, list):
        return [item.translate(_IGNORED).lower() if isinstance(item, str) else item for item in value]
    return value


# --- declarations and possible answers -------------------------------------------------------------


def _declaration(name: str, declared: Mapping[str, _Declared]) -> _Declared:
    """The function that an answer is for: a lone one, or by name, behind which BFCL counts (`f_1`, `f 2`)."""
    if len(declared) == 1:
        return next(iter(declared.values()))
    found = declared.get(name) or declared.get(re.sub(r"[_ ]\d+$", "", name))
    if found is None:
        raise ValueError(f"a possible answer is a call of `{name}`, which no function declares")
    return found


@lru_cache(maxsize=256)
def _functions(text: str) -> dict[str, _Declared]:
    value = json.loads(text)
    declared = [_function(item) for item in (value if isinstance(value, list) else [value])]
    return {function.name: function for function in declared}


def _function(value: Any) -> _Declared:
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ValueError("a function's declaration is an object with a `name` and `parameters`")
    parameters = value.get("parameters") or {}
    properties = parameters.get("properties", {}) if isinstance(parameters, dict) else None
    required = parameters.get("required") or [] if isinstance(parameters, dict) else None
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise ValueError(
            f"the parameters of `{value['name']}` are an object with `properties` and `required`"
        )
    types = {name: _types(name, schema) for name, schema in properties.items()}
    return _Declared(value["name"], types, frozenset(map(str, required)))


def _types(name: str, schema: Any) -> tuple[type, type | None]:
    if not isinstance(schema, dict):
        raise ValueError(f"the parameter `{name}` has no type")
    type_ = _type(name, schema.get("type"))
    items = schema.get("items")
    return type_, _type(name, items.get("type")) if type_ is list and isinstance(items, dict) else None


def _type(name: str, word: Any) -> type:
    if not isinstance(word, str) or word not in _TYPES:
        raise ValueError(f"the type `{word}` of the parameter `{name}` is none of {', '.join(_TYPES)}")
    return _TYPES[word]


@lru_cache(maxsize=256)
def _answers(text: str) -> tuple[tuple[str, dict[str, Options]], ...]:
    """Each call's name and the possible values of its arguments: from one object, or a list of them."""
    value = json.loads(text)
    groups = value if isinstance(value, list) else [value]
    if not all(isinstance(group, dict) for group in groups):
        raise ValueError(_SHAPE)
    answers = [(name, arguments) for group in groups for name, arguments in group.items()]
    if not all(isinstance(arguments, dict) for _, arguments in answers):
        raise ValueError(_SHAPE)
    return tuple((name, {k: _listed(v) for k, v in arguments.items()}) for name, arguments in answers)


def _listed(value: Any) -> Options:
    if not isinstance(value, list):
        raise ValueError(_SHAPE)
    return value


_SHAPE = (
    "possible answers are objects that hold, for each call's name, a list of possible values per argument"
)
