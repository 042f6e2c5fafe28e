"""What the contract says of a job, on each engine."""

from __future__ import annotations

import hashlib
import signal
import threading
import time

import pytest
from engines import absent, opened, python

from rewardkit.sandbox import MIB, Job, Limits, Sandbox, SandboxConfig, SandboxError, open_sandbox

ECHO = """
import os
reading, writing = int(os.environ["REWARDKIT_IN"]), int(os.environ["REWARDKIT_OUT"])
def read(size):
    data = b""
    while len(data) < size:
        more = os.read(reading, size - len(data))
        if not more:
            raise SystemExit(7)
        data += more
    return data
while True:
    message = read(int.from_bytes(read(4), "big"))
    answer = message[::-1]
    os.write(writing, len(answer).to_bytes(4, "big") + answer)
"""

#: program -> exit code, signal, what is on standard output, what standard error ends with
ENDS = {
    "print('hello')": (0, None, b"hello\n", b""),
    "import sys; sys.exit(3)": (3, None, b"", b""),
    "import sys; sys.exit('sorry')": (1, None, b"", b"sorry\n"),
    "raise SystemExit": (0, None, b"", b""),
    "raise SystemExit(256 + 5)": (5, None, b"", b""),
    "import os; os._exit(9)": (9, None, b"", b""),
    """
def f():
  return 1 / 0
f()
""": (1, None, b"", b"ZeroDivisionError: division by zero\n"),
    "x = (": (1, None, b"", b"SyntaxError: '(' was never closed\n"),
    "import os; os.kill(os.getpid(), 9)": (None, 9, b"", b""),
    "import os, signal; os.kill(os.getpid(), signal.SIGTERM)": (None, 15, b"", b""),
    "import os, signal; os.kill(os.getpid(), signal.SIGINT)": (None, 2, b"", b"KeyboardInterrupt\n"),
    "import ctypes; ctypes.string_at(0)": (None, int(signal.SIGSEGV), b"", b""),
    """
import atexit; atexit.register(print, 'last'); print('first')
""": (0, None, b"first\nlast\n", b""),
    """
import threading, time
threading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()
""": (0, None, b"late\n", b""),
    """
file = open(1, 'w', closefd=False); file.write('never closed')
""": (0, None, b"never closed", b""),
    "import sys; sys.stdout.close()": (0, None, b"", b""),
    "print(__name__, __file__, __builtins__ is not None)": (0, None, b"__main__ main.py True\n", b""),
    """
import sys; print(sys.argv, sys.modules['__main__'].__name__)
""": (0, None, b"['main.py'] __main__\n", b""),
    """
import pickle
class A: pass
print(type(pickle.loads(pickle.dumps(A()))).__name__)
""": (0, None, b"A\n", b""),
    "import rewardkit": (1, None, b"", b"ModuleNotFoundError: No module named 'rewardkit'\n"),
    "import helper": (1, None, b"", b"ModuleNotFoundError: No module named 'helper'\n"),
    """
from dataclasses import dataclass
@dataclass
class A:
  x: int
print(A(1))
""": (0, None, b"A(x=1)\n", b""),
    """
import multiprocessing as m
def f(x): return x * x
if __name__ == '__main__':
  p = m.get_context('fork').Process(target=f, args=(2,)); p.start(); p.join(); print(p.exitcode)
""": (0, None, b"0\n", b""),
    """
import subprocess; print(subprocess.run(['echo', 'x'], capture_output=True).stdout)
""": (0, None, b"b'x\\n'\n", b""),
    """
print(sorted({'a', 'b', 'c'}) , hash('rewardkit') == hash('reward' + 'kit'))
""": (0, None, b"['a', 'b', 'c'] True\n", b""),
}


@pytest.mark.parametrize("source", ENDS)
def test_a_python_file_ends_as_it_would_by_itself(source: str, sandbox: Sandbox) -> None:
    code, number, out, error = ENDS[source]
    ended = sandbox.run(python(source))
    assert (ended.code, ended.signal, ended.stdout) == (code, number, out), ended
    assert ended.stderr.endswith(error), ended
    assert b"rewardkit.sandbox" not in ended.stderr, "a traceback shows the program's own lines"
    assert ended.ok == (code == 0)
    assert not (ended.timed_out or ended.flooded or ended.out_of_memory)
    assert 0 < ended.seconds < 60


def test_hashes_are_the_same_in_every_wall(pair: Sandbox) -> None:
    job = python("import time; time.sleep(0.2); print(hash('x'), list({'a', 'b', 'c', 'd'}))")
    first, second = pair.start([job, job])
    assert first.wait().stdout == second.wait().stdout


def test_random_numbers_differ_between_jobs(sandbox: Sandbox) -> None:
    job = python("import random, uuid; print(random.random(), uuid.uuid4())")
    assert sandbox.run(job).stdout != sandbox.run(job).stdout


