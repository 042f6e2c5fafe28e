"""What `rewardkit diff` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rewardkit.analysis.differences import Change
from rewardkit.analysis.meaning import cut
from rewardkit.cli.show import left_table, table

if TYPE_CHECKING:
    from rewardkit.analysis.rows import Moved, RowsDifference

_MOST_NAMES = 8  # of what a change reaches
_MOST_TERMS = 3  # of a row that moved


def shown(changes: Iterable[Change]) -> str:
    """Changes, those of one statement together: `+` added, `-` removed, `~` changed."""
    changes = tuple(changes)
    if not changes:
        return "no difference in meaning"
    lines: list[str] = []
    for change in changes:
        lines += _lines(change)
    if not any(change.scores for change in changes):
        lines += ["", "the reward itself is the same"]
    return "\n".join(lines)


def _lines(change: Change) -> list[str]:
    name = " ".join(part for part in (change.what, change.name) if part)
    reaches = f"  (reaches {_names(change.reaches)})" if change.reaches else ""
    before, after = cut(change.before, change.after), cut(change.after, change.before)
    if change.what == "test":
        return [f"{_sign(change)} test `{change.name}`"]
    if change.part == "verdict":
        was = f"{change.before} → " if change.before else ""
        return [f"~ claim `{change.name}`: {was}{change.after}"]
    if change.what == "column":
        return [f"{_sign(change)} reads {change.name}{reaches}"]
    if change.before == change.after:
        through = _names(change.through) or "what it calls"
        part = f" {change.part}" if change.part else ""
        return [f"~ {name}{part}: through {through}"]
    whole = change.what in ("input", "param", "term", "claim", "extern", "def", "use") and not change.part
    if whole and (before is None or after is None):  # the statement says all of it
        return [f"{_sign(change)} {before or after}{reaches}"]
    if change.part in ("", "value", "gate", "else", "when", "scale") and _long(before, after):
        part = f" {change.part}" if change.part else ""
        head = f"{_sign(change)} {name}{part}{reaches}"
        return [head, *(f"    {sign} {said}" for sign, said in (("-", before), ("+", after)) if said)]
    if not change.part and (before is None or after is None):
        return [f"{_sign(change)} {name}: {before or after}{reaches}"]
    if change.part == "lies in":
        return [f"~ {name} lies in {before} → {after}"]
    part = f" {change.part}" if change.part else ""
    return [f"~ {name}{part}: {before or 'none'} → {after or 'none'}{reaches}"]


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _long(before: str | None, after: str | None) -> bool:
    return len(before or "") + len(after or "") > 50


def _sign(change: Change) -> str:
    if change.part:
        return "~"
    return "+" if change.before is None else "-" if change.after is None else "~"


def shown_rows(found: RowsDifference, grouped: bool) -> str:
    """Summary, terms, and the rows that moved most."""
    return "\n".join([*_summary(found, grouped), "", _terms(found), *_moved(found, grouped), *_lost(found)])


def _summary(found: RowsDifference, grouped: bool) -> list[str]:
    n, p = found.compared, found.pairs
    where = f"in {_count(found.groups, 'group')}" if grouped else "ranked together: no groups are given"
    lines = [
        f"{_count(found.rows, 'row')}, {found.compared:,} rewarded by both, {where}",
        f"  reward changed      {_share(found.reward_changed, n, 'rows')}",
        f"  rank changed        {_share(found.rank_changed, n, 'rows')}",
    ]
    if grouped:
        lines.append(f"  order changed       {_share(found.groups_changed, found.groups, 'groups')}")
    told = "".join(
        f", {count:,} {word}" for count, word in ((p.tied, "tied now"), (p.split, "tied before")) if count
    )
    lines.append(f"  pairs swapped       {_share(p.swapped, p.all, 'pairs')}{told}")
    if n:
        shift = found.means[1] - found.means[0]
        lines.append(f"  mean reward         {found.means[0]:.4g} → {found.means[1]:.4g} ({shift:+.4g})")
    for label, counts in (("skipped", found.skipped), ("without a reward", found.nulls)):
        if any(counts):
            lines.append(f"  {label:<18}  {counts[0]:,} by the first only, {counts[1]:,} by the second only")
    if any(found.faults):
        lines.append(f"  rows with a fault   {found.faults[0]:,} → {found.faults[1]:,}")
    return lines


def _terms(found: RowsDifference) -> str:
    rows = [[name, *("–" if x is None else f"{x:.4g}" for x in (old, new))] for name, old, new in found.terms]
    return table(["mean that each term adds", "before", "after"], rows)


def _moved(found: RowsDifference, grouped: bool) -> list[str]:
    if not found.moved:
        return []
    head = ["row", *(["group"] if grouped else []), "rank", "reward", "what moved it"]
    rows = [
        [
            str(m.row),
            *([str(m.group)[:24]] if grouped else []),
            f"{m.ranks[0]:g} → {m.ranks[1]:g} of {m.size}",
            f"{m.rewards[0]:.4g} → {m.rewards[1]:.4g}",
            _why(m),
        ]
        for m in found.moved
    ]
    told = f"the {len(rows)} that moved most of {found.rank_changed:,} rows whose rank changed"
    return [
        "",
        told if len(rows) < found.rank_changed else "rows whose rank changed",
        left_table([head, *rows]),
    ]


def _why(moved: Moved) -> str:
    terms = [f"{name} {by:+.4g}" for name, by in moved.terms[:_MOST_TERMS]]
    return ", ".join(terms) if terms else "the rows around it"


def _lost(found: RowsDifference) -> list[str]:
    """Rows that one of the two does not reward."""
    lines = []
    for i, word in ((1, "no reward any more"), (0, "a reward only now")):
        rows = [str(m.row) for m in found.lost if m.rewards[i] != m.rewards[i]]
        if rows:
            count = found.rewarded[1 - i]
            more = ", …" if len(rows) < count else ""
            lines += ["", f"{_count(count, 'row')} with {word}: {', '.join(rows)}{more}"]
    return lines


def _share(count: int, of: int, what: str) -> str:
    return f"{count:,} of {of:,} {what}" + (f" ({count / of:.1%})" if of else "")


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'s' if n != 1 else ''}"
