"""A killed run goes on bit for bit, and only as the run it was."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_toy import make_scores, score, write_task

from rewardkit.runtime.scores import Scores
from rewardkit.training import ResumeError, train
from rewardkit.training.checkpoint import checkpoints
from rewardkit.training.logs import keep_until, read_log

STEPS = 14


def settings(folder: Path) -> dict[str, Any]:
    """Everything that has state: warm-up, a reference, inner epochs, a schedule, a reward that draws."""
    task = write_task(folder)
    (folder / "demos.jsonl").write_text('{"prompt": "1=", "completion": "x"}\n')
    task["warmup"] = {"rows": "demos.jsonl", "steps": 3, "batch": 4}
    task["train"].update(
        steps=STEPS, epochs=2, schedule="cosine", warmup_steps=2, kl_coefficient=0.01, normalizer="gdpo"
    )
    task["checkpoint"] = {"every": 3, "keep": 2}
    return task


def noisy(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    """A reward that draws from every global generator."""
    plain = score(rows, group=group, step=step)
    noise = random.random() + np.random.rand() + float(torch.rand(()))
    near = plain.matrix[:, 0] + noise * np.random.rand(len(group))
    return make_scores({"near": near.tolist(), "clean": plain.matrix[:, 1].tolist()}, group, step=step)


def slow(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    time.sleep(0.02)
    return noisy(rows, group=group, step=step)


def run(folder: Path, scorer: Any = noisy, fresh: bool = False, **overrides: Any) -> Any:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return train(settings(folder), overrides=changes, base=folder, scorer=scorer, progress=False, fresh=fresh)


def without_times(path: Path) -> list[dict[str, Any]]:
    return [{**line, "seconds": None} for line in read_log(path)]


def same_end(one: Path, other: Path) -> bool:
    pairs = [(one / name, other / name) for name in ("model.safetensors", "training.pt")]
    return all(a.read_bytes() == b.read_bytes() for a, b in pairs)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that was never interrupted."""
    return run(tmp_path_factory.mktemp("whole"))


def test_kill_nine_at_a_random_moment(whole: Any, tmp_path: Path) -> None:
    here = Path(__file__).parent
    script = (
        f"import sys; sys.path.insert(0, {str(here)!r})\n"
        "from pathlib import Path\nimport test_resume\n"
        f"test_resume.run(Path({str(tmp_path)!r}), test_resume.slow)\n"
    )
    chance = random.SystemRandom()  # a run seeds the global generators
    process = subprocess.Popen([sys.executable, "-c", script])
    log, lines = tmp_path / "run" / "log.jsonl", chance.randint(1, STEPS - 2)
    while process.poll() is None and (not log.exists() or len(read_log(log)) < lines):
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.03))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    result = run(tmp_path)
    assert result.resumed_from in (None, 1, 3, 6, 9, 12)
    assert same_end(result.checkpoint, whole.checkpoint)
    assert without_times(result.log) == without_times(whole.log)


def test_every_checkpoint_leads_to_the_same_end(whole: Any, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stopping(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        if step in (1, 4, 10) and step not in stopped:
            stopped.add(step)
            raise Stop
        return noisy(rows, group=group, step=step)

    stopped: set[int] = set()
    for start in (1, 3, 9):
        with pytest.raises(Stop):
            run(tmp_path, stopping)
        torch.manual_seed(0)  # whatever happened in between does not matter
        assert checkpoints(tmp_path / "run" / "checkpoints")[-1].name == f"step-{start:06d}"
    result = run(tmp_path, stopping)
    assert result.resumed_from == 9
    assert same_end(result.checkpoint, whole.checkpoint)
    assert without_times(result.log) == without_times(whole.log)


def test_half_a_checkpoint_is_none(whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Death between writing and renaming leaves the checkpoint before it in force."""

    def die(draft: Path, final: Path) -> None:
        if final.name == "step-000006":
            raise KeyboardInterrupt
        real(draft, final)

    import rewardkit.training.checkpoint as module

    real = module.replace_folder
    monkeypatch.setattr(module, "replace_folder", die)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    saves = tmp_path / "run" / "checkpoints"
    assert list(saves.glob(".draft-*"))
    result = run(tmp_path)
    assert result.resumed_from == 3
    assert same_end(result.checkpoint, whole.checkpoint)
    assert sorted(path.name for path in saves.iterdir()) == ["step-000012", "step-000014"]


def test_a_finished_run_has_nothing_left(whole: Any) -> None:
    before = whole.log.read_bytes(), (whole.policy / "model.safetensors").read_bytes()
    again = run(whole.folder.parent)
    assert (again.resumed_from, again.last) == (STEPS, None)
    assert (again.log.read_bytes(), (again.policy / "model.safetensors").read_bytes()) == before


def test_another_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path, train__steps=1, train__schedule="constant")
    with pytest.raises(ResumeError, match=r"`train.learning_rate` is 0.5, was 0.003.*--fresh"):
        run(tmp_path, train__steps=1, train__schedule="constant", train__learning_rate=0.5)
    # more steps at a constant rate, another way to log: still the same run
    more = run(tmp_path, train__steps=2, train__schedule="constant", log__every=2)
    assert (more.resumed_from, more.last.step) == (1, 2)
    with pytest.raises(ResumeError, match=r"`train.schedule` is 'cosine', was 'constant'"):
        run(tmp_path, train__steps=2)

    def reworded(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        return make_scores({"a": [0.0] * len(group)}, group, fingerprint="other")

    with pytest.raises(ResumeError, match="the spec is not the one"):
        run(tmp_path, reworded, train__steps=3, train__schedule="constant")
    anew = run(tmp_path, reworded, fresh=True, train__steps=1)
    assert (anew.resumed_from, len(read_log(anew.log))) == (None, 1)


def test_other_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, train__steps=1, train__schedule="constant")
    task = settings(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1=", "count": 1}\n')
    changes = {"train.steps": 2, "train.schedule": "constant"}
    with pytest.raises(ResumeError, match=r"the rows of `data\.rows` are others"):
        train(task, overrides=changes, base=tmp_path, scorer=noisy, progress=False)


def test_a_changed_spec_is_noticed_before_anything_runs(tmp_path: Path) -> None:
    class Spec:
        fingerprint = "toy"

        def __call__(self, rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
            return score(rows, group=group, step=step)

    spec = Spec()
    run(tmp_path, spec, train__steps=1, train__schedule="constant")
    spec.fingerprint = "other"
    for steps in (1, 2):  # also when no step is left
        with pytest.raises(ResumeError, match=r"the spec is not the one it began with .*put that.*--fresh"):
            run(tmp_path, spec, train__steps=steps, train__schedule="constant")
    spec.fingerprint = "toy"
    assert run(tmp_path, spec, train__steps=2, train__schedule="constant").resumed_from == 1


def test_a_log_is_cut_at_the_checkpoint(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    keep_until(log, 2)
    assert log.read_text() == '{"step": 1}\n{"step": 2}\n'
