"""Programs for several processes, as a launcher would start them, and what they write for the tests."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from training_toy import score, write_task

from rewardkit.runtime.scores import Scores
from rewardkit.training import train

HERE = Path(__file__).parent
SECONDS = 120


def environment(rank: int, count: int, port: int) -> dict[str, str]:
    """Of one process, as `torchrun` sets it."""
    own = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "OMP_NUM_THREADS": 1,
    }
    return {**os.environ, **{name: str(value) for name, value in own.items()}}


def start(program: str, folder: Path, count: int = 2, **variables: str) -> list[subprocess.Popen[str]]:
    """`count` processes that call a function of this module or `module:function`, with the folder."""
    module, _, function = program.rpartition(":")
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "import warnings; from pathlib import Path\n"
        f"import {module or 'several'} as programs\n"
        f"programs.{function}(Path({str(folder)!r}))\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**environment(rank, count, port), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(count)
    ]


def finish(processes: Sequence[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit code and output of each; those that do not end in time are killed, which shows in their code."""
    deadline = time.monotonic() + SECONDS
    done = []
    for process in processes:
        try:
            out, _ = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        done.append((process.returncode, out))
    return done


def together(program: str, folder: Path, count: int = 2, **variables: str) -> list[Any]:
    """What the program gave in each process, see `give`; an assertion shows their output if one failed."""
    done = finish(start(program, folder, count, **variables))
    codes = [code for code, _ in done]
    assert codes == [0] * count, f"{codes}\n" + "\n".join(out for _, out in done)
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(count)]


def give(folder: Path, value: Any) -> None:
    """Hand a value to the test."""
    (folder / f"{os.environ['RANK']}.pickle").write_bytes(pickle.dumps(value))


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    """The toy task with an uneven number of groups, and everything on that has a state."""
    task = write_task(folder)
    task["train"].update(prompts_per_step=5, steps=8, epochs=2, kl_coefficient=0.01)
    task["checkpoint"] = {"every": 3, "keep": 2}
    for key, value in changes.items():
        table, _, name = key.partition("__")
        task.setdefault(table, {})[name] = value
    return task


def noisy(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    """A reward that draws from numpy's global generator."""
    plain = score(rows, group=group, step=step)
    drawn = plain.matrix + np.random.rand(*plain.matrix.shape) / 10
    return Scores(**{**vars(plain), "matrix": drawn, "total": drawn.sum(axis=1)})


def slow(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    time.sleep(0.03)
    return noisy(rows, group=group, step=step)


def run(folder: Path, scorer: Any = noisy, **changes: Any) -> Any:
    return train(settings(folder, **changes), base=folder, scorer=scorer, progress=False)


def whole_run(folder: Path) -> None:
    result = run(folder)
    give(folder, (result.steps, result.resumed_from, str(result.checkpoint)))


def slow_run(folder: Path) -> None:
    run(folder, slow)


def various(folder: Path) -> None:
    """Several runs one after the other, each in a folder of its own."""
    found = {}
    for program in (uninterrupted, resampled, failing, faulty, full_disk):
        own = folder / program.__name__
        own.mkdir(exist_ok=True)
        found[program.__name__] = program(own)
    give(folder, found)


def uninterrupted(folder: Path) -> Any:
    return run(folder).steps


def resampled(folder: Path) -> Any:
    """Dynamic sampling: groups without signal are sampled anew."""

    def whole(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        seen.append(len(group))
        plain = score(rows, group=group, step=step)
        right = plain.gates["brief"]
        matrix = np.stack([right, right, right], axis=1)
        return Scores(**{**vars(plain), "matrix": matrix, "total": matrix.sum(axis=1)})

    seen: list[int] = []
    recipe = {"filter": "dynamic_sampling", "max_resamples": 3, "normalizer": "grpo", "steps": 4}
    result = run(folder, whole, **{f"train__{name}": value for name, value in recipe.items()})
    return seen, result.last.kept, result.last.loss, result.last.no_signal


def failing(folder: Path) -> Any:
    """A reward that fails in the second process only, in the third step."""

    def judged(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        if os.environ["RANK"] == "1" and step == 2:
            raise ValueError("the judge of process 1 is away")
        return score(rows, group=group, step=step)

    return caught(folder, judged)


def faulty(folder: Path) -> Any:
    """Faults on one process's rows only, below the limit of the whole batch and then above it."""

    def judged(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        plain = score(rows, group=group, step=step)
        bad = 0 if os.environ["RANK"] == "0" else 2 if step == 0 else 3
        faults = [{"row": row, "name": "near", "reason": "late"} for row in range(bad)]
        schema = {"row": pl.Int64, "name": pl.String, "reason": pl.String}
        return Scores(**{**vars(plain), "faults": pl.DataFrame(faults, schema=schema)})

    return caught(folder, judged, train__max_faults=0.05)


def full_disk(folder: Path) -> Any:
    """The main process cannot write its checkpoint."""
    from rewardkit.training import checkpoint

    def full(draft: Path, final: Path) -> None:
        raise OSError(28, "No space left on device")

    kept, checkpoint.replace_folder = checkpoint.replace_folder, full
    try:
        return caught(folder, noisy)
    finally:
        checkpoint.replace_folder = kept


def caught(folder: Path, scorer: Any, **changes: Any) -> str:
    """What a run says that does not end well."""
    try:
        run(folder, scorer, **changes)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"
