"""An analysis as text: aligned tables, then what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from rewardkit.analysis.analyze import Analysis, OnRows
from rewardkit.analysis.claims import ClaimAnalysis, InAdvantage
from rewardkit.analysis.collapse import COMPARED, Collapse, Merge
from rewardkit.analysis.combinations import Combination
from rewardkit.analysis.findings import Finding, number, share
from rewardkit.analysis.observed import Observed
from rewardkit.analysis.ranges import TermRange
from rewardkit.analysis.shares import Shares, separates
from rewardkit.types.interval import bare, show

Style = Callable[[str], str]

#: correlations from here on are told
_CORRELATED = 0.3
#: rows of a group that a line shows, and values of a term
_ROWS, _VALUES = 4, 8
#: terms, gates and findings that a table shows; `--format json` has all
_LINES = 40


def render(found: Analysis, strong: Style = str) -> str:
    """The analysis as text. `strong` marks headings and warnings (bold on a terminal)."""
    parts = [_terms(found, strong), *_collapse(found.collapse, strong), *_claims(found.claims, strong)]
    if found.rows is not None:
        parts += _rows(found, found.rows, strong)
    parts += _findings(found.findings, strong)
    return "\n\n".join(parts)


# --- from the spec ---------------------------------------------------------------------------------


def _terms(found: Analysis, strong: Style) -> str:
    weighed = [t for t in found.terms if t.weight is not None]
    head = ["", "range", "weight", "adds", "of range", "of weight"]
    rows = [_term_line(term) for term in weighed[:_LINES]]
    rows.append(["reward", "", "", bare(found.reward), "", ""])
    set_ = "".join(f", {name} {_plain(value)}" for name, value in found.params.items())
    lines = [strong(f"terms of {found.spec}") + f", at step {found.step:g}{set_}", _table(head, rows, left=1)]
    lines += _more(len(weighed))
    metrics = [t for t in found.terms if t.weight is None]
    if metrics:
        shown = ", ".join(f"{t.name} {_range(t)}" for t in metrics[:_LINES])
        lines.append(f"metrics, computed and never weighed: {shown}")
    if len(weighed) > 1:
        lines.append(_measure())
    return "\n".join(lines)


def _measure() -> str:
    summed = " and ".join(name for name in COMPARED if not separates(name))
    apart = " and ".join(name for name in COMPARED if separates(name))
    return (
        f"`of range`: share of weight × range, where {summed} set out from; "
        f"`of weight`: share of the weights alone, where {apart} sets out from"
    )


def _term_line(term: TermRange) -> list[str]:
    assert term.weight is not None and term.adds is not None
    weight = bare(term.weight)
    if term.weight.constant is None and term.weight_now is not None:
        weight = f"{weight}, now {term.weight_now:g}"
    return [term.name, _range(term), weight, bare(term.adds), share(term.share), share(term.weight_share)]


def _range(term: TermRange) -> str:
    text = bare(term.range)
    if term.values is not None and 1 < len(term.values) <= 4:
        text = "{" + ", ".join(show(v) for v in term.values) + "}"
    return text + " or null" if term.null else text


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- distinct advantages -----------------------------------------------------------------------------


def _collapse(found: Collapse, strong: Style) -> Iterator[str]:
    known = found.combinations
    title = strong("distinct advantages")
    if known.problem is not None:
        yield f"{title}: not counted, as {known.problem}"
        return
    counted = [count for count in found.counts if count.distinct]
    names = list(counted[0].distinct) if counted else []
    rows = [
        [f"{c.size} completions", f"{c.groups:,}", *(f"{c.distinct[name]:,}" for name in names)]
        for c in counted
    ]
    lines = [f"{title} that groups of completions can get, of {len(known.all):,} combinations of term values"]
    if rows:
        lines.append(_table(["", "groups", *names], rows))
    left_out = [c for c in found.counts if not c.distinct]
    if left_out:
        sizes = ", ".join(f"{c.size} ({c.groups:.3g} groups)" for c in left_out)
        lines.append(f"left out, as there are too many groups to look at: {sizes}")
    if known.ends:
        ends = ", ".join(f"{name} {lo:g} or {hi:g}" for name, (lo, hi) in known.ends.items())
        lines.append(f"of a range only the ends are looked at: {ends}")
    if known.unbounded:
        lines.append(f"without a bound, and one unit stands for the range: {', '.join(known.unbounded)}")
    yield "\n".join(lines)
    if found.merges:
        yield _merges(found, strong)


def _merges(found: Collapse, strong: Style) -> str:
    terms = found.combinations.terms
    head = ["normalizer", "advantages", f"groups with these, as ({', '.join(terms)})", "told apart by"]
    rows = []
    for merge in found.merges:
        lines = [_group(group) for group in merge.groups]
        rows.append([merge.normalizer, _numbers(merge.advantages), lines[0], ", ".join(merge.by)])
        rows += [["", "", line, ""] for line in lines[1:]]
    title = strong(f"groups of {found.merge_size} that are merged")
    return f"{title}: the same advantages for different rewards\n{_table(head, rows, left=4)}"


def _group(group: Sequence[Combination]) -> str:
    text = " ".join(f"({', '.join(_value(v) for v in row)})" for row in group[:_ROWS])
    return text + " …" * (len(group) > _ROWS)


def _value(value: float) -> str:
    return "null" if value != value else f"{value:.3g}"


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{v:+.2f}" if v else "0" for v in values[:_VALUES]) + " …" * (len(values) > _VALUES)


# --- claims ----------------------------------------------------------------------------------------


def _claims(found: Sequence[ClaimAnalysis], strong: Style) -> Iterator[str]:
    """Each claim with what becomes of it, and the first group that breaks one."""
    if not found:
        return
    names = list(dict.fromkeys(x.normalizer for claim in found for x in claim.advantages))
    head = ["", "in the reward", *names]
    rows = []
    for claim in found[:_LINES]:
        cells = [_answers([x for x in claim.advantages if x.normalizer == name]) for name in names]
        rows.append([claim.text, claim.in_reward, *cells])
    lines = [
        strong("claims") + f": in the reward, and in the advantage of groups{_sizes(found)}",
        _table(head, rows, left=len(head)),
    ]
    broken = next((x for claim in found for x in claim.advantages if x.test is not None), None)
    if broken is not None and broken.test is not None:
        lines.append(f"a group of {broken.size} in which {broken.normalizer} breaks it, as a test:")
        lines += ["  " + line if line else "" for line in broken.test.rstrip().splitlines()]
    yield "\n".join(lines)


def _sizes(found: Sequence[ClaimAnalysis]) -> str:
    sizes = list(dict.fromkeys(str(x.size) for claim in found for x in claim.advantages))
    if not sizes:
        return ""
    return f" of {', '.join(sizes[:-1])} and {sizes[-1]}" if len(sizes) > 1 else f" of {sizes[0]}"


def _answers(found: Sequence[InAdvantage]) -> str:
    """`proved` where it is so for every size, else `proved for 2 and 4, refuted for 8`."""
    answers: dict[str, list[str]] = {}
    for one in found:
        answers.setdefault(one.answer, []).append(str(one.size))
    if len(answers) == 1:
        return next(iter(answers))
    return ", ".join(f"{answer} for {' and '.join(sizes)}" for answer, sizes in answers.items()) or "–"


def _groups(count: int) -> str:
    return f"{count:,} group{'' if count == 1 else 's'}"


# --- from rows -------------------------------------------------------------------------------------


def _rows(found: Analysis, rows: OnRows, strong: Style) -> Iterator[str]:
    counts = [f"{rows.rows:,} rows"]
    if rows.skipped:
        counts.append(f"{rows.skipped:,} skipped")
    if rows.shares is not None:
        least, most = rows.shares.sizes
        size = f"{least}" if least == most else f"{least} to {most}"
        counts.append(f"{_groups(rows.shares.groups)} of {size}")
    lines = [strong("on rows") + f": {', '.join(counts)}", _stats(rows)]
    lines += _more(len(rows.terms))
    if rows.faulted:
        what = ", ".join(f"{name} on {count:,}" for name, count in list(rows.faults.items())[:_VALUES])
        lines.append(f"{rows.faulted:,} rows failed: {what}")
    if rows.without is not None:
        lines.append(f"shares and merges are left out: {rows.without}")
    yield "\n".join(lines)
    if rows.shares is not None:
        yield _shares(found, rows.shares, strong)
        yield from _correlated(rows.shares, strong)
    if rows.merges is not None:
        yield _observed(rows.merges, [t.name for t in found.terms], strong)


def _stats(rows: OnRows) -> str:
    head = ["", "mean", "std", "std in group", "varies in", "zero", "null", "gate open"]
    lines = [
        [
            s.name,
            number(s.mean),
            number(s.std),
            number(s.within),
            share(s.varies) + " of groups" * (s.varies is not None),
            share(s.zero),
            share(s.null),
            "" if s.open is None else share(s.open),
        ]
        for s in rows.terms[:_LINES]
    ]
    return _table(head, lines)


def _shares(found: Analysis, shares: Shares, strong: Style) -> str:
    weights = {t.name: t.weight_now for t in found.terms}
    names = list(shares.effective)
    both = shares.summed is not None and shares.separate is not None
    extra = [f"{shares.summed} like {shares.separate}", f"{shares.separate} like {shares.summed}"]
    head = ["", "weight", *names, *(extra if both else [])]
    rows = []
    for i, name in enumerate(shares.terms[:_LINES]):
        given = [number(shares.as_separate[i]), number(shares.as_summed[i])] if both else []
        rows.append([name, number(weights[name]), *(share(shares.effective[n][i]) for n in names), *given])
    silent = [share(shares.silent[n]) for n in names]
    rows.append(["groups without signal", "", *silent, *([""] * 2 if both else [])])
    lines = [strong("effective share") + ": weight × deviation within a group, as each normalizer sees it"]
    lines.append(_table(head, rows))
    if both and shares.kept is not None:
        lines.append(
            f"`{extra[0]}`: weights under which {shares.summed} gives each term the share that "
            f"{shares.separate} gives it now, and the other way round; `{shares.kept}` keeps its weight"
        )
    return "\n".join(lines)


def _correlated(shares: Shares, strong: Style) -> Iterator[str]:
    pairs = [
        (value, shares.terms[i], shares.terms[j])
        for i, row in enumerate(shares.correlations)
        for j, value in enumerate(row[:i])
        if value is not None and abs(value) >= _CORRELATED
    ]
    if pairs:
        pairs.sort(key=lambda pair: -abs(pair[0]))
        shown = ", ".join(f"{b} and {a} {value:+.2f}" for value, a, b in pairs[:_VALUES])
        more = f" and {len(pairs) - _VALUES} more pairs" if len(pairs) > _VALUES else ""
        yield f"{strong('correlated within groups')}: {shown}{more}"


def _observed(found: Observed, terms: Sequence[str], strong: Style) -> str:
    names = list(found.distinct)
    rows = [
        ["distinct advantages", *(f"{found.distinct[name]:,}" for name in names)],
        ["shared with a different group", *(share(found.shared[name]) for name in names)],
    ]
    lines = [strong(f"advantages of the {_groups(found.groups)}"), _table(["", *names], rows)]
    for merge, labels in found.merges:
        lines += _seen(merge, labels, terms)
    return "\n".join(lines)


def _seen(merge: Merge, labels: Sequence[str], terms: Sequence[str]) -> Iterator[str]:
    """A merge on real rows: the groups by name, each term's values side by side."""
    others = ", ".join(merge.by)
    yield f"{merge.normalizer} gives {_numbers(merge.advantages)} to each of these, unlike {others}:"
    shown = [" ".join(label.split()) for label in labels]
    rows = []
    for label, group in zip(shown, merge.groups, strict=True):
        cells = [" ".join(_value(v) for v in column[:_VALUES]) for column in zip(*group, strict=True)]
        more = " …" if len(group) > _VALUES else ""
        rows.append(["  " + (label if len(label) <= 32 else label[:31] + "…"), *(c + more for c in cells)])
    yield _table(["", *terms[: len(rows[0]) - 1]], rows, left=len(rows[0]))


# --- findings and tables ---------------------------------------------------------------------------


def _findings(found: Sequence[Finding], strong: Style) -> Iterator[str]:
    lines = []
    shown = found[:_LINES]
    for finding, following in zip_longest(shown, shown[1:]):
        lines.append(f"{strong(finding.severity)}: {finding.message}")
        if finding.help and (following is None or following.help != finding.help):
            lines.append(f"  help: {finding.help}")
    lines += _more(len(found))
    if lines:
        yield "\n".join(lines)


def _more(count: int) -> list[str]:
    return [f"… and {count - _LINES:,} more: `--format json` has all"] if count > _LINES else []


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Aligned columns, the first `left` of them to the left and the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [
            c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
