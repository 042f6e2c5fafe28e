"""Files that a spec names: relative to the spec, and inside its project."""

from __future__ import annotations

from pathlib import Path

from rewardkit.diagnostics import RewardError, Source

#: what marks the folder that a project begins at
_MARKS = (".git", "pyproject.toml")


class Outside(RewardError):
    """A path that leaves the project; `help` says what would make the project wider."""

    help = "a `.git` or `pyproject.toml` in a folder above makes that one the project"


def project_of(source: Source) -> Path | None:
    """The nearest folder above a spec with `.git` or `pyproject.toml`, else the spec's own.

    `None` for a text that lies nowhere.
    """
    if source.path is None:
        return None
    folder = source.path.absolute().parent.resolve()
    for above in (folder, *folder.parents):
        if any((above / mark).exists() for mark in _MARKS):
            return above
    return folder


def shortened(path: str) -> str:
    """A path as a message shows it."""
    return path if len(path) <= 100 else path[:99] + "…"


def inside(source: Source, relative: str) -> Path:
    """The file that a spec names, links followed.

    Raises:
        RewardError: the path is absolute or empty, leaves the project, or the spec lies nowhere.
    """
    shown = shortened(relative)
    project = project_of(source)
    if project is None or source.path is None:
        raise RewardError(f"a text that is no file cannot name another one, `{shown}`")
    if not relative or "\0" in relative or "\\" in relative or Path(relative).is_absolute():
        raise RewardError("a path is relative to the spec, with `/` between its parts")
    try:
        path = (source.path.absolute().parent / relative).resolve()
    except (OSError, RuntimeError):  # too long, or links in a circle
        raise RewardError(f"`{shown}` is no path") from None
    if not path.is_relative_to(project):
        raise Outside(f"`{shown}` leaves the project's folder, `{project.name or project}`")
    return path
