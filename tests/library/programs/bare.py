"""An engine without a wall, for the programs of these tests only: what they test is the verdict."""

import contextlib
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rewardkit.sandbox.contract import Ended


class BareProcess:
    def __init__(self, job, gone):
        self.job, self.gone, self.ended = job, gone, None
        self.lock = threading.RLock()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        for name, data in job.files.items():
            (Path(self.folder.name) / name).write_bytes(data)
        command = list(job.command)
        if command[0] == "python3":
            command[:1] = [sys.executable, "-I"]
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder.name}
        self.pipes = ()
        if job.channel:
            theirs_in, ours_out = os.pipe()
            ours_in, theirs_out = os.pipe()
            environment |= {"REWARDKIT_IN": str(theirs_in), "REWARDKIT_OUT": str(theirs_out)}
            self.pipes = (theirs_in, theirs_out)
            self.input, self.output = ours_in, ours_out
            os.set_blocking(ours_out, False)
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        stdin = tempfile.TemporaryFile()  # noqa: SIM115
        stdin.write(job.stdin)
        stdin.seek(0)

        def limit():
            size = max(job.limits.output, job.limits.file) + 1
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            if command[0] != "node":
                resource.setrlimit(resource.RLIMIT_AS, (job.limits.memory, job.limits.memory))

        self.began = time.monotonic()
        self.popen = subprocess.Popen(
            command, cwd=self.folder.name, env=environment, stdin=stdin, stdout=self.out, stderr=self.err,
            pass_fds=self.pipes, start_new_session=True, preexec_fn=limit,
        )  # fmt: skip
        for pipe in self.pipes:
            os.close(pipe)
        self.deadline = self.began + job.limits.seconds

    def request(self, message, timeout):
        self.send(message)
        return self.receive(timeout)

    def send(self, message):
        data = len(message).to_bytes(4, "big") + message
        while data:
            _, ready, _ = select.select([], [self.output], [], self.deadline - time.monotonic())
            if not ready:
                raise EOFError
            try:
                data = data[os.write(self.output, data) :]
            except BlockingIOError:
                pass
            except OSError:
                raise EOFError from None

    def receive(self, timeout):
        end = min(time.monotonic() + timeout, self.deadline)
        size = int.from_bytes(self._read(4, end), "big")
        if size > self.job.limits.output:
            raise ValueError("too long")
        return self._read(size, end)

    def _read(self, size, end):
        data = b""
        while len(data) < size:
            ready, _, _ = select.select([self.input], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError
            got = os.read(self.input, size - len(data))
            if not got:
                raise EOFError
            data += got
        return data

    def wait(self):
        try:
            self.popen.wait(max(0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return self._end(timed_out=True)
        return self._end()

    def kill(self):
        return self._end()

    def _end(self, timed_out=False):
        with self.lock:
            if self.ended is not None:
                return self.ended
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            code = self.popen.wait()
            outputs = []
            for file in (self.out, self.err):
                file.seek(0)
                outputs.append(file.read())
                file.close()
            if self.pipes:
                os.close(self.input)
                os.close(self.output)
            flooded = code == -signal.SIGXFSZ or any(len(o) > self.job.limits.output for o in outputs)
            self.ended = Ended(
                code if code >= 0 and not timed_out else None, -code if code < 0 else None,
                timed_out, False, flooded,
                outputs[0][: self.job.limits.output], outputs[1][: self.job.limits.output],
                time.monotonic() - self.began,
            )  # fmt: skip
            self.folder.cleanup()
            self.gone()
            return self.ended


class BareSandbox:
    def __init__(self, slots=2):
        self.slots = slots
        self.free = threading.Semaphore(slots)
        self.taking = threading.Lock()

    def start(self, jobs):
        with self.taking:
            for _ in jobs:
                self.free.acquire()
        return [BareProcess(job, self.free.release) for job in jobs]

    def run(self, job):
        (process,) = self.start([job])
        return process.wait()

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
