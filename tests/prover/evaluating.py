"""Claims looked at on real rows, without the prover: what a verdict is held against."""

from dataclasses import replace

import numpy as np

from rewardkit.checker import check
from rewardkit.checker.wording import peeled
from rewardkit.diagnostics import Source
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Reward

#: differences below this may be rounding
ROUNDING = 1e-6


def checked(text):
    spec, diagnostics = check(Source("claimed", text))
    assert spec is not None, "\n".join([text, *(f"{d.code} {d.message}" for d in diagnostics)])
    return spec


class Looker:
    """One claim of a spec, evaluated on rows."""

    def __init__(self, spec, claim):
        self.claim = claim
        parts = {"the subject": claim.subject, "the other": claim.other, "the score": claim.score}
        self.parts = [name for name, value in parts.items() if value is not None]
        lets = {**spec.lets, **{name: value for name, value in parts.items() if value is not None}}
        self.reward = Reward(replace(spec, lets=lets))

    def values(self, rows, group, step, params):
        """Of each row what the claim looks at; `None` for a row that it does not speak of."""
        from rewardkit.runtime.rows import Rows

        n = len(rows)
        table = Rows(rows)
        columns = {
            name: np.array([value] * n, dtype=object if isinstance(value, str) else None)
            for name, value in params.items()
        }
        every = np.ones(n, bool)
        run = self.reward.evaluate(
            table, group=group, step=step, params=columns, uses=dict.fromkeys(self.parts, every)
        )
        scores = self.reward.scores_of(run)
        failed = {fault.row for fault in run.engine.faults()} | set(scores.faults["row"].to_list())
        found = {name: values_of(run.engine.columns[self.reward.plan.lets[name]]) for name in self.parts}
        out = []
        for i in range(n):
            if run.skipped[i] or i in failed or np.isnan(scores.total[i]):
                out.append(None)
                continue
            row = {name: found[name][i] for name in self.parts}
            if self.claim.scope == "reward":
                row["the score"] = float(scores.total[i])
            if peeled(self.claim.subject).path == "reward":
                row["the subject"] = float(scores.total[i])
            out.append(row)
        return out

    def broken(self, rows, size, step, params):
        """Rows that break the claim by more than rounding; `None` where there are none."""
        claim, n = self.claim, len(rows)
        values = self.values(rows, size, step, params)
        if claim.form in ("condition", "range"):
            for row, value in zip(rows, values, strict=True):
                x = None if value is None else value["the subject"]
                if x is None:
                    continue
                if claim.form == "condition" and x is False:
                    return [row]
                if claim.form == "range" and outside(x, claim.range):
                    return [row]
        elif claim.form == "outranks":
            for i in range(n):
                for j in range(i // size * size, min(n, i // size * size + size)):
                    a, b = values[i], values[j]
                    if a is None or b is None or a["the subject"] is not True or b["the other"] is not True:
                        continue
                    x, y = a["the score"], b["the score"]
                    if x is not None and y is not None and y - x > ROUNDING * max(1, abs(x), abs(y)):
                        return [rows[i], rows[j]]
        return None

    def moved(self, row, name, low, high, step, params):
        """Whether moving one value of a row alone breaks a claim of direction."""

        def values(value):
            if name == "step":
                return self.values([row], 1, value, params)[0]
            if name in params:
                return self.values([row], 1, step, {**params, name: value})[0]
            column = {"completion.tokens": "completion_tokens"}.get(name, name)
            return self.values([{**row, column: value}], 1, step, params)[0]

        before, after = values(low), values(high)
        if before is None or after is None:
            return False
        x, y = before["the subject"], after["the subject"]
        if self.claim.direction == "constant":
            return (x is None) != (y is None) or (x is not None and differ(x, y))
        if x is None or y is None:
            return False
        x, y = float(x), float(y)
        slack = ROUNDING * max(1, abs(x), abs(y))
        return x - y > slack if self.claim.direction == "increasing" else y - x > slack


def differ(x, y):
    if isinstance(x, bool | str) or isinstance(y, bool | str):
        return x != y
    return abs(x - y) > ROUNDING * max(1, abs(x), abs(y))


def outside(x, interval):
    slack = ROUNDING * max(1, abs(x))
    low = interval.lo is not None and float(interval.lo) - x > slack
    return low or (interval.hi is not None and x - float(interval.hi) > slack)
