"""`def`, `use` and `extern`: what files may bring, and what they may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rewardkit.checker import check, read_source
from rewardkit.checker.check import examine
from rewardkit.diagnostics import Diagnostic, Source
from rewardkit.runtime.reward import load


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that is a project, with a file beside it."""
    root = tmp_path / "project"
    (root / "specs").mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "pyproject.toml").write_text("")
    (root / "lib" / "a.rwd").write_text('use "b.rwd" as b\ndef double(x: int): int = b.times(x, 2)\n')
    (root / "lib" / "b.rwd").write_text("def times(x: int, n: int): int = x * n\n")
    (tmp_path / "outside.rwd").write_text("def double(x: int): int = 2 * x\n")
    return root


def found(path: Path, text: str) -> tuple[Diagnostic, ...]:
    path.write_text(text)
    return check(read_source(path))[1]


SPEC = 'use "{}" as lib\ninput a: int\nterm t = lib.double(a)\nreward {{ t: 1 }}\n'


def test_a_file_that_uses_another_one(project: Path) -> None:
    spec = project / "specs" / "s.rwd"
    spec.write_text(SPEC.format("../lib/a.rwd"))
    assert load(spec)([{"a": 3, "completion": ""}]).total.tolist() == [6]


def test_only_what_a_file_defines_comes_along(project: Path) -> None:
    text = 'use "../lib/a.rwd" as lib\nterm t = lib.b.times(1, 2)\nterm u = lib.times(1, 2)\n'
    assert [d.code for d in found(project / "specs" / "s.rwd", text)] == ["RK0205", "RK0205"]


@pytest.mark.parametrize(
    "path",
    ["../../outside.rwd", "{tmp}/outside.rwd", "../lib/../../outside.rwd", "link.rwd", "folder/outside.rwd"],
)
def test_a_path_that_leaves_the_project(project: Path, path: str) -> None:
    (project / "specs" / "link.rwd").symlink_to(project.parent / "outside.rwd")
    (project / "specs" / "folder").symlink_to(project.parent)
    (finding,) = found(project / "specs" / "s.rwd", SPEC.format(path.format(tmp=project.parent)))
    assert finding.code == "RK0219"


def test_without_a_project_the_specs_own_folder_is_one(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "outside.rwd").write_text("def double(x: int): int = 2 * x\n")
    (finding,) = found(tmp_path / "specs" / "s.rwd", SPEC.format("../outside.rwd"))
    assert finding.message == "`../outside.rwd` leaves the project's folder, `specs`"
    assert "`.git` or `pyproject.toml` in a folder above" in (finding.help or "")


def test_what_is_no_library(project: Path) -> None:
    lib = project / "lib"
    os.mkfifo(lib / "pipe.rwd")
    (lib / "bytes.rwd").write_bytes(b"\xff\xfe")
    (lib / "empty.rwd").write_text("# nothing\n")
    (lib / "spec.rwd").write_text("term t = 1\nreward { t: 1 }\n")
    (lib / "extern.rwd").write_text("extern f(x: int): int\ndef double(x: int): int = f(x)\n")
    (lib / "broken.rwd").write_text("def double(x: int): int = x +\n")
    for name in ("none", "pipe", "bytes", "empty", "spec", "extern", "broken"):
        codes = {d.code for d in found(project / "specs" / "s.rwd", SPEC.format(f"../lib/{name}.rwd"))}
        expected = {"broken": {"RK0101"}, "empty": {"RK0219", "RK0205"}}.get(name, {"RK0219"})
        assert codes == expected, name


@pytest.mark.parametrize("path", ["../lib/loop.rwd", "a" * 5000, "a/" * 60_000 + "b.rwd", "x" * 300 + ".rwd"])
def test_a_path_that_is_none(project: Path, path: str) -> None:
    (project / "lib" / "loop.rwd").symlink_to("loop.rwd")
    (finding,) = found(project / "specs" / "s.rwd", SPEC.format(path))
    assert finding.code == "RK0219" and len(finding.message) < 300


def test_what_is_wrong_in_a_library_is_told_in_that_file(project: Path) -> None:
    (project / "lib" / "wrong.rwd").write_text("def double(x: int): text = 2 * x\n")
    (finding,) = found(project / "specs" / "s.rwd", SPEC.format("../lib/wrong.rwd"))
    assert finding.code == "RK0406"
    assert finding.primary.span.source.name.endswith("wrong.rwd")


def test_files_in_a_circle(project: Path) -> None:
    (project / "lib" / "b.rwd").write_text('use "a.rwd" as a\ndef times(x: int, n: int): int = x\n')
    findings = found(project / "specs" / "s.rwd", SPEC.format("../lib/a.rwd"))
    assert [d.code for d in findings] == ["RK0220"]
    assert "`a.rwd` → `b.rwd` → `a.rwd`" in (findings[0].help or "")


