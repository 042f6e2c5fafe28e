from __future__ import annotations

from collections.abc import Iterator

import pytest
from engines import ENGINES, opened

from rewardkit.sandbox import Sandbox


@pytest.fixture(scope="module", params=ENGINES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each engine, with one slot: the job after another runs where that one ran."""
    with opened(engine=request.param, slots=1) as found:
        yield found


@pytest.fixture(scope="module", params=ENGINES)
def pair(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each engine, with two slots."""
    with opened(engine=request.param, slots=2) as found:
        yield found
