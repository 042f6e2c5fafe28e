from __future__ import annotations

from pathlib import Path

import pytest

from rewardkit.checker import read_source
from rewardkit.diagnostics import RewardError


def refused(path: Path) -> str:
    with pytest.raises(RewardError) as error:
        read_source(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.rwd")


def test_a_folder(tmp_path: Path) -> None:
    assert "cannot read" in refused(tmp_path)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.rwd"
    path.write_bytes("# größe".encode("latin-1"))
    assert "is not UTF-8: byte 4 is 0xf6" in refused(path)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.rwd"
    path.write_bytes("漢".encode() * 400_000)
    assert "too large" in refused(path)


def test_a_byte_order_mark_is_kept_out_of_the_way(tmp_path: Path) -> None:
    path = tmp_path / "bom.rwd"
    path.write_bytes(b"\xef\xbb\xbfterm a = 1\r\n")
    assert read_source(path).position(1) == (1, 2)