def test_files_that_multiply_are_read_once(project: Path) -> None:
    lib = project / "lib"
    for k in range(30):
        use = f'use "f{k + 1}.rwd" as p\nuse "./f{k + 1}.rwd" as q\n' if k < 29 else ""
        body = "p.double(x) + q.double(x)" if k < 29 and k > 24 else "2 * x"
        (lib / f"f{k}.rwd").write_text(f"{use}def double(x: int): int = {body}\n")
    assert found(project / "specs" / "s.rwd", SPEC.format("../lib/f0.rwd")) == ()


def test_too_many_files(project: Path) -> None:
    for k in range(60):
        use = f'use "f{k + 1}.rwd" as p\n' if k < 59 else ""
        (project / "lib" / f"f{k}.rwd").write_text(f"{use}def double(x: int): int = 2 * x\n")
    codes = [d.code for d in found(project / "specs" / "s.rwd", SPEC.format("../lib/f0.rwd"))]
    assert codes == ["RK0219"]


def test_a_text_that_is_no_file_uses_none() -> None:
    assert [d.code for d in check(Source("text", SPEC.format("lib.rwd")))[1]] == ["RK0219"]


def test_an_editor_reads_what_it_has_open(project: Path) -> None:
    opened = Source("open", "def double(x: int): int = x + x\n", project / "lib" / "new.rwd")
    spec = Source("s", SPEC.format("../lib/new.rwd"), project / "specs" / "s.rwd")
    assert check(spec, lambda path: opened)[1] == ()


def test_what_a_used_file_means_is_in_the_fingerprint(project: Path) -> None:
    spec = project / "specs" / "s.rwd"
    spec.write_text(SPEC.format("../lib/a.rwd"))
    before = load(spec).fingerprint
    (project / "lib" / "b.rwd").write_text("# a remark\ndef times(x: int, n: int): int = x * n\n")
    assert load(spec).fingerprint == before
    (project / "lib" / "b.rwd").write_text("def times(x: int, n: int): int = x * n * 1\n")
    assert load(spec).fingerprint != before


CHAIN = "def f0(x: real): real = x + 1\n" + "\n".join(
    f"def f{k}(x: real): real = f{k - 1}(x) {{}}" for k in range(1, 200)
)


def test_functions_that_nest_are_bounded() -> None:
    deep = check(Source("deep", CHAIN.replace("{}", "* 2") + "\nterm t = f199(1)"))[1]
    assert {d.code for d in deep} == {"RK0217"}
    wide = "def f0(x: real): real = x + 1\n" + "\n".join(
        f"def f{k}(x: real): real = f{k - 1}(x + 1) + f{k - 1}(x + 2)" for k in range(1, 19)
    )
    assert [d.code for d in check(Source("wide", wide + "\nterm t = f18(1)"))[1]] == ["RK0217"]


def test_a_def_of_the_deepest_kind_can_be_called_from_a_deep_expression() -> None:
    body = "(" * 15 + "x" + " + 1)" * 15
    text = f"def f(x: real): real = {body}\nterm t = {'(' * 70}f(1){' + 1)' * 70}\nreward {{ t: 1 }}"
    spec, diagnostics = check(Source("deep", text))
    assert spec is not None, diagnostics


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("extern f(x: int, x: int): int", "RK0202"),
        ("extern f(step: int): int", "RK0206"),
        ("extern len(x: int): int", "RK0206"),
        ("extern f(x: int in [3, 1]): int", "RK0703"),
        ("extern f(x: int): int in [3, 1]", "RK0703"),
        ("extern f(x: int): text in [3, 4]", "RK0703"),
        ("extern f(x: number): int", "RK0204"),
        ('use "a.rwd" as math', "RK0206"),
        ("def f(x: int): int = y", "RK0218"),
        ("def f(x: int): int = step", "RK0218"),
        ("def f(x: int) = null", "RK0601"),
        ("def f(x: int) = reward", "RK0216"),
        ("def f(x: int): int = f(x)", "RK0203"),
        ("def f(x: int): int = x\nlet f = 1", "RK0202"),
        ("def f(x: int): int = x\nterm t = f(1, 2)", "RK0210"),
        ("def f(x: int): int = x\nterm t = f(null)", "RK0601"),
        ("def f(x: int): int = x\nterm t = f(x for x in [1])", "RK0501"),
        ("def f(x: int): int = x\nterm t = f(1) over group", "RK0501"),
        ("extern f(x: int in [0, 1]): int\nterm t = f(2)", "RK0705"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    assert [d.code for d in check(Source("spec.rwd", text))[1] if d.is_error] == [code]


def test_files_are_looked_for_where_the_rest_cannot_be_checked(project: Path) -> None:
    """A `skip` that cannot be read may settle any null, so nothing else is told."""
    text = 'use "../lib/none.rwd" as a\nuse "../../outside.rwd" as b\nuse "../lib/a.rwd" as c\n'
    path = project / "specs" / "s.rwd"
    codes = [d.code for d in found(path, text + "skip when =\nterm t = nothing\n")]
    assert codes == ["RK0219", "RK0219", "RK0101"]
    assert [d.code for d in examine(read_source(path)).diagnostics] == codes
