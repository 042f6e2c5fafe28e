"""Names that would steer a terminal or a log: files, tests. They are shown, and steer nothing."""

import json
import os
import subprocess
import sys

import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run

SPEC = 'term a = completion.finished\nreward { a: 1 }\ntest "t" {\n  sample s { }\n  expect s.a == 2\n}\n'
ODD = "e\x1b[31m\n::error file=x::pwned\n\u202e.rwd"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / ODD).write_text(SPEC)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["check", "odd"],
        ["check", "odd", "--format", "concise"],
        ["check", "odd", "--format", "github"],
        ["test", "odd", "--coverage"],
        ["fmt", "--check", "odd"],
        ["fmt", "--diff", "odd"],
        ["prove", "odd"],
        ["check", "--fix", "odd"],
        ["check", ODD],
        ["doc", ODD],
        ["test", f"odd/{ODD}::nope"],
    ],
)
def test_a_file_name_steers_nothing(folder, capsys, words):
    _run(words)
    found = capsys.readouterr()
    for text in (found.out, found.err):
        assert "\x1b" not in text and "\u202e" not in text
        assert not any(line.startswith("::error file=x") for line in text.splitlines())


@pytest.mark.parametrize("verb", ["check", "test", "fmt", "prove"])
def test_a_file_name_that_is_no_text(tmp_path, verb):
    place = os.fsencode(tmp_path / "odd")
    os.mkdir(place)
    with open(os.path.join(place, b"s\xff\xfe.rwd"), "w") as file:
        file.write(SPEC + "prove a <= 1\n")
    for form in ([], ["--format", "json"]):
        command = [sys.executable, "-m", "rewardkit", verb, *form, "odd"]
        strict = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(command, cwd=tmp_path, env=strict, capture_output=True, timeout=120)
        assert done.returncode in (codes.OK, codes.FAILED, codes.WRONG_SPEC), done.stderr
        text = done.stdout.decode("utf-8")
        if form:
            json.loads(text)


def test_rows_are_read_from_the_file_that_was_checked(folder, capsys):
    import polars as pl

    (folder / "pyproject.toml").write_text("")
    (folder / "in" / "*").mkdir(parents=True)
    (folder / "in" / "other").mkdir()
    for name, text in (("*", "mine"), ("other", "theirs")):
        frame = pl.DataFrame({"completion": [text]})
        for kind, write in (("parquet", frame.write_parquet), ("csv", frame.write_csv)):
            with (folder / "in" / name / f"x.{kind}").open("wb") as file:
                write(file)
    for kind in ("parquet", "csv"):
        text = f'rows "*/x.{kind}" {{ expect share(text.contains(completion.text, "mine")) == 1 }}'
        (folder / "in" / "s.rwd").write_text(SPEC.split("test")[0] + f'test "r" {{ {text} }}\n')
        assert _run(["test", "in/s.rwd"]) == codes.OK, capsys.readouterr().out
