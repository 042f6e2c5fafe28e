"""Nothing is left behind: whatever happens to the process that opened the sandbox, or to a wall."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from engines import ENGINES, opened, python

from rewardkit.sandbox import SandboxError

#: opens a sandbox, starts two jobs that do not end, says so, and waits for its end
HOLDER = """
import sys, time
from rewardkit.sandbox import Job, Limits, SandboxConfig, open_sandbox
sandbox = open_sandbox(SandboxConfig(engine=sys.argv[1], slots=2, isolation=sys.argv[2]))
source = b"import time; time.sleep(12345.5)"
forever = Job(("python3", "m.py"), {"m.py": source}, limits=Limits(seconds=10000))
jobs = sandbox.start([forever, forever])
print("ready", flush=True)
try:
    jobs[0].wait()
finally:
    if sys.argv[3] == "closes":
        sandbox.close()
"""


def _containers(*states: str) -> set[str]:
    """The containers there are, of these states or of any."""
    try:
        from rewardkit.sandbox.docker import LABEL, connect

        listed = connect().api.containers(all=True, filters={"label": LABEL})
        return {found["Id"] for found in listed if not states or found["State"] in states}
    except SandboxError:
        return set()


def _soon(holds: object, seconds: float = 30.0) -> None:
    limit = time.monotonic() + seconds
    while not (done := holds()):  # type: ignore[operator]
        assert time.monotonic() < limit, done
        time.sleep(0.1)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
@pytest.mark.parametrize("isolation", ["namespaces", "container"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_process_that_is_ended_leaves_nothing(engine: str, isolation: str, how: signal.Signals) -> None:
    opened(engine=engine, slots=1, isolation=isolation).close()
    command = [sys.executable, "-c", HOLDER, engine, isolation, "does not"]
    holder = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"ready\n"
        children = _descendants(holder.pid)
        containers = _owned(holder.pid) if engine == "docker" else []
        assert children or containers
        holder.send_signal(how)
        holder.wait(timeout=60)
        _soon(lambda: not [process for process in children if _alive(process)])
        # one that was made and not yet started runs nothing; a later sandbox removes it
        _soon(lambda: not (set(containers) & _containers("running", "exited", "dead", "removing")))
    finally:
        holder.kill()
        holder.stdout.close()
        holder.wait()


def _descendants(root: int) -> list[int]:
    from rewardkit.sandbox.inside.memory import family

    return family(root)


def _owned(owner: int) -> list[str]:
    from rewardkit.sandbox.docker import OWNER, connect

    listed = connect().api.containers(all=True, filters={"label": f"{OWNER}={owner}"})
    return [found["Id"] for found in listed]


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("engine", ENGINES)
def test_close_ends_jobs_and_is_final(engine: str) -> None:
    sandbox = opened(engine=engine, slots=2)
    (process,) = sandbox.start([python("import time; time.sleep(1000)", limits={"seconds": 1000})])
    waiting = threading.Timer(0.5, sandbox.close)
    waiting.start()
    begun = time.monotonic()
    ended = process.wait()
    assert ended.code is None
    assert time.monotonic() - begun < 30
    waiting.join()
    with pytest.raises(SandboxError, match="closed"):
        sandbox.run(python("pass"))
    sandbox.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_forked_child_has_walls_of_its_own(engine: str) -> None:
    with opened(engine=engine, slots=1) as sandbox:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if sandbox.run(python("print('child')")).stdout == b"child\n" else 2
                sandbox.close()
            finally:
                os._exit(code)
        assert sandbox.run(python("print('parent')")).stdout == b"parent\n"
        assert os.waitpid(child, 0)[1] == 0
        assert sandbox.run(python("print('parent')")).stdout == b"parent\n"


def test_a_wall_that_is_killed_between_jobs_is_replaced() -> None:
    with opened(engine="bubblewrap", slots=1) as sandbox:
        for _ in range(3):
            for process in _descendants(os.getpid()):
                with contextlib.suppress(OSError):  # it ended with the one before
                    if b"-s\0-c" in Path(f"/proc/{process}/cmdline").read_bytes():
                        os.kill(process, signal.SIGKILL)
            time.sleep(0.3)
            assert sandbox.run(python("print(1)")).stdout == b"1\n"


def test_a_wall_that_goes_under_a_job_ends_the_job_only() -> None:
    with opened(engine="docker", slots=1) as sandbox:
        (process,) = sandbox.start([python("import time; time.sleep(100)", limits={"seconds": 100})])
        from rewardkit.sandbox.docker import connect

        for found in _owned(os.getpid()):
            connect().api.remove_container(found, force=True)
        ended = process.wait()
        assert (ended.code, ended.signal, ended.timed_out) == (None, 9, False)
        assert sandbox.run(python("print(1)")).stdout == b"1\n"


def test_jobs_leave_memory_and_descriptors_as_they_were() -> None:
    with opened(engine="bubblewrap", slots=1) as sandbox:
        sandbox.run(python("print(1)"))
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            assert sandbox.run(python("print(1)")).ok
        assert len(os.listdir("/proc/self/fd")) <= before
