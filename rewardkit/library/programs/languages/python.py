"""Python 3."""

from __future__ import annotations

from rewardkit.library.programs.languages.language import Language, inside

PYTHON = Language(
    name="python",
    file="solution.py",
    command=("python3", "solution.py"),
    runner=("python3", "program.py"),
    runner_files={name: inside(name) for name in ("program.py", "wire.py")},
    scripts=True,
    no_memory=(b"MemoryError",),
    version=("python3", "--version"),
    fences=("py", "python3"),
)
