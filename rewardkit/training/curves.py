"""Runs side by side: curves of every term as a PNG, and a table of where they end.

Runs are given as `{"gdpo": [log of seed 0, log of seed 1, …], "grpo": […]}`, logs being `log.jsonl` files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TrainError
from .logs import read_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = Mapping[str, Sequence[str | Path]]
Log = Sequence[Mapping[str, Any]]

#: what a log has of a term, its title, and the title where the term has none of it
_PANELS = (
    ("terms", "mean", "no value"),
    ("gates", "gate open", "no gate"),
    ("shares", "effective share", "not in the reward"),
)
_WHOLE = (("reward", "reward"), ("tokens", "tokens"), ("no_signal", "groups without signal"))


def plot(runs: Runs, path: str | Path, smooth: int = 1) -> Path:
    """Draw every term's mean, gate-open share and effective share, then reward, length and signal.

    A line is the mean over a label's logs, its band their lowest and highest, as far as all of them go.
    `smooth` averages over that many steps back. Returns the path. Raises `TrainError` for empty logs.
    """
    from matplotlib.figure import Figure

    logs = _read(runs)
    terms = _terms(logs)
    figure = Figure(figsize=(12, 2.6 * (len(terms) + 1)), layout="constrained")
    grid = figure.subplots(len(terms) + 1, 3, squeeze=False)
    for row, term in zip(grid, terms, strict=False):
        for axes, (kind, title, absent) in zip(row, _PANELS, strict=True):
            drawn = _draw(axes, logs, [kind, term], smooth)
            axes.set_title(f"{term}: {title if drawn else absent}", fontsize=9)
    for axes, (measure, title) in zip(grid[-1], _WHOLE, strict=True):
        _draw(axes, logs, [measure], smooth)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("step")
    figure.legend(*grid[-1][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(logs))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def table(runs: Runs, thresholds: Mapping[str, float] | None = None, last: int = 10) -> str:
    """A text table: the mean of each measure over the `last` steps, and steps to thresholds.

    Several logs of a label give mean ± standard deviation (ddof 1); steps to a threshold, the first step
    at which a term's mean is at least that, give mean and [lowest, highest]. `thresholds` maps terms to
    values. Raises `TrainError` for empty logs or an unknown term.
    """
    logs = _read(runs)
    terms = _terms(logs)
    lines = [["mean of the last steps", *logs]]
    for name, keys in [*((t, ["terms", t]) for t in terms), ("reward", ["reward"]), ("tokens", ["tokens"])]:
        lines.append([name, *(_end(several, keys, last) for several in logs.values())])
    for term, threshold in (thresholds or {}).items():
        if term not in terms:
            raise TrainError(f"the logs have no term `{term}`; they have {', '.join(terms)}")
        reached = (_first_at(several, ["terms", term], threshold) for several in logs.values())
        lines.append([f"steps to {term} >= {threshold:g}", *reached])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines
    )


def series(log: Log, keys: Sequence[str]) -> np.ndarray:
    """One measure over a log's lines, `["reward"]` or `["terms", "format"]`: float64, NaN for none."""
    return np.array([_at(line, keys) for line in log], dtype=np.float64)


def _read(runs: Runs) -> dict[str, list[Log]]:
    logs: dict[str, list[Log]] = {}
    for label, paths in runs.items():
        logs[label] = [read_log(path) for path in paths]
        if not logs[label] or not all(logs[label]):
            raise TrainError(f"no steps in the logs of `{label}`")
    if not logs:
        raise TrainError("no runs to compare")
    return logs


def _terms(logs: Mapping[str, Sequence[Log]]) -> list[str]:
    return list(dict.fromkeys(t for several in logs.values() for log in several for t in log[0]["terms"]))


def _at(line: Mapping[str, Any], keys: Sequence[str]) -> float:
    value: Any = line
    for key in keys:
        value = value.get(key)
        if value is None:
            return float("nan")
    return float(value)


def _draw(axes: Axes, logs: Mapping[str, Sequence[Log]], keys: Sequence[str], smooth: int) -> bool:
    """Whether there was anything to draw."""
    drawn = False
    for number, (label, several) in enumerate(logs.items()):
        length = min(map(len, several))
        steps = [line["step"] for line in several[0][:length]]
        values = np.stack([_smooth(series(log[:length], keys), smooth) for log in several])
        if np.isnan(values).all():
            continue
        drawn = True
        there = ~np.isnan(values).all(axis=0)
        steps_there, values = np.array(steps)[there], values[:, there]
        axes.plot(steps_there, np.nanmean(values, axis=0), color=f"C{number}", label=label, linewidth=1.4)
        if len(several) > 1:
            low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
            axes.fill_between(steps_there, low, high, color=f"C{number}", alpha=0.18, linewidth=0)
    if drawn:
        axes.grid(alpha=0.3)
    else:
        axes.set_axis_off()
    return drawn


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Each value averaged with those up to `window - 1` places before it, NaN left out."""
    tails = (values[max(0, end - window) : end] for end in range(1, len(values) + 1))
    present = [tail[~np.isnan(tail)] for tail in tails]
    return np.array([tail.mean() if tail.size else np.nan for tail in present])


def _end(several: Sequence[Log], keys: Sequence[str], last: int) -> str:
    tails = [series(log, keys)[-last:] for log in several]
    ends = np.array([tail[~np.isnan(tail)].mean() for tail in tails if not np.isnan(tail).all()])
    if not ends.size:
        return "-"
    return f"{ends.mean():.3f}" + (f" ± {ends.std(ddof=1):.3f}" if ends.size > 1 else "")


def _first_at(several: Sequence[Log], keys: Sequence[str], threshold: float) -> str:
    firsts = []
    for log in several:
        hits = np.flatnonzero(series(log, keys) >= threshold)  # NaN compares false
        if hits.size:
            firsts.append(int(log[hits[0]]["step"]))
    if not firsts:
        return "never"
    text = f"{np.mean(firsts):.1f} [{min(firsts)}, {max(firsts)}]" if len(firsts) > 1 else str(firsts[0])
    never = len(several) - len(firsts)
    return f"{text}, {never} of {len(several)} never" if never else text
