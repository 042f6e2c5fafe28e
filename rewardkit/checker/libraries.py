"""Files that `use` brings in: read once, within bounds, and never in a circle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rewardkit.checker.paths import shortened
from rewardkit.checker.spec import Callee
from rewardkit.diagnostics import Collector, Label, RewardError, Source
from rewardkit.language import parse
from rewardkit.language import tree as t
from rewardkit.language.parser import MAX_CHARACTERS

#: files that one spec may bring in, directly or not
MAX_FILES = 50

#: reads a file that a spec names; an editor gives what it has open instead
Read = Callable[[Path], Source]


@dataclass
class Libraries:
    """The files read so far. `reading` are those that are being read, from the spec inwards."""

    read: Read | None
    modules: dict[Path, t.Module] = field(default_factory=dict)
    functions: dict[Path, Mapping[str, Callee | None]] = field(default_factory=dict)  # of each, checked
    reading: list[Path] = field(default_factory=list)
    characters: int = 0

    def module(self, path: Path, node: t.Use, found: Collector) -> t.Module | None:
        """The module of a file; `None` where it is none (reported at the `use`)."""
        if path in self.reading:
            shown = " → ".join(f"`{p.name}`" for p in [*self.reading[self.reading.index(path) :], path])
            found.error(
                "RK0220",
                "files use each other in a circle",
                node.path.span,
                help=f"{shown}: move what both need into a file of its own",
            )
            return None
        if path in self.modules:
            return self.modules[path]
        if len(self.modules) == MAX_FILES or self.characters > MAX_CHARACTERS:
            most = f"{MAX_FILES} files or {MAX_CHARACTERS:,} characters"
            found.error("RK0219", f"this spec uses more than {most}", node.path.span, help="use fewer files")
            return None
        assert self.read is not None
        try:
            source = self.read(path)
        except RewardError as problem:
            found.error(
                "RK0219",
                f"`{shortened(node.path.value)}` cannot be read",
                node.path.span,
                help="a path is relative to the file that names it",
                notes=(str(problem),),
            )
            return None
        self.characters += len(source.text)
        module = parse(source, found)
        self.modules[path] = module
        rewards = [s for s in module.statements if isinstance(s, t.Reward)]
        if rewards:
            found.error(
                "RK0219",
                f"`{shortened(node.path.value)}` is a spec, and only files without `reward` are used",
                node.path.span,
                labels=(Label(rewards[0].span, "its `reward`"),),
                help="move its `def`s into a file of their own, and use that in both",
            )
            return None
        return module
