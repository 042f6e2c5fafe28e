"""Images from a folder, as the daemon is asked to import them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from rewardkit.sandbox import SandboxError
from rewardkit.sandbox.images import build_from_folder

pytest.importorskip("docker")


@pytest.mark.parametrize(
    ("tag", "repository", "version"),
    [
        ("box:2", "box", "2"),
        ("box", "box", "latest"),
        ("localhost:5000/team/box:2", "localhost:5000/team/box", "2"),
        ("localhost:5000/team/box", "localhost:5000/team/box", "latest"),
    ],
)
def test_a_folder_is_imported_under_its_name(tmp_path: Path, tag: str, repository: str, version: str) -> None:
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "bin" / "python3").touch()
    (tmp_path / "usr" / "share" / "doc").mkdir(parents=True)
    (tmp_path / "usr" / "share" / "doc" / "long").touch()
    asked = []

    def take(stream: io.BufferedReader, *named: str) -> str:
        with tarfile.open(fileobj=io.BytesIO(stream.read())) as archive:
            asked.append((named, archive.getnames()))
        return "{}"

    client = SimpleNamespace(api=SimpleNamespace(import_image_from_stream=take))
    build_from_folder(client, tmp_path, tag, lambda line: None)
    ((named, files),) = asked
    assert named == (repository, version)
    assert "./usr/bin/python3" in files and "./usr/share/doc/long" not in files


def test_a_folder_without_python_is_no_root_file_system(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="not a root file system"):
        build_from_folder(None, tmp_path, "box:1", lambda line: None)
