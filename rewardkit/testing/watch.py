"""Waiting for a change in what tests depend on: specs, the files they use, and rows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rewardkit.checker.paths import inside
from rewardkit.checker.spec import Spec
from rewardkit.diagnostics import RewardError

#: seconds between two looks
_EVERY = 0.2

#: of each file: when it was written and how long it is; `None` where it is not there
Snapshot = dict[Path, tuple[int, int] | None]


def files_of(spec: Spec) -> set[Path]:
    """The files that the tests of a spec depend on."""
    found = {spec.source.path} if spec.source.path is not None else set()
    used = (module.span.source.path for module in spec.libraries)
    found |= {path for path in used if path is not None}
    for test in spec.tests:
        for block in test.rows:
            with suppress(RewardError):  # the test says so itself
                found.add(inside(spec.source, block.path))
    return found


def snapshot(paths: Iterable[Path]) -> Snapshot:
    """How the files are now."""
    found: Snapshot = {}
    for path in paths:
        try:
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            found[path] = None
    return found


def wait(before: Snapshot) -> None:
    """Return once a file has changed, come or gone."""
    while snapshot(before) == before:
        time.sleep(_EVERY)
