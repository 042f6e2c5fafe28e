"""The experience library of Training-Free GRPO, and the operations that change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["ADD", "UPDATE", "DELETE", "NONE"]
KINDS: frozenset[str] = frozenset(get_args(Kind))


@dataclass(frozen=True)
class Operation:
    """One change: `id` names an experience, `content` is the text to add or to put in its place."""

    operation: Kind
    id: str | None = None
    content: str = ""


@dataclass(frozen=True)
class Library:
    """Experiences in order; the first has the id `G0`, the next `G1`, and so on."""

    experiences: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.experiences)

    @property
    def by_id(self) -> dict[str, str]:
        """Id -> text."""
        return {f"G{number}": text for number, text in enumerate(self.experiences)}

    def apply(
        self, plan: Iterable[Operation], *, most: int | None = None, longest: int | None = None
    ) -> Library:
        """The library after a plan, with ids counted anew.

        As the published code does it: an operation without content does nothing, DELETE included; UPDATE of
        an unknown id adds; DELETE of an unknown id does nothing. Texts are cut to `longest` characters, and
        nothing is added to a library of `most` experiences: what a model wrote is bounded.
        (arXiv 2510.08191, section 2; utu/practice/experience_updater.py)
        """
        texts, count = self.by_id, len(self)
        for change in plan:
            content = change.content.strip()[:longest].strip()
            if not content or change.operation == "NONE":
                continue
            if change.operation == "DELETE":
                texts.pop(change.id or "", None)
            elif change.operation == "UPDATE" and change.id in texts:
                texts[change.id] = content
            elif most is None or len(texts) < most:
                texts[f"G{count}"] = content
                count += 1
        return Library(tuple(texts.values()))

    def render(self) -> str:
        """As it stands behind the instructions: a line `[id]. text` for each."""
        return "\n".join(f"[{name}]. {text}" for name, text in self.by_id.items())
