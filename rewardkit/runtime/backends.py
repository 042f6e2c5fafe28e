"""What a run brings along to carry out heavy calls: worker processes, a sandbox, a judge, a reward model.

A spec never names them, so that the same spec runs anywhere. Each is opened when the first call needs it.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Self

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.cache import Cache
from rewardkit.runtime.executors import Executor
from rewardkit.runtime.pool import WorkerPool, shared_pool
from rewardkit.runtime.programs import Programs
from rewardkit.runtime.workers import Workers
from rewardkit.sandbox import Sandbox, SandboxConfig, open_sandbox
from rewardkit.types.function import Function

if TYPE_CHECKING:
    from types import TracebackType

    from rewardkit.runtime.configs import JudgeConfig, RewardModelConfig


class Backends:
    """The executors of a run, and the cache in front of them. It may be shared by rewards and threads.

    Args:
        workers: worker processes for heavy verifiers, or a pool of them; by default one process per usable
            core, shared by all that do not bring their own.
        sandbox: where `code.run` runs programs: how to open one, or an open one, which stays its owner's to
            close. By default Docker where it is there, else bubblewrap, else an error.
        judge: the endpoint behind `judge.*`.
        model: the reward model behind `model.score`.
        cache: results of heavy calls; by default in memory, for this run only.
    """

    def __init__(
        self,
        *,
        workers: int | WorkerPool | None = None,
        sandbox: SandboxConfig | Sandbox | None = None,
        judge: JudgeConfig | None = None,
        model: RewardModelConfig | None = None,
        cache: Cache | None = None,
    ) -> None:
        _check("judge", judge, "JudgeConfig")
        _check("model", model, "RewardModelConfig")
        _check("cache", cache, "Cache")
        _check("sandbox", None if hasattr(sandbox, "run") else sandbox, "SandboxConfig")
        self.cache = Cache() if cache is None else cache
        self._workers, self._sandbox, self._judge, self._model = workers, sandbox, judge, model
        self._open: dict[str, Executor] = {}
        self._lock = threading.Lock()

    @classmethod
    def read(cls, path: str) -> Backends:
        """What a TOML file names, as `--backends` reads it; paths in it are relative to its folder.

        Raises:
            RewardError: it cannot be read, holds unknown keys or wrong values, or its cache cannot be opened.
        """
        from rewardkit.runtime.brought import bring, read_backends

        return bring(*read_backends(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def executor(self, function: Function) -> Executor:
        """What carries out a function's calls.

        Raises:
            RewardError: it is not there; the message says how to bring it along.
        """
        kind = function.executor
        with self._lock:
            if kind not in self._open:
                self.require(function)
                self._open[kind] = self._made(kind)
            return self._open[kind]

    def require(self, function: Function) -> None:
        """Before the first of perhaps many rows: what the function needs was named. Raises as `executor`."""
        if function.executor == "endpoint" and self._judge is None:
            raise _absent(function.name, "judge", "judge", "JudgeConfig(base_url=…, model=…)")
        if function.executor == "model" and self._model is None:
            raise _absent(function.name, "model", "reward model", "RewardModelConfig(path=…)")

    def close(self) -> None:
        """End what was opened; a later call opens it again. Worker processes that others share stay."""
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for executor in opened:
            executor.close()

    def _made(self, kind: str) -> Executor:
        if kind == "endpoint" and self._judge is not None:
            from rewardkit.runtime.endpoint import Endpoint

            executor: Executor = Endpoint(self._judge)
        elif kind == "model" and self._model is not None:
            from rewardkit.runtime.reward_model import RewardModel

            executor = RewardModel(self._model)
        elif kind == "sandbox":
            executor = self._programs()
        else:
            return self._pooled()
        weakref.finalize(self, executor.close)
        return executor

    def _programs(self) -> Programs:
        given = self._sandbox
        if given is None or isinstance(given, SandboxConfig):
            return Programs(lambda: open_sandbox(given))
        return Programs(lambda: given, own=False)

    def _pooled(self) -> Workers:
        if self._workers is None:
            return Workers(shared_pool)
        if isinstance(self._workers, WorkerPool):
            given = self._workers
            return Workers(lambda: given)
        pool = WorkerPool(self._workers)
        weakref.finalize(self, pool.close)
        return Workers(lambda: pool, own=True)


def _check(name: str, value: object, kind: str) -> None:
    """Refuse a text or a dict where a config is wanted; by its class's name, which need not be imported."""
    if value is not None and kind not in (base.__name__ for base in type(value).__mro__):
        raise TypeError(f"`{name}` is a `{kind}(…)`, not {repr(value)[:60]}")


def _absent(function: str, table: str, what: str, config: str) -> RewardError:
    return RewardError(
        f"the spec uses `{function}`, and the run names no {what}: give a table [{table}] in "
        f"the file of `--backends` or in the run file, or `backends=Backends({table}={config})`"
    )
