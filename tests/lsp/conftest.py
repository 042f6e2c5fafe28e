"""One server for the tests of a file; each test uses documents of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("pygls")

from editor import Editor


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    made = Editor()
    yield made
    assert made.stop() == 0
    assert made.errors == b"", made.errors.decode(errors="replace")


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    return f"file:///{request.node.name.partition('[')[0]}.rwd"
