"""Lints: what is written well and probably not meant. Each has a page in `docs/lints/`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType

from rewardkit.analysis.lints import (
    allow,
    batch_for_group,
    cancelled_by_normalizer,
    characters_as_tokens,
    double_negative,
    far_from_target,
    hidden_escape,
    no_tests,
    null_is_right,
    schedule_past_end,
    sign_trap,
    substring_answer,
    swapped_arguments,
    swapped_ends,
    tag_patterns,
    unbounded_length,
    ungated_form,
    unused_name,
    wrong_outranks_right,
)
from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.checker.spec import Spec
from rewardkit.diagnostics import Collector, Diagnostic, Source
from rewardkit.language import parse

_TABLE = (
    ungated_form.LINT,
    wrong_outranks_right.LINT,
    characters_as_tokens.LINT,
    schedule_past_end.LINT,
    unbounded_length.LINT,
    cancelled_by_normalizer.LINT,
    hidden_escape.LINT,
    tag_patterns.EMPTY_BODY,
    tag_patterns.MULTILINE_ANCHORS,
    tag_patterns.ONE_LINE_BODY,
    no_tests.LINT,
    unused_name.LINT,
    sign_trap.LINT,
    double_negative.LINT,
    far_from_target.LINT,
    swapped_ends.LINT,
    batch_for_group.LINT,
    substring_answer.LINT,
    null_is_right.LINT,
    swapped_arguments.LINT,
    allow.LINT,
)

#: findings of one lint in one file; nobody reads more
MOST = 100

#: every lint by its name
LINTS: Mapping[str, Lint] = MappingProxyType({lint.name: lint for lint in _TABLE})

__all__ = ["LINTS", "Finding", "Lint", "lint"]


def lint(checked: Spec | Source) -> tuple[Diagnostic, ...]:
    """What the lints find in a checked spec, in file order, without what an `# allow: NAME` silences.

    Of a file that does not check, give the `Source`: lints that need no more than its syntax look at it.
    """
    spec, module = None, None
    if isinstance(checked, Spec):
        spec, module = checked, checked.module
    else:
        module = parse(checked, Collector())
    found: dict[Diagnostic, Lint] = {}
    for each in _TABLE:
        if each.on_any_file or spec is not None:
            for finding in islice(each.find(module if each.on_any_file else spec), MOST):
                if finding.span.source is module.span.source:  # not in a file that this one uses
                    found.setdefault(each.diagnostic(finding), each)
    known = allow.allows(module.span.source)
    kept, used = allow.silenced(((each, d) for d, each in found.items()), module, known)
    if spec is not None:
        kept += [allow.LINT.diagnostic(finding) for finding in allow.unused(known, used, LINTS)]
    return tuple(sorted(kept, key=lambda d: (d.primary.span.start, d.code)))
