"""rewardkit: a small declarative language for reinforcement-learning rewards.

    import rewardkit as rk

    reward = rk.load("math.rwd", budget=8192)
    scores = reward(prompt=..., completion=..., answer=..., group=8)
    advantage = rk.advantage(scores)

Importing the package is cheap: polars, torch, transformers and sympy come in when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardkit.version import __version__

if TYPE_CHECKING:
    from rewardkit.diagnostics import Diagnostic, RewardError, SpecError
    from rewardkit.normalizers.apply import advantage
    from rewardkit.runtime import FaultLimitError, Reward, RowsError, Scores, load, loads
    from rewardkit.runtime.backends import Backends
    from rewardkit.runtime.cache import Cache
    from rewardkit.runtime.configs import JudgeConfig, RewardModelConfig
    from rewardkit.sandbox import SandboxConfig

__all__ = [
    "Backends",
    "Cache",
    "Diagnostic",
    "FaultLimitError",
    "JudgeConfig",
    "Reward",
    "RewardError",
    "RewardModelConfig",
    "RowsError",
    "SandboxConfig",
    "Scores",
    "SpecError",
    "__version__",
    "advantage",
    "load",
    "loads",
]

_HOMES = {
    "Backends": "rewardkit.runtime.backends",
    "Cache": "rewardkit.runtime.cache",
    "JudgeConfig": "rewardkit.runtime.configs",
    "RewardModelConfig": "rewardkit.runtime.configs",
    "SandboxConfig": "rewardkit.sandbox",
    "Diagnostic": "rewardkit.diagnostics",
    "RewardError": "rewardkit.diagnostics",
    "SpecError": "rewardkit.diagnostics",
    "FaultLimitError": "rewardkit.runtime",
    "Reward": "rewardkit.runtime",
    "RowsError": "rewardkit.runtime",
    "Scores": "rewardkit.runtime",
    "load": "rewardkit.runtime",
    "loads": "rewardkit.runtime",
    "advantage": "rewardkit.normalizers.apply",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module `rewardkit` has no attribute `{name}`")


def __dir__() -> list[str]:
    return sorted(__all__)
