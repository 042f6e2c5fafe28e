"""Walls made by Docker: containers without network, capabilities or anything to write on."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from dataclasses import replace
from importlib.resources import files
from typing import Any

from rewardkit.sandbox.config import IMAGE, SandboxConfig
from rewardkit.sandbox.contract import SandboxError
from rewardkit.sandbox.groups import HEADROOM
from rewardkit.sandbox.pool import Pool
from rewardkit.sandbox.stream import AttachedStream
from rewardkit.sandbox.wall import COMMAND, ENVIRONMENT, introduce

LABEL = "rewardkit.sandbox"
#: the process that a container serves
OWNER = f"{LABEL}.owner"
_NOBODY = "65534:65534"
#: runtimes that run containers on this machine's kernel; others bring one of their own
_OURS = (None, "runc", "crun")
#: a container that was made and never started, of a process that ended just then, is older than this
_ABANDONED = 120.0  # seconds


def open_docker(config: SandboxConfig) -> Pool:
    """A sandbox of containers.

    Raises:
        SandboxError: the `docker` package, the daemon, the image or the runtime is not there.
    """
    client = connect()
    _find_image(client, config)
    info = client.info()
    if config.runtime is not None and config.runtime not in info.get("Runtimes", {}):
        known = ", ".join(sorted(info.get("Runtimes", {})))
        raise SandboxError(f"the Docker daemon has no runtime `{config.runtime}`; it has {known}")
    _remove_left(client)
    if config.runtime not in _OURS:
        config = replace(config, isolation="container")  # not every kernel of another makes namespaces in one
    armored = any("apparmor" in option for option in info.get("SecurityOptions") or ())
    return Pool(config, lambda: DockerWall(client, config, armored))


def connect(timeout: float = 60) -> Any:
    """A client of the daemon that the environment names, or the machine's own.

    Raises:
        SandboxError: the package or the daemon is not there.
    """
    try:
        import docker
    except ImportError:
        raise SandboxError("the docker sandbox needs `pip install 'rewardkit[docker]'`") from None
    try:
        _knock()
        client = docker.from_env(timeout=timeout)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxError(f"the Docker daemon does not answer ({_reason(error)}): start it") from None
    return client


def _knock() -> None:
    """Try a local daemon's socket first: where nobody answers, the client leaves a socket open."""
    scheme, _, path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(path)


def _reason(error: Exception) -> str:
    """The innermost cause, in one line: Docker's errors wrap those of sockets several times."""
    text = str(getattr(error, "explanation", None) or error)
    for known in ("Permission denied", "No such file or directory", "Connection refused"):
        if known in text:
            return known.lower()
    return " ".join(text.split())[:300]


def _find_image(client: Any, config: SandboxConfig) -> None:
    import docker

    try:
        client.images.get(config.image)
    except docker.errors.ImageNotFound:
        how = "`rewardkit sandbox build`" if config.image == IMAGE else f"`docker pull {config.image}`"
        raise SandboxError(f"Docker has no image `{config.image}`: {how} makes it") from None
    except docker.errors.APIError as error:
        raise SandboxError(f"Docker cannot look for the image `{config.image}`: {_reason(error)}") from None


def _remove_left(client: Any) -> None:
    """Containers end with the process that uses them; one that it made and had no time to start does not."""
    import docker

    for found in client.api.containers(all=True, filters={"label": LABEL, "status": "created"}):
        if time.time() - found["Created"] > _ABANDONED:
            with contextlib.suppress(docker.errors.DockerException):  # another process removes it
                client.api.remove_container(found["Id"], force=True)


class DockerWall:
    """One container. It ends, and is removed, when its line closes, so it does not outlive this process."""

    def __init__(self, client: Any, config: SandboxConfig, armored: bool) -> None:
        import docker

        self._client, self._ended = client, threading.Lock()
        api = client.api
        try:
            self._id = api.create_container(
                config.image,
                command=list(COMMAND),
                entrypoint=[],
                user=_NOBODY,
                hostname="sandbox",
                working_dir="/",
                environment=ENVIRONMENT,
                stdin_open=True,
                network_disabled=True,
                labels={LABEL: "", OWNER: str(os.getpid())},
                host_config=_host_config(api, config, armored),
            )["Id"]
        except (docker.errors.DockerException, OSError) as error:
            raise SandboxError(f"Docker cannot make a container: {_reason(error)}") from None
        try:
            ways = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self.stream = AttachedStream(_own(api.attach_socket(self._id, params=ways)))
            api.start(self._id)
            introduce(self, config.mode)
        except SandboxError:
            self.end()
            raise
        except (docker.errors.DockerException, OSError) as error:
            self.end()
            raise SandboxError(f"Docker cannot start a container: {_reason(error)}") from None
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        import docker

        if not self._ended.acquire(blocking=False):
            return
        if hasattr(self, "stream"):
            self.stream.close()
        # where it is being removed, by itself, or the daemon has gone, nothing is left to do
        with contextlib.suppress(docker.errors.DockerException, OSError):
            self._client.api.remove_container(self._id, force=True)

    def why(self) -> str:
        import docker

        if self._ended.locked():
            return ""
        try:
            state = self._client.api.inspect_container(self._id)["State"]
        except docker.errors.NotFound:
            return ""  # it ended, and so is removed
        except (docker.errors.DockerException, OSError) as error:
            return f"engine: the Docker daemon does not answer ({_reason(error)}): start it"
        return "memory" if state.get("OOMKilled") else ""

    def errors(self) -> str:
        return self.stream.errors.decode("utf-8", "replace")


def _own(attached: Any) -> socket.socket:
    """The connection itself, from what the client wraps around it."""
    connection = getattr(attached, "_sock", None)
    if type(connection) is not socket.socket:
        raise SandboxError(
            "the docker sandbox needs a daemon at a local socket: set DOCKER_HOST to `unix://…`"
        )
    ours = connection.dup()
    attached._response.close()
    attached.close()
    return ours


def _host_config(api: Any, config: SandboxConfig, armored: bool) -> dict[str, Any]:
    memory = config.memory + HEADROOM
    wanted = {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": _security(config, armored),
        "pids_limit": config.processes + 16,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(config.cpus * 1e9),
        "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}, {"Name": "nofile", "Soft": 1024, "Hard": 1024}],
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,exec,mode=1777,size={config.scratch}"},
        "shm_size": config.scratch,
        "ipc_mode": "private",
        "cgroupns": "private",
        "log_config": {"Type": "none"},
        "auto_remove": True,
        "init": False,
        "runtime": config.runtime,
    }
    # where parts of /proc are covered, the kernel lets no job have a /proc of its own
    bare: dict[str, Any] = (
        {"MaskedPaths": [], "ReadonlyPaths": []} if config.isolation == "namespaces" else {}
    )
    return {**api.create_host_config(**wanted), **bare}


def _security(config: SandboxConfig, armored: bool) -> list[str]:
    options = ["no-new-privileges"]
    if config.runtime in _OURS:
        options.append(f"seccomp={_profile()}")
    if config.isolation == "namespaces" and armored:
        options.append("apparmor=unconfined")  # Docker's profile refuses every mount, those of a job too
    return options


def _profile() -> str:
    text = files("rewardkit.sandbox").joinpath("seccomp.json").read_text("utf-8")
    return json.dumps(json.loads(text))
