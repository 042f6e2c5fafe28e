"""Programs run on each engine there is; with `REWARDKIT_SANDBOX_TESTS=required` both must be there."""

import json
import os

import pytest

from rewardkit.library.programs import run
from rewardkit.sandbox import Job, SandboxConfig, SandboxError, open_sandbox

_HELLO = Job(("python3", "--version"))


@pytest.fixture(scope="session", params=["bubblewrap", "docker"])
def sandbox(request):
    required = os.environ.get("REWARDKIT_SANDBOX_TESTS") == "required"
    try:
        opened = open_sandbox(SandboxConfig(engine=request.param, slots=2))
        with opened:
            assert opened.run(_HELLO).ok
            yield opened
    except (SandboxError, ImportError) as error:
        if required:
            raise
        pytest.skip(f"no {request.param} here: {error}")


@pytest.fixture(scope="session")
def ran(sandbox):
    """`ran(source, case, …, **constants)`: the result of running a program on cases."""

    def ran(source, *cases, timeout=10.0, **constants):
        texts = tuple(json.dumps(case) for case in cases)
        return run(sandbox, source, texts, timeout=timeout, **constants)

    return ran
