"""Jobs per second of each way to run a small Python program, in one run, so that a machine is as busy
for one as for all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rewardkit.sandbox.contract import Job, Sandbox, SandboxError

PROGRAM = b"print(sum(range(10)))"
_EXPECTED = b"45\n"

#: runs one job, in any thread
Way = Callable[[], None]


@dataclass(frozen=True)
class Speed:
    name: str
    rate: float  # jobs per second
    milliseconds: float  # per job, one after the other on each of the slots


def of_sandbox(sandbox: Sandbox) -> Way:
    job = Job(("python3", "main.py"), {"main.py": PROGRAM})

    def run() -> None:
        ended = sandbox.run(job)
        if ended.stdout != _EXPECTED:
            raise SandboxError(f"a job of the benchmark went wrong: {ended}")

    return run


def of_command(command: Sequence[str]) -> Way:
    def run() -> None:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.stdout != _EXPECTED:
            raise SandboxError(f"`{command[0]}` went wrong: {done.stderr.decode('utf-8', 'replace')[-300:]}")

    return run


def bare() -> Way:
    """A Python process for each job, without any wall."""
    return of_command([sys.executable, "-I", "-c", PROGRAM.decode()])


def cold(image: str) -> Way:
    """A container for each job, as `docker run` makes it."""
    return of_command(
        ["docker", "run", "--rm", "--network=none", image, "python3", "-I", "-c", PROGRAM.decode()]
    )


def measure(ways: dict[str, Way], slots: int, seconds: float, rounds: int = 5) -> list[Speed]:
    """Every way in turn, `rounds` times over, `slots` jobs at once; the median of the rounds counts."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # what it does but once
    for _ in range(rounds):
        for name, way in ways.items():
            rates[name].append(_rate(way, slots, seconds / rounds))
    found = {name: median(values) for name, values in rates.items()}
    return [Speed(name, rate, 1000 * slots / rate) for name, rate in found.items()]


def _rate(way: Way, slots: int, seconds: float) -> float:
    done, failures = [0] * slots, []
    begun = time.monotonic()

    def work(slot: int) -> None:
        try:
            while not done[slot] or time.monotonic() < begun + seconds:
                way()
                done[slot] += 1
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(slots)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(done) / (time.monotonic() - begun)
