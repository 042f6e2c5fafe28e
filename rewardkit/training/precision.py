"""bfloat16 for what is computed, float32 for the weights that are trained."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch


def autocast(model: Any) -> None:
    """Have a model compute in bfloat16, in place; its weights keep their type.

    The method is bound to the model, so a deep copy of it computes with the copy's weights.
    """
    forward = type(model).forward

    def in_bfloat16(self: Any, *args: Any, **options: Any) -> Any:
        with torch.autocast(self.device.type, torch.bfloat16):
            return forward(self, *args, **options)

    model.forward = MethodType(in_bfloat16, model)
