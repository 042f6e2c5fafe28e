"""The package as installed: light to import, whole in its wheel, and as it says of itself."""

import subprocess
import sys
import venv
from importlib import import_module
from pathlib import Path

import pytest

import rewardkit
from rewardkit.language import grammar

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "accelerate", "sympy", "math_verify", "matplotlib")


def loaded_after(code: str) -> set[str]:
    """The top-level modules that running `code` in a new interpreter brings in."""
    report = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    found = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True, timeout=120
    )
    return set(found.stdout.splitlines()[-1].split())


def test_importing_is_light():
    assert not loaded_after("import rewardkit") & {*HEAVY, "polars", "numpy", "lark"}


def test_checking_and_loading_need_no_heavy_library(tmp_path):
    spec = ROOT / "examples" / "gsm8k" / "gsm8k.rwd"
    check = f"from rewardkit.cli.main import _run\nassert _run(['check', {str(spec)!r}]) == 0"
    assert not loaded_after(check) & {*HEAVY, "polars", "numpy"}
    assert not loaded_after(f"import rewardkit\nrewardkit.load({str(spec)!r})") & set(HEAVY)


def test_a_worker_process_is_light():
    assert not loaded_after("import rewardkit.runtime.worker") & {*HEAVY, "polars", "numpy", "lark"}


def test_all_names_what_there_is():
    for name in rewardkit.__all__:
        assert getattr(rewardkit, name) is not None
    with pytest.raises(AttributeError):
        _ = rewardkit.nothing


def test_every_module_imports():
    package = ROOT / "rewardkit"
    # those are run in a sandbox beside one another, not as modules of the package
    apart = set((package / "library" / "programs" / "inside").glob("*.py"))
    for path in sorted(set(package.rglob("*.py")) - apart):
        if path.name not in ("__main__.py", "math_worker.py"):  # which changes math-verify in this process
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_the_grammar_its_table_and_the_templates(wheel):
    import zipfile

    names = set(zipfile.ZipFile(wheel).namelist())
    assert "rewardkit/grammar/rwd.lark" in names
    assert f"rewardkit/grammar/{grammar.table_name()}" in names
    assert "rewardkit/templates/math/reward.rwd" in names
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


def test_the_wheel_holds_every_page_that_doc_shows(wheel):
    import zipfile

    names = set(zipfile.ZipFile(wheel).namelist())
    pages = ["language.md", "claims.md", "testing.md", "diagnostics/claims.md"]
    pages += [f"lints/{path.name}" for path in (ROOT / "docs" / "lints").glob("*.md")]
    assert {f"rewardkit/docs/{page}" for page in pages} <= names
    assert len(pages) > 20


def test_the_wheel_holds_what_runs_in_a_sandbox_and_what_makes_its_image(wheel, tmp_path):
    import zipfile

    package = ROOT / "rewardkit"
    needed = [path.relative_to(ROOT) for path in package.rglob("inside/*") if path.is_file()]
    needed += [path.relative_to(ROOT) for path in (package / "sandbox").glob("*.json")]
    needed = [path for path in needed if "__pycache__" not in path.parts]
    assert {"program.js", "script.py", "zygote.py", "seccomp.json"} <= {path.name for path in needed}
    with zipfile.ZipFile(wheel) as archive:
        assert {path.as_posix() for path in needed} <= set(archive.namelist())
        archive.extractall(tmp_path)
    find = "from rewardkit.sandbox import images; print(images.dockerfile().read_text())"
    found = subprocess.run(
        [sys.executable, "-c", find], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=120,
        env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert found.stdout.strip() == (ROOT / "sandboxes" / "Dockerfile").read_text().strip()


def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path):
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    install = [python, "-m", "pip", "install", "--quiet", "-c", constraints, wheel]
    subprocess.run([*map(str, install)], check=True, capture_output=True, timeout=600)
    environment = {
        "PATH": str(home / "bin"),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    code = (
        "import rewardkit\n"
        'reward = rewardkit.loads("input x: real in [0, 1]\\nterm a = x\\nreward { a: 2 }")\n'
        "assert reward([{'x': 0.25}]).total.tolist() == [0.5]"
    )
    subprocess.run([str(python), "-c", code], check=True, cwd=tmp_path, env=environment, timeout=120)
    made = subprocess.run(
        [str(home / "bin" / "rewardkit"), "new", "mine"],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    tested = subprocess.run(
        [str(home / "bin" / "rewardkit"), "test", "mine"],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    # the table came with the wheel: nothing was built, so nothing was cached
    assert not (tmp_path / "cache").exists()
