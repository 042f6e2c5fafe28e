"""Checking of `test` blocks: samples give what the spec reads, `expect` names what samples have."""

from __future__ import annotations

from typing import Any

from rewardkit.checker.draft import Draft, below, roots_of
from rewardkit.checker.expects import expect, grouped
from rewardkit.checker.mocks import mocks
from rewardkit.checker.rows import rows
from rewardkit.checker.samples import sample
from rewardkit.checker.spec import SampleSpec, TestSpec
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t


def tests(draft: Draft) -> None:
    seen: dict[str, Span] = {}
    used = sorted(used_columns(draft))
    for node in draft.statements(t.Test):
        if node.name in seen:
            draft.found.error(
                "RK0202",
                "two tests have one name",
                node.name_span,
                "again here",
                labels=(Label(seen[node.name], "first here"),),
                help="choose another name",
            )
        seen[node.name] = node.name_span
        if not node.name.isprintable() or not node.name.strip():
            draft.found.error(
                "RK0817",
                "the name of a test is one line that can be shown",
                node.name_span,
                help="write it without line ends, tabs and characters that do not show",
            )
        draft.tests.append(_test(draft, node, used))


def _test(draft: Draft, node: t.Test, used: list[str]) -> TestSpec:
    samples: dict[str, SampleSpec] = {}
    values: dict[str, dict[str, Any]] = {}
    groups = 0
    for item in node.items:
        if isinstance(item, t.Sample):
            sample(draft, item, None, samples, values, used)
        elif isinstance(item, t.Group):
            for inner in item.samples:
                sample(draft, inner, groups, samples, values, used)
            groups += 1
    _one_step(draft, samples)
    expects = [expect(draft, item, samples) for item in node.items if isinstance(item, t.Expect)]
    files = [rows(draft, item) for item in node.items if isinstance(item, t.Rows)]
    if not expects and not files:
        draft.found.error(
            "RK0806",
            "this test expects nothing",
            node.name_span,
            help="add an `expect`: a test without one would always pass",
        )
    found = tuple(e for e in expects if e)
    for one in found:
        grouped(draft, one, samples)
    mocked = mocks(draft, [i for i in node.items if isinstance(i, t.Mock)], samples, found, bool(files))
    return TestSpec(node.name, tuple(samples.values()), values, mocked, found, tuple(files), node.span)


def _one_step(draft: Draft, samples: dict[str, SampleSpec]) -> None:
    """`step` is one number per call, and all samples of a test are scored in one call."""
    given = [sample.fields["step"] for sample in samples.values() if "step" in sample.fields]
    for other in given[1:]:
        if t.readable(other.value) and other.value != given[0].value:
            draft.found.error(
                "RK0807",
                "the samples of a test have one `step`",
                other.span,
                labels=(Label(given[0].span, "another one here"),),
                help="write a test for each step",
            )


def used_columns(draft: Draft) -> set[str]:
    """The columns that some value of the spec reads."""
    return {value.data for value in below(roots_of(draft)) if value.op == "column"}
