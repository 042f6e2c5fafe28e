"""The engines of this machine, for tests. Where one is not there its tests are skipped, or fail where
REWARDKIT_SANDBOX_TESTS is `required`."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from rewardkit.sandbox import Job, Limits, Sandbox, SandboxConfig, SandboxError, open_sandbox

ENGINES = ("bubblewrap", "docker")


def opened(**settings: object) -> Sandbox:
    try:
        sandbox = open_sandbox(SandboxConfig(**settings))  # type: ignore[arg-type]
        try:
            sandbox.run(Job(("true",)))
        except SandboxError:
            sandbox.close()
            raise
        return sandbox
    except SandboxError as error:
        absent(f"{settings['engine']}: {error}")


def absent(what: str) -> NoReturn:
    """What a test needs is not on this machine."""
    if os.environ.get("REWARDKIT_SANDBOX_TESTS") == "required":
        pytest.fail(what)
    pytest.skip(what)


def python(source: str, **settings: object) -> Job:
    """A job that runs a Python file."""
    limits = Limits(**settings.pop("limits", {}))  # type: ignore[arg-type]
    return Job(("python3", "main.py"), {"main.py": source.encode()}, limits=limits, **settings)  # type: ignore[arg-type]
