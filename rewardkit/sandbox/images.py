"""Making the image that programs run in: from a base image, or from a folder, without a network."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rewardkit.sandbox.contract import SandboxError

#: what a program may be written in, beside Python
PACKAGES = ("python3", "nodejs")
_SUITE = "bookworm"
#: what no program needs, and what no program should be run as
_UNNEEDED = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)
_BUILD = 1800.0  # seconds

Say = Callable[[str], None]


def build_from_base(client: Any, base: str | None, tag: str, say: Say) -> None:
    """By `sandboxes/Dockerfile`, on its own base image or another that has `apt-get`.

    Raises:
        SandboxError: a step fails; the message is its last line.
    """
    text = dockerfile().read_bytes()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    archive.seek(0)
    arguments = {"BASE": base} if base else {}
    events = client.api.build(
        fileobj=archive, custom_context=True, tag=tag, buildargs=arguments, rm=True, decode=True
    )
    for event in events:
        if "error" in event:
            raise SandboxError(f"the image was not built: {' '.join(event['error'].split())}")
        if line := str(event.get("stream") or event.get("status") or "").strip():
            say(line)


def build_from_folder(client: Any, folder: Path, tag: str, say: Say) -> None:
    """From a root file system that holds `python3`.

    Raises:
        SandboxError: it does not, or the daemon does not take it.
    """
    from docker.utils import parse_repository_tag

    if not any((folder / place / "python3").exists() for place in ("usr/bin", "usr/local/bin", "bin")):
        raise SandboxError(f"`{folder}` is not a root file system with python3 in it")
    say(f"import {folder}")
    left_out = [f"--exclude=./{path}/*" for path in _UNNEEDED]
    repository, version = parse_repository_tag(tag)
    with subprocess.Popen(
        ["tar", "-C", str(folder), "-c", "--mode=u-s,g-s", *left_out, "."],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as tar:
        answer = client.api.import_image_from_stream(tar.stdout, repository, version or "latest")
        assert tar.stderr is not None
        errors = tar.stderr.read().decode("utf-8", "replace")
    if tar.returncode or '"error"' in answer:
        raise SandboxError(f"the image was not made: {' '.join((errors or answer).split())[-300:]}")


def build_by_debootstrap(client: Any, tag: str, say: Say) -> None:
    """From a Debian root file system, made here: needs root and a Debian mirror, but no registry.

    Raises:
        SandboxError: `debootstrap` is not there, or fails.
    """
    if not shutil.which("debootstrap"):
        raise SandboxError("`debootstrap` is not installed: `apt-get install debootstrap`")
    folder = tempfile.mkdtemp(prefix="rewardkit-")
    try:
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", _SUITE, folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as made:
            last = ""
            try:
                for line in made.stdout or ():
                    last = line.strip()
                    say(last)
            except BaseException:
                made.terminate()
                raise
        if made.returncode:
            raise SandboxError(f"debootstrap failed: {last}")
        build_from_folder(client, Path(folder), tag, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def dockerfile() -> Path:
    """In the package when it is installed, at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "sandboxes", package.parent / "sandboxes"):
        if (folder / "Dockerfile").is_file():
            return folder / "Dockerfile"
    raise SandboxError("this installation has no `sandboxes/Dockerfile`: install rewardkit again")