def test_commands_are_looked_up_inside(sandbox: Sandbox) -> None:
    assert sandbox.run(Job(("sh", "-c", "echo $HOME; exit 4"))).stdout == b"/tmp\n"
    assert sandbox.run(Job(("sh", "-c", "exit 4"))).code == 4
    assert sandbox.run(Job(("no-such-program",))).code == 127
    assert sandbox.run(Job(("python3", "missing.py"))).code == 2
    assert sandbox.run(Job(("python3", "-c", "print(6)"))).stdout == b"6\n"
    shown = sandbox.run(Job(("python3", "-I", "a.py", "1", "-x"), {"a.py": b"import sys; print(sys.argv)"}))
    assert shown.stdout == b"['a.py', '1', '-x']\n"


def test_node_runs_where_it_is_installed(sandbox: Sandbox) -> None:
    if sandbox.run(Job(("sh", "-c", "command -v node"))).code:
        absent("no node inside")
    ended = sandbox.run(Job(("node", "a.js"), {"a.js": b"console.log([1,2].map(x => x * 2).join())"}))
    assert ended.stdout == b"2,4\n", ended


def test_files_and_standard_input_arrive_whole(sandbox: Sandbox) -> None:
    blob = bytes(range(256)) * 20_000
    source = (
        b"import sys, hashlib; blob = open('a/b/blob', 'rb').read()\n"
        b"print(hashlib.sha1(blob).hexdigest(), len(sys.stdin.buffer.read()))"
    )
    ended = sandbox.run(Job(("python3", "m.py"), {"m.py": source, "a/b/blob": blob}, stdin=blob))
    assert ended.stdout.split() == [hashlib.sha1(blob).hexdigest().encode(), str(len(blob)).encode()], ended


def test_a_program_need_not_read_its_input(sandbox: Sandbox) -> None:
    assert sandbox.run(python("print(1)", stdin=b"x" * (4 * MIB))).stdout == b"1\n"


def test_messages_go_there_and_back(sandbox: Sandbox) -> None:
    (process,) = sandbox.start([python(ECHO, channel=True)])
    for size in (0, 1, 100, 70_000, 900_000):
        message = bytes(i % 251 for i in range(size))
        assert process.request(message, 10) == message[::-1]
    assert process.wait().code == 7  # it saw the end of the channel


def test_a_request_may_take_too_long(sandbox: Sandbox) -> None:
    (process,) = sandbox.start([python("import time; time.sleep(100)", channel=True)])
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        process.request(b"x", 0.3)
    assert time.monotonic() - begun < 5
    assert process.kill().code is None


def test_a_channel_that_is_closed_says_so(sandbox: Sandbox) -> None:
    for source in ("import os; os.close(4); import time; time.sleep(100)", "pass"):
        (process,) = sandbox.start([python(source, channel=True)])
        with pytest.raises(EOFError):
            process.request(b"x", 10)
        process.kill()


def test_one_who_does_not_read_cannot_be_sent_to(sandbox: Sandbox) -> None:
    (process,) = sandbox.start([python("import os, time; os.close(3); time.sleep(100)", channel=True)])

    def send_on() -> None:
        for _ in range(200):
            process.send(b"x" * 100_000)
            with pytest.raises(TimeoutError):
                process.receive(0.02)

    with pytest.raises(EOFError):
        send_on()
    process.kill()


def test_an_answer_may_be_too_long(sandbox: Sandbox) -> None:
    source = "import os; os.write(4, (5000).to_bytes(4, 'big') + b'x' * 5000); import time; time.sleep(100)"
    (process,) = sandbox.start([python(source, channel=True, limits={"output": 4096})])
    with pytest.raises(ValueError, match="5000 bytes"):
        process.request(b"", 10)
    process.kill()


def test_output_is_kept_up_to_the_limit(sandbox: Sandbox) -> None:
    for stream in ("stdout", "stderr"):
        source = f"import sys\nwhile True: sys.{stream}.write('abcdefgh')"
        ended = sandbox.run(python(source, limits={"output": 1000}))
        assert ended.flooded
        assert ended.code is None
        assert getattr(ended, stream) == b"abcdefgh" * 125
    assert sandbox.run(python("print('x' * 999)", limits={"output": 1000})).ok


def test_memory_within_the_limit_is_given(sandbox: Sandbox) -> None:
    source = (
        "import os\nx = bytearray(80 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint(len(x) >> 20)"
    )
    assert sandbox.run(python(source, limits={"memory": 128 * MIB})).stdout == b"80\n"
    ended = sandbox.run(python(source, limits={"memory": 64 * MIB}))
    assert ended.out_of_memory, ended
    assert not ended.ok


