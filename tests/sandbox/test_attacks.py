"""What hostile programs try: each is contained, harms nothing outside, and leaves a clean world."""

from __future__ import annotations

import os
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engines import ENGINES, opened, python

from rewardkit.sandbox import MIB, Ended, Job, Limits, Sandbox
from rewardkit.sandbox.inside.seccomp import REFUSED

HERE = Path(__file__).parent
ATTACKS = tomllib.loads((HERE / "attacks.toml").read_text())["attack"]
PRELUDE = f"NUMBERS = { ({**REFUSED})!r}\n" + (HERE / "prelude.py").read_text()

#: what the next job looks at: it prints what should not be there, and lastly `clean`
PROBE = """
import os, socket, sys, threading
wrong = []
if sorted(os.listdir("/tmp")) != ["main.py"]:
    wrong.append(("scratch", os.listdir("/tmp")))
if os.path.isdir("/dev/shm") and os.listdir("/dev/shm"):
    wrong.append(("shm", os.listdir("/dev/shm")))
if sorted(name for name in os.listdir("/proc") if name.isdigit()) != sorted({"1", str(os.getpid())}):
    wrong.append(("processes", os.listdir("/proc")))
if len(os.listdir("/proc/self/fd")) != 4:
    wrong.append(("descriptors", os.listdir("/proc/self/fd")))
if os.getcwd() != "/tmp" or os.getuid() != 1000 or socket.gethostname() != "sandbox":
    wrong.append(("self", os.getcwd(), os.getuid(), socket.gethostname()))
import builtins, json, math
if json.loads("[1]") != [1] or "forged" in dir(builtins) or not callable(builtins.open):
    wrong.append(("modules", json.loads("[1]")))
print(wrong or "clean")
"""


#: a socket outside; several runs of these tests may go on at once
CANARY = f"rewardkit-canary-{os.getpid()}"


@dataclass
class Canary:
    """What is outside and must stay as it is."""

    process: subprocess.Popen[bytes]
    file: Path
    line: socket.socket

    def check(self) -> None:
        assert self.process.poll() is None, "a process outside was ended"
        assert self.file.read_text() == "untouched"
        assert [path.name for path in self.file.parent.iterdir()] == [self.file.name]
        with pytest.raises(BlockingIOError):
            self.line.accept()  # nobody came through the abstract socket


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    file = tmp_path_factory.mktemp("canary") / "canary"
    file.write_text("untouched")
    file.parent.chmod(0o777)
    line = socket.socket(socket.AF_UNIX)
    line.bind(f"\0{CANARY}")
    line.listen()
    line.setblocking(False)
    process = subprocess.Popen(["sleep", "100000"])
    yield Canary(process, file, line)
    process.kill()
    process.wait()
    line.close()


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack["name"]) for attack in ATTACKS])
def test_an_attack_is_contained_and_leaves_nothing(attack: dict, sandbox: Sandbox, canary: Canary) -> None:
    ended = _run(attack, sandbox)
    _contained(attack, ended)
    canary.check()
    probe = sandbox.run(python(PROBE))
    assert probe.stdout == b"clean\n", probe


def _run(attack: dict, sandbox: Sandbox) -> Ended:
    limits = Limits(
        seconds=attack.get("seconds", 20.0), memory=192 * MIB, scratch=attack.get("scratch", 32) * MIB
    )
    source = f"{PRELUDE}\n{attack['program']}".replace("rewardkit-canary", CANARY)
    if attack.get("ends", "held") == "held":
        source += '\nos.write(1, b"held\\n")\n'
    command = tuple(attack.get("command", ("python3", "main.py")))
    channel = attack.get("channel", False)
    job = Job(command, {"main.py": source.encode()}, channel=channel, limits=limits)
    if not channel:
        return sandbox.run(job)
    (process,) = sandbox.start([job])
    return process.wait()


def _contained(attack: dict, ended: Ended) -> None:
    assert b"escaped" not in ended.stdout, ended
    ends = attack.get("ends", "held")
    if ends == "held":
        assert ended.stdout.endswith(b"held\n"), ended
        assert ended.ok, ended
    elif ends != "contained":
        assert getattr(ended, ends), ended
    assert len(ended.stdout) <= Limits().output
    assert len(ended.stderr) <= Limits().output


def test_there_are_enough_of_them() -> None:
    names = [attack["name"] for attack in ATTACKS]
    assert len(set(names)) == len(names) >= 60


#: those that need a process of the sandbox's own in reach, for walls that are used once
NEAR = (
    "end everything",
    "end the first process",
    "end every number",
    "a fork bomb",
    "memory of the first process",
    "descriptors of the first process",
    "limits for the first process",
    "trace another process",
    "mount a file system",
    "new namespaces",
    "tcp",
    "a daemon",
    "many processes, each within its limit",
    "inherited descriptors",
    "answers in the supervisor's name",
    "write elsewhere",
)


@pytest.mark.parametrize("engine", ENGINES)
def test_walls_that_are_used_once_hold_as_well(engine: str, canary: Canary) -> None:
    with opened(engine=engine, slots=1, isolation="container") as sandbox:
        for attack in ATTACKS:
            if attack["name"] in NEAR:
                ended = _run(attack, sandbox)
                if attack["name"] not in ("a fork bomb", "end everything", "end the first process"):
                    _contained(attack, ended)
                assert b"escaped" not in ended.stdout, ended
                canary.check()
        probe = sandbox.run(python("import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))"))
        assert probe.stdout == b"['main.py'] []\n"


def test_two_jobs_at_once_do_not_see_each_other(pair: Sandbox) -> None:
    source = """
import os, time
open("/tmp/mark", "w").write("x"); open("/dev/shm/mark", "w").write("x")
import socket
line = socket.socket(socket.AF_UNIX); line.bind("\\0mark"); line.listen()
time.sleep(0.5)
processes = [name for name in os.listdir("/proc") if name.isdigit()]
print(sorted(os.listdir("/tmp")), os.listdir("/dev/shm"), len(processes))
"""
    jobs = pair.start([python(source), python(source)])
    for job in jobs:
        ended = job.wait()
        assert ended.stdout == b"['main.py', 'mark'] ['mark'] 2\n", ended


def test_an_attacker_cannot_kill_the_sandbox_for_others(pair: Sandbox) -> None:
    """One that runs its wall out of everything, while another works beside it."""
    bomb = python("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", limits={"seconds": 1.5})
    worker = python("import time\nfor _ in range(10): time.sleep(0.05)\nprint('done')")
    first, second = pair.start([bomb, worker])
    assert second.wait().stdout == b"done\n"
    assert first.wait().timed_out


def test_the_filter_names_the_calls_of_this_machine() -> None:
    """Numbers are checked against the system's headers, where they are installed."""
    this = 1 if os.uname().machine == "aarch64" else 0
    header = Path(
        "/usr/include/asm-generic/unistd.h" if this else "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
    )
    if not header.exists():
        pytest.skip("the system's headers are not installed")
    import re

    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    known = {name: int(number) for name, number in re.findall(pattern, header.read_text())}
    for name, numbers in REFUSED.items():
        assert known.get(name) == numbers[this], name
