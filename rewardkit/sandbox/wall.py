"""What an engine gives the pool: a warm interpreter behind a wall, and the line to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Protocol

from rewardkit.sandbox.contract import SandboxError
from rewardkit.sandbox.inside import frames
from rewardkit.sandbox.inside.frames import Frames
from rewardkit.sandbox.stream import Stream

#: in the order in which they import each other
_MODULES = (
    "kernel",
    "frames",
    "seccomp",
    "landlock",
    "memory",
    "program",
    "start",
    "relay",
    "supervisor",
    "zygote",
)
_PACKAGE = "rewardkit.sandbox.inside"
_START = 120.0  # seconds for a wall to be ready; generous, as a busy node may be slow

#: what a wall's `python3` is started with: it takes the rest of itself from the line
BOOTSTRAP = """
import json, os, sys, types
def read(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            os._exit(10)
        data += more
    return data
options = json.loads(read(int.from_bytes(read(4), "big")))
for name, text in options["modules"]:
    module = sys.modules[name] = types.ModuleType(name)
    package, _, leaf = name.rpartition(".")
    if package in sys.modules:
        setattr(sys.modules[package], leaf, module)
    exec(compile(text, name, "exec"), module.__dict__)
sys.modules[name].start(options)
"""
#: hashes are the same in every wall, so that what a program prints does not depend on where it runs
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "2",
}
COMMAND = ("python3", "-s", "-c", BOOTSTRAP)


class Wall(Protocol):
    """A started one. Each serves one job at a time."""

    @property
    def stream(self) -> Stream: ...

    def end(self) -> None:
        """End everything in it and leave nothing behind. Safe to call twice, and from several threads."""
        ...

    def why(self) -> str:
        """Why it ended by itself, once its line is closed: `memory`, `engine` (not the program's doing, with
        what to do, after a colon) or nothing."""
        ...

    def errors(self) -> str:
        """What it wrote where nothing should be written, for a message."""
        ...


def introduce(
    wall: Wall, mode: str, folder: str | None = None, adopt: Callable[[], None] | None = None
) -> None:
    """Send a wall what it runs, and wait until it is ready for jobs.

    Raises:
        SandboxError: it is not; the message says why.
    """
    modules = [(_PACKAGE, "")]
    for name in _MODULES:
        modules.append((f"{_PACKAGE}.{name}", files(_PACKAGE).joinpath(f"{name}.py").read_text("utf-8")))
    options = json.dumps(
        {"mode": mode, "folder": folder, "environment": ENVIRONMENT, "modules": modules}
    ).encode()
    incoming = Frames()
    try:
        wall.stream.send(len(options).to_bytes(4, "big") + options, _START)
        while not (found := incoming.next()):
            incoming.feed(wall.stream.receive(_START))
    except EOFError:
        raise SandboxError(_broken(wall)) from None
    except TimeoutError:
        raise SandboxError(f"the sandbox did not start within {_START:g} s") from None
    if found[0] != frames.READY or found[1]:
        raise SandboxError(explain(found[1].decode("utf-8", "replace")))


def _broken(wall: Wall) -> str:
    said = " ".join(wall.errors().split())[-400:]
    return f"the sandbox ended while starting{': ' if said else ''}{said}"


def explain(problem: str) -> str:
    """What to do where the kernel, or a rule of the host's, refuses a wall's means."""
    if (
        "clone" in problem
        or "unshare" in problem
        or "mount" in problem
        or "uid_map" in problem
        or "setgroups" in problem
    ):
        return (
            f"this system does not let a sandbox make namespaces of its own ({problem}): allow them "
            "(`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, `user.max_user_namespaces` above 0; "
            'in a container, its seccomp and AppArmor profiles), or set `isolation="container"`'
        )
    return f"the sandbox cannot start a program: {problem}"
