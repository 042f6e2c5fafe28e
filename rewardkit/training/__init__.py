"""Training: a policy learns from a spec.

`train` is what `rewardkit train run.toml` calls. Nothing here imports torch before it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import RunConfig, load_config, parse_config, read_toml
from .errors import ConfigError, ResumeError, TrainError
from .launch import launched
from .result import Advantage, Scorer, TrainResult

if TYPE_CHECKING:
    from .context import ContextResult, ContextRun
    from .progress import Show

__all__ = [
    "Advantage",
    "ConfigError",
    "ResumeError",
    "RunConfig",
    "Scorer",
    "TrainError",
    "TrainResult",
    "load_config",
    "parse_config",
    "train",
]


def train(
    config: str | Path | Mapping[str, Any] | RunConfig | ContextRun,
    *,
    overrides: Mapping[str, Any] | None = None,
    base: str | Path | None = None,
    fresh: bool = False,
    scorer: Scorer | None = None,
    advantage: Advantage | None = None,
    progress: Show | bool = True,
) -> TrainResult | ContextResult:
    """Run a run file to its end, from its latest checkpoint if there is one.

    A run with a table `[context]` changes no weights: it gives a `ContextResult`, and needs no torch.

    Args:
        config: a run file, its tables, a `RunConfig` or a `ContextRun`.
        overrides: single values in place of the file's, under dotted keys: `{"train.seed": 3}`.
        base: folder that paths are relative to: that of the run file, else the current one.
        fresh: forget what an earlier run left in the log folder and start anew.
        scorer: instead of loading `reward.spec`.
        advantage: instead of the spec's or the run file's normalizer.
        progress: whether to show progress on standard error, or what to report to.

    Raises `TrainError`: `ConfigError` for a wrong run file, `ResumeError` if the checkpoint belongs to
    another run, or itself for data and models that do not fit; `FaultLimitError` if more rows of a batch
    faulted than `train.max_faults` allows; and what loading and running the spec raises.
    """
    if _has_context(config):
        from .context.run import train_context

        if advantage is not None:
            raise TrainError("a run with [context] has no advantages: leave out `advantage`")
        if launched() > 1:
            raise TrainError("a run with [context] takes one process; start it without a launcher")
        return train_context(config, overrides, base, fresh, scorer, progress)
    assert isinstance(config, str | Path | Mapping | RunConfig)
    if isinstance(config, RunConfig):
        run = parse_config(config.model_dump(exclude_unset=True), overrides) if overrides else config
    elif isinstance(config, Mapping):
        run = parse_config(config, overrides)
    else:
        run = load_config(config, overrides)
        base = Path(config).parent if base is None else base
    try:
        import transformers  # noqa: F401

        from .loop import run_training
    except ImportError as error:
        raise TrainError(
            f"training needs `{error.name}`, which is not installed; `pip install 'rewardkit[train]'`"
        ) from None
    return run_training(run, Path(base or "."), fresh, scorer, advantage, progress)


def _has_context(config: object) -> bool:
    """Whether a run changes no weights; of a file that cannot be read that is not known."""
    if isinstance(config, str | Path):
        try:
            return "context" in read_toml(config)
        except ConfigError:
            return False
    return "context" in config if isinstance(config, Mapping) else not isinstance(config, RunConfig)
