"""`python -m benchmarks.normalizers`: ours against TRL's and verl's own code, on torch tensors.

65,536 rows of 8 terms in groups of 8, float32, one thread. TRL's side is the statements of its trainers'
methods that make advantages of rewards, cut out of the installed package and run as they stand; verl's are
its functions, in `.venv-verl` (`make peers`) or `$REWARDKIT_PEERS/verl`, where there is one. What both sides
give is compared before anything is timed. Rounds alternate; the best of each counts.
"""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from rewardkit.normalizers import NORMALIZERS

ROWS, TERMS, SIZE = 65_536, 8, 8
ROUNDS = 30

Compute = Callable[[], Any]


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    rewards = torch.randint(0, 33, (ROWS, TERMS), generator=generator) / 8
    groups = torch.arange(ROWS) // SIZE
    weights = torch.tensor([1.0, 0.5, 0.25, 0.125] * 2)
    lengths = torch.randint(1, 9, (ROWS,), generator=generator)
    peers = _verl(rewards, groups, weights, lengths)
    print(f"{ROWS:,} rows x {TERMS} terms, groups of {SIZE}, float32, {torch.get_num_threads()} thread")
    print(f"{'normalizer':16}{'ours':>10}{'TRL':>12}{'verl':>12}")
    for name, function in NORMALIZERS.items():
        args = rewards, groups, weights

        def ours(profile: str, function: Any = function, args: Any = args) -> Any:
            return function(*args, lengths=lengths, profile=profile)

        default = "paper" if name == "reinforce_pp" else "trl"
        sides: list[Compute] = [lambda ours=ours, default=default: ours(default)]  # type: ignore[misc]
        if name in TRL:
            sides.append(_trl(name, rewards, weights))
            np.testing.assert_allclose(sides[0](), sides[1](), rtol=1e-4, atol=1e-4)
        times = _best(sides)
        cells = [f"{1000 * times[0]:>7.2f} ms"]
        cells.append(f"{1000 * times[1]:>7.2f} ms" if len(times) > 1 else "")
        ratios = [f"{times[1] / times[0]:.1f} x TRL"] if len(times) > 1 else []
        if name in peers:
            seconds, advantages = peers[name]
            np.testing.assert_allclose(ours("verl"), advantages, rtol=1e-3, atol=1e-3)
            mine = _best([lambda ours=ours: ours("verl")])[0]  # type: ignore[misc]
            cells.append(f"{1000 * seconds:>7.0f} ms")
            ratios.append(f"{seconds / mine:.0f} x verl")
        print(f"{name:16}" + "".join(f"{cell:>12}" for cell in [*cells, ""][:3]) + "   " + ", ".join(ratios))
    if not peers:
        print("verl: no environment of it; `make peers` builds one")


def _best(sides: list[Compute]) -> list[float]:
    """The shortest of `ROUNDS` runs of each, in seconds."""
    best = [float("inf")] * len(sides)
    for _ in range(ROUNDS):
        for i, side in enumerate(sides):
            start = time.perf_counter()
            side()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


# --- TRL -------------------------------------------------------------------------------------------

#: our name -> the trainer and its settings
TRL: dict[str, tuple[str, dict[str, Any]]] = {
    "grpo": ("GRPOTrainer", {"multi_objective_aggregation": "sum_then_normalize", "scale_rewards": "group"}),
    "dr_grpo": (
        "GRPOTrainer",
        {"multi_objective_aggregation": "sum_then_normalize", "scale_rewards": "none"},
    ),
    "batch": ("GRPOTrainer", {"multi_objective_aggregation": "sum_then_normalize", "scale_rewards": "batch"}),
    "gdpo": ("GRPOTrainer", {"multi_objective_aggregation": "normalize_then_sum"}),
    "rloo": ("RLOOTrainer", {"normalize_advantages": False, "reward_clip_range": None, "beta": 0.0}),
}


def _trl(name: str, rewards: torch.Tensor, weights: torch.Tensor) -> Compute:
    """The statements from the first that looks at rewards to the last that makes advantages."""
    import trl

    trainer, settings = TRL[name]
    method = getattr(trl, trainer)._generate_and_score_completions
    body = ast.parse(textwrap.dedent(inspect.getsource(method))).body[0]
    assert isinstance(body, ast.FunctionDef)
    sets = [_sets(statement) for statement in body.body]
    first = sets.index("unscorable_mask")
    last = max(
        i for i, s in enumerate(sets) if s == "advantages" and "nan_to_num" in ast.unparse(body.body[i])
    )
    text = "def advantages(self, rewards_per_func, num_generations, device):\n"
    text += textwrap.indent("\n".join(ast.unparse(s) for s in body.body[first : last + 1]), "    ")
    names = dict(vars(sys.modules[method.__module__]))
    exec(text + "\n    return advantages\n", names)
    me = SimpleNamespace(reward_weights=weights, reward_funcs=[None] * TERMS, **settings)
    return lambda: names["advantages"](me, rewards, SIZE, rewards.device)


def _sets(statement: ast.stmt) -> str:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


# --- verl ------------------------------------------------------------------------------------------

_IN_VERL = """
import sys, time
import numpy as np, torch
sys.path.insert(0, sys.argv[3])
import advantages_in_verl as theirs
torch.set_num_threads(1)
with np.load(sys.argv[1]) as given:
    parts = [given[name] for name in ("rewards", "weights", "groups", "lengths")]
out = {}
for name, advantages, seconds in theirs.timed(*parts):
    out[name], out[name + "/seconds"] = advantages, np.array(seconds)
np.savez(sys.argv[2], **out)
"""


def _verl(*arrays: torch.Tensor) -> dict[str, tuple[float, np.ndarray]]:
    """Our name -> the seconds that verl's estimator takes, and its advantages; nothing without verl."""
    root = Path(__file__).parents[1]
    given = os.environ.get("REWARDKIT_PEERS")
    python = (Path(given) / "verl" if given else root / ".venv-verl") / "bin" / "python"
    if not python.exists():
        return {}
    print("verl is at it …", file=sys.stderr)
    names = ("rewards", "groups", "weights", "lengths")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(source, **{name: array.numpy() for name, array in zip(names, arrays, strict=True)})
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
        command = [str(python), "-c", _IN_VERL, str(source), str(target), str(root / "tests" / "peers")]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        with np.load(target) as found:
            return {n: (float(found[f"{n}/seconds"]), found[n]) for n in found if "/" not in n}


if __name__ == "__main__":
    main()
