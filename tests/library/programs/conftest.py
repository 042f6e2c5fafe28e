"""Programs run on each engine there is."""

import json

import pytest
from engines import ENGINES, absent, opened

from rewardkit.library.programs import run
from rewardkit.sandbox import SandboxError


@pytest.fixture(scope="session", params=ENGINES)
def sandbox(request):
    with opened(engine=request.param, slots=2) as found:
        yield found


@pytest.fixture(scope="session")
def ran(sandbox):
    """`ran(source, case, …, **constants)`: the result of running a program on cases."""

    def ran(source, *cases, timeout=10.0, **constants):
        texts = tuple(json.dumps(case) for case in cases)
        try:
            return run(sandbox, source, texts, timeout=timeout, **constants)
        except SandboxError as error:
            if constants.get("language", "python") == "python":
                raise
            absent(str(error))

    return ran
