"""Which tests to run."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from rewardkit.checker.spec import Spec, TestSpec
from rewardkit.diagnostics import RewardError


class SelectionError(RewardError):
    """A selection that selects nothing: it was not what was meant, and nothing run is not a pass."""


@dataclass(frozen=True)
class Selection:
    """Tests whose name contains one of `wanted` (all by default) and none of `unwanted`, upper and lower case
    alike; `named` are whole names, of which the test must have one."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str], named: Sequence[str] = ()) -> Selection:
        """A selection as `-k` gives it: `TEXT`, or `not TEXT`."""
        unwanted = tuple(text[4:].strip() for text in texts if text.startswith("not "))
        return cls(tuple(text for text in texts if not text.startswith("not ")), unwanted, tuple(named))

    def tests(self, spec: Spec) -> tuple[TestSpec, ...]:
        """The tests of a spec that are selected, in file order."""
        return tuple(test for test in spec.tests if self._selects(test.name))

    def _selects(self, name: str) -> bool:
        low = name.casefold()
        wanted = not self.wanted or any(text.casefold() in low for text in self.wanted)
        unwanted = any(text.casefold() in low for text in self.unwanted)
        return wanted and not unwanted and (not self.named or name in self.named)


def check_selections(chosen: Sequence[tuple[Spec, Selection]]) -> None:
    """That every part of what was asked for selects something.

    Raises:
        SelectionError: a name that no test has, a text that no test's name contains, or no test is left.
    """
    names = [test.name for spec, _ in chosen for test in spec.tests]
    for spec, selection in chosen:
        own = [test.name for test in spec.tests]
        for name in selection.named:
            if name not in own:
                raise SelectionError(f"`{spec.source.name}` has no test `{name}`{_nearest(name, own)}")
    for text in dict.fromkeys(text for _, s in chosen for text in (*s.wanted, *s.unwanted)):
        if names and not any(text.casefold() in name.casefold() for name in names):
            raise SelectionError(f"no test's name contains `{text}`{_nearest(text, names)}")
    if names and not any(selection.tests(spec) for spec, selection in chosen):
        raise SelectionError("no test is left: what one selection keeps, another leaves out")


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
    if not names:
        return "; it has none"
    some = ", ".join(f"`{name}`" for name in names[:5]) + (", …" if len(names) > 5 else "")
    return f"; the tests are {some}"


def select_tests(spec: Spec, wanted: str | None) -> tuple[TestSpec, ...]:
    """The tests whose name contains `wanted`, upper and lower case alike; all by default."""
    return Selection(() if wanted is None else (wanted,)).tests(spec)
