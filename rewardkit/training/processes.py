"""The processes of one run, as `accelerate launch` or `torchrun` starts them, and what they tell each other.

What one process fails at, all fail at: `gather` and its like raise the same error everywhere, so that
none is left waiting for another.
"""

from __future__ import annotations

import atexit
import os
import pickle
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from .errors import TrainError, reason
from .launch import launched

T = TypeVar("T")

#: that others may wait for the slowest, as for a judge that only one process asks. A process that died does
#: not count on it: its launcher ends the others at once
PATIENCE = timedelta(hours=24)
#: what gloo and nccl say when the other end has gone
GONE = (
    "closed by peer",
    "reset by peer",
    "Broken pipe",
    "remote process has terminated",
    "remote process exited",
)
#: that the one process which says what went wrong has for it
SECONDS_TO_SPEAK = 5.0


@dataclass(frozen=True)
class Processes:
    """`count` processes that take the same steps, of which this one is `rank`. One alone does all at once."""

    rank: int = 0
    count: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def share(self, size: int) -> slice:
        """This process's part of `size` things in a row; parts differ by at most one."""
        return slice(size * self.rank // self.count, size * (self.rank + 1) // self.count)

    def gather(self, work: Callable[[], T]) -> list[T]:
        """What the work gave in each process, by rank.

        Raises what it raised here, or else what it raised in the first process that it failed in.
        """
        if self.count == 1:
            return [work()]
        done: T | None = None
        failed: Exception | None = None
        try:
            done = work()
        except Exception as error:
            failed = error
        everyone: list[Any] = [None] * self.count
        dist.all_gather_object(everyone, (done, None if failed is None else _portable(failed)))
        if failed is not None:
            raise failed
        for _, wrong in everyone:
            if wrong is not None:
                raise wrong
        return [value for value, _ in everyone]

    def together(self, work: Callable[[], T]) -> T:
        """What the work gave here, once it is done in all processes. Raises as `gather` does."""
        if self.count == 1:
            return work()
        kept: list[T] = []
        self.gather(lambda: kept.append(work()))
        return kept[0]

    def main_does(self, work: Callable[[], T]) -> T:
        """What the work gave in the main process; the others wait for it. Raises as `gather` does."""
        if self.count == 1:
            return work()
        sent: list[Any] = [None, None]
        failed: Exception | None = None
        if self.main:
            try:
                sent[0] = work()
            except Exception as error:
                failed, sent[1] = error, _portable(error)
        dist.broadcast_object_list(sent, 0)
        if sent[1] is not None:
            raise failed or sent[1]
        done: T = sent[0]
        return done

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over processes, in place."""
        if self.count > 1:
            dist.all_reduce(tensor)
        return tensor

    def alike(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the main one's values, in place: two devices may round differently."""
        if self.count > 1:
            with torch.no_grad():
                for tensor in tensors:
                    dist.broadcast(tensor, 0)

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up gradients over processes, in place; one that is None everywhere stays None."""
        if self.count == 1:
            return
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        if not learned:
            return
        there = torch.tensor([parameter.grad is not None for parameter in learned], dtype=torch.uint8)
        there = there.to(learned[0].device)
        dist.all_reduce(there, dist.ReduceOp.MAX)
        works = []
        for parameter, used in zip(learned, there.tolist(), strict=True):
            if used:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                works.append(dist.all_reduce(parameter.grad, async_op=True))
        for work in works:
            if work is not None:
                work.wait()


#: one process
ALONE = Processes()


def join_processes() -> Processes:
    """Meet the other processes of the launcher, if there are any. Raises `TrainError` if they cannot meet."""
    if launched() == 1:
        return ALONE
    if not dist.is_initialized():
        try:
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            # objects travel between CPUs (gloo), gradients between GPUs (nccl)
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE
            )
        except (RuntimeError, ValueError) as error:
            raise TrainError(f"the processes of this run cannot meet: {reason(error)}") from None
        if not torch.cuda.is_available():
            # gloo's threads must have ended before the interpreter does, or it may end in an abort. nccl is
            # left at the end of a run that went well only: it might wait for a process that has gone
            atexit.register(leave_processes)
    return Processes(dist.get_rank(), dist.get_world_size())


def leave_processes() -> None:
    """Part from the others, at the end of a program."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def speaks() -> bool:
    """Whether this process, which failed, is the one to say why: the first of them that asks.

    The others are held up, since a launcher ends all processes when one has ended, and the first is to have
    spoken by then.
    """
    if launched() == 1:
        return True
    try:
        store = dist.distributed_c10d._get_default_store()
        key = f"rewardkit/failed/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
        first = int(store.add(key, 1)) == 1
    except Exception:  # they never met, or the others have gone
        first = os.environ.get("RANK", "0") == "0"
    if not first:
        with suppress(KeyboardInterrupt):  # which a launcher passes on a second time
            time.sleep(SECONDS_TO_SPEAK)
    return first


def is_left_alone(error: BaseException) -> bool:
    """Whether an error says that another process has gone, as one does that was killed."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in GONE)


def _portable(error: Exception) -> Exception:
    """An error that another process can raise."""
    try:
        copy = pickle.loads(pickle.dumps(error))
        if isinstance(copy, type(error)) and str(copy) == str(error):
            return error
    except Exception:  # whatever its class does on the way
        pass
    return TrainError(f"{type(error).__name__}: {error}")
