"""The keywords of JSON Schema: the kinds of values each is for, and what makes its test. Cheap ones first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rewardkit.library.schemas import arrays, objects, values
from rewardkit.library.schemas.schema import KINDS, Test
from rewardkit.library.schemas.values import NUMBERS

if TYPE_CHECKING:
    from rewardkit.library.schemas.compiler import Said

_Make = Callable[["Said"], Test | None]

KEYWORDS: dict[str, tuple[tuple[type, ...], _Make]] = {
    "type": (KINDS, values.type_),
    "const": (KINDS, values.const),
    "enum": (KINDS, values.enum),
    "minimum": (NUMBERS, values.bound(lambda value, bound: value >= bound)),
    "maximum": (NUMBERS, values.bound(lambda value, bound: value <= bound)),
    "exclusiveMinimum": (NUMBERS, values.bound(lambda value, bound: value > bound)),
    "exclusiveMaximum": (NUMBERS, values.bound(lambda value, bound: value < bound)),
    "multipleOf": (NUMBERS, values.multiple_of),
    "minLength": ((str,), values.size(lambda size, bound: size >= bound)),
    "maxLength": ((str,), values.size(lambda size, bound: size <= bound)),
    "minItems": ((list,), values.size(lambda size, bound: size >= bound)),
    "maxItems": ((list,), values.size(lambda size, bound: size <= bound)),
    "minProperties": ((dict,), values.size(lambda size, bound: size >= bound)),
    "maxProperties": ((dict,), values.size(lambda size, bound: size <= bound)),
    "required": ((dict,), objects.required),
    "dependentRequired": ((dict,), objects.dependent_required),
    "pattern": ((str,), values.pattern),
    "$ref": (KINDS, values.ref),
    "properties": ((dict,), objects.properties),
    "patternProperties": ((dict,), objects.pattern_properties),
    "additionalProperties": ((dict,), objects.additional),
    "propertyNames": ((dict,), objects.property_names),
    "dependentSchemas": ((dict,), objects.dependent_schemas),
    "dependencies": ((dict,), objects.dependencies),
    "prefixItems": ((list,), arrays.prefix_items),
    "items": ((list,), arrays.items),
    "additionalItems": ((list,), arrays.additional_items),
    "contains": ((list,), arrays.contains),
    "minContains": ((), arrays.count_only),
    "maxContains": ((), arrays.count_only),
    "uniqueItems": ((list,), arrays.unique),
    "allOf": (KINDS, values.all_of),
    "anyOf": (KINDS, values.any_of),
    "oneOf": (KINDS, values.one_of),
    "not": (KINDS, values.not_),
    "if": (KINDS, values.if_),
    "then": ((), values.compile_only),
    "else": ((), values.compile_only),
    "unevaluatedItems": ((), arrays.unevaluated_items),
    "unevaluatedProperties": ((), objects.unevaluated_properties),
    "$defs": ((), values.definitions),
    "definitions": ((), values.definitions),
}
