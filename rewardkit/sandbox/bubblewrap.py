"""Walls made by bubblewrap: for machines without Docker, as any user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from rewardkit.sandbox.config import SandboxConfig
from rewardkit.sandbox.contract import SandboxError
from rewardkit.sandbox.groups import Group, make_group, remove_left
from rewardkit.sandbox.pool import Pool
from rewardkit.sandbox.stream import Stream
from rewardkit.sandbox.wall import COMMAND, ENVIRONMENT, introduce

_NOBODY = 65534
_INSTALL = "install bubblewrap (`apt-get install bubblewrap`, `dnf install bubblewrap`)"


def open_bubblewrap(config: SandboxConfig) -> Pool:
    """A sandbox of bubblewrap walls.

    Raises:
        SandboxError: there is no `bwrap`.
    """
    if not shutil.which("bwrap"):
        raise SandboxError(f"the bubblewrap sandbox needs the program `bwrap`: {_INSTALL}")
    remove_left()
    return Pool(config, lambda: BubblewrapWall(config))


class BubblewrapWall:
    """One `bwrap`. It ends by itself when its line closes, so it does not outlive this process."""

    def __init__(self, config: SandboxConfig) -> None:
        ours, theirs = socket.socketpair()
        self.stream = Stream(ours)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        self._group = make_group(config)
        # limits on processes do not bind root, and nothing in there is to be root's
        root = os.geteuid() == 0
        try:
            self._process = subprocess.Popen(
                _command(config, self._group),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                env={},
                cwd="/",
                start_new_session=True,  # Ctrl-C at a terminal is for us to act on
                user=_NOBODY if root else None,
                group=_NOBODY if root else None,
                extra_groups=[] if root else None,
            )
        except OSError as error:
            ours.close()
            if self._group:
                self._group.remove()
            raise SandboxError(f"cannot start `bwrap`: {error.strerror or error}") from error
        finally:
            theirs.close()
        try:
            introduce(self, config.mode)
            if self._group:  # now that all it is made of is there
                self._group.add(_tree(self._process.pid))
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        self.stream.close()
        if self._process.poll() is None:
            for process in _tree(self._process.pid):
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            self._process.wait()
        if self._group:
            self._group.remove()
        self._errors.close()

    def why(self) -> str:
        return "memory" if self._group and self._group.was_exceeded() else ""

    def errors(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        return os.pread(self._errors.fileno(), 4096, 0).decode("utf-8", "replace")


def _command(config: SandboxConfig, group: Group | None) -> list[str]:
    """No `--die-with-parent`: it would end the wall with the thread that started it."""
    words = ["bwrap", "--unshare-all", "--as-pid-1", "--hostname", "sandbox", "--clearenv"]
    words += ["--uid", str(_NOBODY), "--gid", str(_NOBODY), "--cap-drop", "ALL"]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            words += ["--ro-bind", path, path]
    for path in ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"):
        words += ["--ro-bind-try", path, path]
    words += _interpreter()
    words += ["--dev", "/dev", "--proc", "/proc"]
    if config.isolation == "container":
        words += ["--size", str(config.scratch)]  # of the next one; else each job mounts its own over it
    words += ["--tmpfs", "/tmp", "--dir", "/sys", "--chdir", "/"]
    if group:
        words += ["--ro-bind", str(group.folders[0]), group.shown_at]
    return [*words, *COMMAND]


def _interpreter() -> list[str]:
    """This Python, where `/usr` holds none."""
    if any(os.access(f"{folder}/python3", os.X_OK) for folder in ("/usr/local/bin", "/usr/bin")):
        return []
    home = str(Path(sys.base_prefix).resolve())
    return ["--ro-bind", home, home, "--setenv", "PATH", f"{home}/bin:{ENVIRONMENT['PATH']}"]


def _tree(root: int) -> list[int]:
    """A process and what it started, the last first."""
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{root}/task"):
            for child in Path(f"/proc/{root}/task/{task}/children").read_text().split():
                found += _tree(int(child))
    return [*found, root]