def test_a_job_can_be_killed_from_another_thread(pair: Sandbox) -> None:
    first, second = pair.start([python("import time; time.sleep(100)", channel=True)] * 2)
    threading.Timer(0.3, first.kill).start()
    threading.Timer(0.3, second.kill).start()
    begun = time.monotonic()
    assert first.wait().code is None
    with pytest.raises(EOFError):
        second.receive(60)
    assert second.kill() == second.kill()
    assert time.monotonic() - begun < 10


def test_jobs_side_by_side_take_their_slots_at_once(pair: Sandbox) -> None:
    """Two callers that each need both slots: neither may hold one and wait for the other."""
    ended: list[bytes] = []

    def both() -> None:
        for _ in range(5):
            jobs = pair.start([python(ECHO, channel=True), python(ECHO, channel=True)])
            ended.extend(job.request(b"ab", 20) for job in jobs)
            for job in jobs:
                job.wait()

    threads = [threading.Thread(target=both) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert ended == [b"ba"] * 40


def test_more_jobs_at_once_than_slots_are_refused(pair: Sandbox) -> None:
    with pytest.raises(ValueError, match="2 slots"):
        pair.start([python("pass")] * 3)


def test_what_no_sandbox_can_run_is_refused(sandbox: Sandbox) -> None:
    for name in ("/etc/passwd", "../x", "a/../../x", "", "a//b", ".", "a\0b"):
        with pytest.raises(ValueError, match="not a path inside"):
            sandbox.run(Job(("true",), {name: b""}))
    with pytest.raises(ValueError, match="scratch"):
        sandbox.run(Job(("true",), {"a": b"x" * 2000}, limits=Limits(scratch=1000)))
    with pytest.raises(ValueError, match="command"):
        sandbox.run(Job(()))
    with pytest.raises(
        SandboxError,
        match=r"asks for 1,048,576 MiB of memory, and may have 1,024 MiB of memory.*`memory`.*1099511627776",
    ):
        sandbox.run(Job(("true",), limits=Limits(memory=1 << 40)))
    assert sandbox.run(python("print(1)")).stdout == b"1\n"


def test_a_wall_is_replaced_after_its_jobs(request: pytest.FixtureRequest) -> None:
    source = "print(open('/proc/self/stat').read().split()[0], __import__('os').stat('/proc/1/ns').st_dev)"
    with opened(engine="bubblewrap", slots=1, jobs_per_wall=2) as sandbox:
        walls = set()
        for _ in range(6):
            assert sandbox.run(python(source)).ok
            walls.update(id(wall) for wall in sandbox._served)  # type: ignore[attr-defined]
        assert len(sandbox._ready) + sandbox._starting <= 1  # type: ignore[attr-defined]
        assert sandbox.run(python("print(1)")).ok


def test_on_one_core_a_script_still_runs_beside_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewardkit.sandbox.pool.usable_cores", lambda: 1)
    with opened(engine="bubblewrap") as sandbox:
        pair = sandbox.start([python("print(1)"), python("print(2)")])
        assert [process.wait().stdout for process in pair] == [b"1\n", b"2\n"]


def test_no_engine_is_unsafe_unless_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(SandboxError, match=r"Docker daemon does not answer.*bubblewrap"):
        open_sandbox()
    with pytest.raises(SandboxError, match="bwrap"):
        open_sandbox(SandboxConfig(engine="bubblewrap"))


def test_unsafe_warns_and_keeps_the_contract() -> None:
    with pytest.warns(UserWarning, match="unsafe"):
        sandbox = open_sandbox(SandboxConfig(engine="unsafe", slots=1))
    with sandbox:
        assert sandbox.run(python("import os; print(os.listdir())")).stdout == b"['main.py']\n"
        assert sandbox.run(python("import time; time.sleep(9)", limits={"seconds": 0.3})).timed_out
        assert sandbox.run(python("while True: print('x' * 100)")).flooded
        (process,) = sandbox.start([python(ECHO, channel=True)])
        assert process.request(b"abc", 10) == b"cba"
        process.kill()


def test_an_image_or_runtime_that_is_not_there_is_named() -> None:
    opened(engine="docker", slots=1).close()
    with pytest.raises(SandboxError, match=r"no image `no-such-image:1`.*docker pull"):
        open_sandbox(SandboxConfig(engine="docker", image="no-such-image:1"))
    with pytest.raises(SandboxError, match="cannot look for the image `NO NAME`: no such image"):
        open_sandbox(SandboxConfig(engine="docker", image="NO NAME"))
    with pytest.raises(SandboxError, match="no runtime `no-such-runtime`"):
        open_sandbox(SandboxConfig(engine="docker", runtime="no-such-runtime"))
    with opened(engine="docker", slots=1, runtime="runc") as sandbox:
        assert sandbox.run(python("print(1)")).ok
