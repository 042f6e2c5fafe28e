"""What runs in a sandbox beside programs: small, of the standard library, and of an old Python too."""

import ast
import sys
from pathlib import Path

import pytest

from rewardkit.library import programs
from rewardkit.library.programs.languages import LANGUAGES

FILES = sorted((Path(programs.__file__).parent / "inside").glob("*.py"))
OURS = {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_needs_an_old_python_and_nothing_else(path):
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | OURS
    assert not any(k.arg == "strict" for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords)


def test_every_language_has_what_it_runs():
    for name, language in LANGUAGES.items():
        assert language.name == name and language.file in language.command
        assert set(language.runner[1:]) <= language.runner_files.keys()
        assert all(language.runner_files.values()) and language.version[0] == language.command[0]
