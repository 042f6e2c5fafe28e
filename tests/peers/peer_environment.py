"""Other projects' packages, in virtual environments of their own: `make peers` builds them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment; the test is skipped where there is none, or fails if
    `REWARDKIT_PEERS_TESTS` is `required`."""
    given = os.environ.get("REWARDKIT_PEERS")
    folder = Path(given) / peer if given else ROOT / f".venv-{peer}"
    python = folder / "bin" / "python"
    if not python.exists():
        missing(f"no {python}; `make peers` builds it")
    return python


def missing(why: str) -> None:
    """Skip the test, or fail it where the peers are required."""
    if os.environ.get("REWARDKIT_PEERS_TESTS") == "required":
        pytest.fail(why)
    pytest.skip(why)


def ask(peer: str, script: str, arrays: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """What a script beside this file makes of arrays, in the peer's environment."""
    source, target = folder / "in.npz", folder / "out.npz"
    np.savez(source, **arrays)
    command = [str(python_of(peer)), str(Path(__file__).with_name(script)), str(source), str(target)]
    # its own packages only, and quickly: what an outer environment says is not for it
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(target) as found:
        return dict(found)
