"""Which tests to run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rewardkit.checker.spec import Spec, TestSpec
from rewardkit.diagnostics import RewardError


class SelectionError(RewardError):
    """A selection that selects nothing: it was not what was meant, and nothing run is not a pass."""


@dataclass(frozen=True)
class Selection:
    """Tests whose name contains one of `wanted` (all by default) and none of `unwanted`; upper and lower case
    alike. `named` holds a test by its whole name."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    named: str | None = None

    @classmethod
    def of(cls, texts: Sequence[str], named: str | None = None) -> Selection:
        """A selection as `-k` gives it: `TEXT`, or `not TEXT`."""
        unwanted = tuple(text[4:].strip() for text in texts if text.startswith("not "))
        return cls(tuple(text for text in texts if not text.startswith("not ")), unwanted, named)

    def tests(self, spec: Spec) -> tuple[TestSpec, ...]:
        """The tests of a spec that are selected, in file order."""
        return tuple(test for test in spec.tests if self._selects(test.name))

    def _selects(self, name: str) -> bool:
        if self.named is not None and name != self.named:
            return False
        low = name.casefold()
        wanted = not self.wanted or any(text.casefold() in low for text in self.wanted)
        return wanted and not any(text.casefold() in low for text in self.unwanted)

    def check(self, specs: Mapping[str, Spec]) -> None:
        """That every part of the selection selects something.

        Args:
            specs: the checked specs by the path that the user gave.

        Raises:
            SelectionError: a text that no test's name contains, or nothing is left.
        """
        names = [test.name for spec in specs.values() for test in spec.tests]
        if not names:
            raise SelectionError(f"there are no tests in {', '.join(f'`{path}`' for path in specs)}")
        if self.named is not None and self.named not in names:
            raise SelectionError(f"there is no test `{self.named}`{_nearest(self.named, names)}")
        for text in (*self.wanted, *self.unwanted):
            if not any(text.casefold() in name.casefold() for name in names):
                raise SelectionError(f"no test's name contains `{text}`{_nearest(text, names)}")
        if not any(self.tests(spec) for spec in specs.values()):
            raise SelectionError("these selections leave no test")


def _nearest(text: str, names: Sequence[str]) -> str:
    """The name that was probably meant: like the whole text, or with words like those of the text."""
    low = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(text.casefold(), low, 1, 0.5)
    if near:
        return f"; did you mean `{low[near[0]]}`?"
    words = {word: name for name in names for word in name.casefold().split()}
    for word in text.casefold().split():
        if close := difflib.get_close_matches(word, words, 1):
            return f"; did you mean `{words[close[0]]}`?"
    some = ", ".join(f"`{name}`" for name in names[:5]) + (", …" if len(names) > 5 else "")
    return f"; the tests are {some}"


def select_tests(spec: Spec, wanted: str | None) -> tuple[TestSpec, ...]:
    """The tests whose name contains `wanted`, upper and lower case alike; all by default."""
    return Selection(() if wanted is None else (wanted,)).tests(spec)
