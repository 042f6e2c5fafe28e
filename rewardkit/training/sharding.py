"""FSDP: weights, gradients and optimizer states in parts, one in each process.

`accelerate` says whether and how, in the file that `accelerate launch --config_file` reads; the parts are
PyTorch's own `fully_shard` (FSDP2), which leaves the model what it was, with parameters that are `DTensor`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor

from .errors import ConfigError

if TYPE_CHECKING:
    from accelerate import Accelerator


def asked_for() -> bool:
    """Whether the launcher's configuration says `fsdp`."""
    asked = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
    if asked:
        # else transformers would load nothing in all processes but one, for accelerate to send it to them
        os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    return asked


def shard(model: Any, accelerator: Accelerator, precision: str) -> Any:
    """Divide a model among the processes, in place. Raises `ConfigError` for what accelerate cannot do."""
    from accelerate import FullyShardedDataParallelPlugin
    from accelerate.utils import fsdp2_apply_ac, fsdp2_prepare_model

    state: Any = accelerator.state
    plugin = FullyShardedDataParallelPlugin()  # as the launcher's variables say
    if plugin.fsdp_version != 2:
        raise ConfigError("write `fsdp_version: 2` into the accelerate configuration; version 1 is not taken")
    plugin.cpu_ram_efficient_loading = False
    plugin.mixed_precision_policy = None  # the run file says it, not the launcher
    if precision == "bf16":
        plugin.set_mixed_precision(torch.bfloat16, override=True)
    state.fsdp_plugin = plugin  # accelerate itself sets it on GPUs only
    if plugin.activation_checkpointing and hasattr(model, "peft_config"):
        raise ConfigError(  # peft would not find the adapter among the wrapped layers
            "[policy.lora] does not go with `fsdp_activation_checkpointing` of accelerate; turn that off"
        )
    if plugin.activation_checkpointing:
        model = fsdp2_apply_ac(accelerator, model)
    model = fsdp2_prepare_model(accelerator, model)
    model.reshards = bool(plugin.reshard_after_forward)
    return model


def is_sharded(model: Any) -> bool:
    """Whether its weights lie in parts."""
    return isinstance(model, FSDPModule)


@contextmanager
def gathered(model: Any) -> Iterator[None]:
    """Hold all weights in every process, so that each may run the model as often as it likes.

    Otherwise each forward pass of one process waits for one of every other. To be entered by all.
    """
    if not is_sharded(model):
        yield
        return
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            if part is not model:  # the backward pass needs what the root holds first
                part.set_reshard_after_forward(model.reshards, recurse=False)
            part.reshard()


def whole(tensor: Tensor, keep: bool = True) -> Tensor:
    """A tensor on the CPU, put together from its parts; an empty one where it is not to be kept. To be called
    by all processes."""
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().cpu() if keep else torch.empty(0)


def whole_weights(model: Any, keep: bool = True) -> dict[str, Tensor]:
    """All weights of a sharded model by name, on the CPU; tied ones are one tensor. See `whole`."""
    found: dict[int, Tensor] = {}
    weights = {}
    for name, value in model.state_dict().items():
        own = value.to_local() if isinstance(value, DTensor) else value
        key = own.data_ptr() or id(value)  # a part may be empty
        full = whole(value, keep)  # of tied ones too, as only the processes together know which those are
        weights[name] = found.setdefault(key, full)
    return weights


def whole_optimizer(optimizer: torch.optim.Optimizer, keep: bool = True) -> dict[str, Any]:
    """The state of an optimizer, as one process alone would save it. See `whole`."""
    saved = optimizer.state_dict()
    kept = partial(whole, keep=keep)
    return {**saved, "state": {number: _each(moments, kept) for number, moments in saved["state"].items()}}


def divided_optimizer(saved: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """What `whole_optimizer` gave, in the parts that belong to this process's parameters."""
    owners = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def divided(owner: Tensor, moments: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(owner, DTensor):
            return dict(moments)
        mesh, shape = owner.device_mesh, owner.shape

        def own(value: Tensor) -> Tensor:
            if value.shape != shape:
                return value  # the count of steps
            part = distribute_tensor(value, mesh, owner.placements, src_data_rank=None)
            return DTensor.from_local(
                part.to_local().clone().to(mesh.device_type),
                mesh,
                owner.placements,
                shape=shape,
                stride=value.stride(),
            )

        return _each(moments, own)

    state = {number: divided(owners[number], moments) for number, moments in saved["state"].items()}
    return {**saved, "state": state}


def in_parts(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it moves parameters that lie in parts."""
    return any(isinstance(p, DTensor) for group in optimizer.param_groups for p in group["params"])


def gradient_norm(parameters: Sequence[Tensor]) -> Tensor:
    """The norm of all gradients together, those of parts too. To be called by all processes."""
    squares = []
    for parameter in parameters:
        if parameter.grad is not None:
            norm = torch.linalg.vector_norm(parameter.grad.detach())
            squares.append((norm.full_tensor() if isinstance(norm, DTensor) else norm).square())
    return torch.stack(squares).sum().sqrt() if squares else torch.zeros(())


def _each(values: Mapping[str, Any], function: Any) -> dict[str, Any]:
    return {name: function(v) if isinstance(v, Tensor) else v for name, v in values.items()}
