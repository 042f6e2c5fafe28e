"""No wall at all: programs run as this user, on this machine, with limits on what they use. Only for programs
whose author is trusted, and only where the user says `unsafe` in so many words."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import warnings

from rewardkit.sandbox.config import SandboxConfig
from rewardkit.sandbox.contract import SandboxError
from rewardkit.sandbox.pool import Pool
from rewardkit.sandbox.stream import Stream
from rewardkit.sandbox.wall import BOOTSTRAP, ENVIRONMENT, introduce


def open_unsafe(config: SandboxConfig) -> Pool:
    """Plain processes behind the contract of a sandbox. Warns."""
    warnings.warn(
        "the sandbox engine `unsafe` runs programs on this machine, with all that this user may do",
        stacklevel=3,
    )
    return Pool(config, UnsafeWall)


class UnsafeWall:
    """A warm interpreter. It ends by itself when its line closes."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.stream = Stream(ours)
        self._folder = tempfile.mkdtemp(prefix="rewardkit-")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-c", BOOTSTRAP],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise SandboxError(f"cannot start Python: {error.strerror or error}") from error
        finally:
            theirs.close()
        try:
            introduce(self, "unsafe", self._folder)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Closing the line ends its job, with all that the job started, and then itself."""
        self.stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def why(self) -> str:
        return ""

    def errors(self) -> str:
        return ""
