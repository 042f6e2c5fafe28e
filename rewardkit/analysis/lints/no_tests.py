"""A spec without a test."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.language import tree as t

_HELP = (
    'expect something of a good and of a bad sample: `test "right beats wrong" { sample good { … } '
    "sample bad { … } expect good.reward > bad.reward }`"
)


def find(module: t.Module) -> Iterator[Finding]:
    rewards = [s for s in module.statements if isinstance(s, t.Reward)]
    if rewards and not any(_is_test(s) for s in module.statements):
        yield Finding("this spec has no test", rewards[0].span.inside(0, len("reward")), _HELP)


def _is_test(statement: t.Statement) -> bool:
    return isinstance(statement, t.Test) or (isinstance(statement, t.Broken) and statement.keyword == "test")


LINT = Lint("RK1011", "no-tests", find, on_any_file=True)
