"""The conformance corpus: what specs mean, as data, for the compiled plan and the reference evaluator.

Each `*.toml` beside this file holds cases on one topic:

    [[case]]
    name = "null where a value is wanted gives null"
    spec = "…"               # without `reward` every term weighs 1
    rows = { x = [1, "null"] }        # a column each; TOML has no null
    expect = { t = [1, "null"] }      # terms and lets
    group = 2   step = 10   params = { p = 3 }   calls = { "math.boxed" = 1 }

`expect` may also name `total`, `skipped`, `masked`, `gate of t`, `weights` and `scale`; `"fault"` is a
null with a fault behind it. A spec that is wrong has the codes of its `errors`; `warnings` are likewise.
"""

import tomllib
from pathlib import Path

import pytest
from comparison import compare, equal
from probes import install

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(Path(__file__).parent.glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
]


@pytest.fixture(autouse=True)
def probes(monkeypatch):
    install(monkeypatch)


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    spec, diagnostics = check(Source(case["name"], full(case["spec"])))
    codes = {kind: [d.code for d in diagnostics if d.severity == kind] for kind in ("error", "warning")}
    assert codes["error"] == case.get("errors", []), diagnostics
    assert codes["warning"] == case.get("warnings", []), diagnostics
    if "expect" not in case:
        return
    rows, group, step = plain(case["rows"]), case.get("group"), case.get("step", 0)
    params = case.get("params", {})
    reward = Reward(spec, params)
    scores, _ = compare(reward, rows, group, step, params)
    found = reward.evaluate(Rows(rows), group, step)
    for name, expected in case["expect"].items():
        values = column(reward, scores, found.engine, name)
        assert len(values) == len(expected), name
        for row, (value, wanted) in enumerate(zip(values, expected, strict=True)):
            assert alike(value, wanted), f"{name}, row {row}: {value!r} is not {wanted!r}"
    for name, count in case.get("calls", {}).items():
        assert counts(spec, params, rows, group, step).get(name, 0) == count


def full(text):
    """The spec with a `reward` of all its terms, unless it has one."""
    if "reward" in text.split():
        return text
    terms = [line.split()[1] for line in text.splitlines() if line.strip().startswith("term ")]
    return text + "\nreward { " + "  ".join(f"{term}: 1" for term in terms) + " }"


def plain(columns):
    """Rows of columns; the text `null` is null."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [{name: None if x == "null" else x for name, x in row.items()} for row in rows]


def column(reward, scores, engine, name):
    """What `expect` names; a fault as the text `fault`."""
    if name.startswith("gate of "):
        return scores.gates[name[8:]].tolist()
    if name in ("total", "skipped", "masked", "weights", "scale"):
        return getattr(scores, name).tolist()
    number = reward.plan.terms[name] if name in reward.plan.terms else reward.plan.lets[name]
    found = engine.columns[number]
    hidden = ~found.done | scores.skipped
    return [
        None if hide else "fault" if fault else value
        for value, fault, hide in zip(values_of(found), found.fault, hidden, strict=True)
    ]


def alike(value, wanted):
    if wanted == "null" or (isinstance(wanted, float) and wanted != wanted):
        return value is None or value != value
    if isinstance(wanted, list):
        return list(value) == wanted
    if isinstance(wanted, float) and isinstance(value, float):
        return value == pytest.approx(wanted, rel=1e-12)
    return equal(value, wanted) if not isinstance(wanted, str) else value == wanted


def counts(spec, params, rows, group, step):
    reward = Reward(spec, params)
    reward(rows, group=group, step=step)
    return reward.counts
