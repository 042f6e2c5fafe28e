"""Open documents and what is known of them: checked in the background, the newest text first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rewardkit.checker import Spec, read_source
from rewardkit.diagnostics import Diagnostic, Source
from rewardkit.language.parser import MAX_CHARACTERS
from rewardkit.lsp.analysis import Analysis, analyse
from rewardkit.lsp.claims import Claim, decide
from rewardkit.lsp.documents import Change, Document
from rewardkit.lsp.worker import Worker

if TYPE_CHECKING:
    from rewardkit.testing import TestResult

logger = logging.getLogger(__name__)

#: seconds without a key before diagnostics are sent
PAUSE = 0.05


@dataclass(eq=False)
class Bench:
    """One open document in its newest version; all of it is forgotten with the next one."""

    document: Document
    desk: Workbench
    analysis: asyncio.Future[Analysis | None] | None = None
    task: asyncio.Task[None] | None = None
    results: dict[str, TestResult] = field(default_factory=dict)
    claims: tuple[Claim, ...] | None = None

    def findings(self, analysis: Analysis) -> list[Diagnostic]:
        """All that is known to be wrong: with the text, with its claims, with the tests that were run."""
        claims = [c.diagnostic for c in self.claims or () if c.diagnostic is not None]
        failures = [failure for result in self.results.values() for failure in result.failures]
        return [*analysis.diagnostics, *claims, *failures]

    def known(self) -> Analysis | None:
        """The analysis, where it is there."""
        done = self.analysis is not None and self.analysis.done() and not self.analysis.cancelled()
        if self.analysis is None or not done or self.analysis.exception() is not None:
            return None
        return self.analysis.result()


class Workbench:
    """`show` sends diagnostics of a document, `refresh` has the editor ask for lenses and hints again."""

    def __init__(
        self,
        show: Callable[[Document, Analysis | None, Sequence[Diagnostic]], None],
        refresh: Callable[[], None],
    ) -> None:
        self._show, self._refresh = show, refresh
        self._benches: dict[str, Bench] = {}
        self._checks, self._proofs, self._tests = Worker("check", 2), Worker("prove"), Worker("test")

    # --- texts ---------------------------------------------------------------------------------

    def open(self, document: Document) -> None:
        self._put(document)

    def change(self, uri: str, changes: Sequence[Change], version: int | None) -> None:
        bench = self._benches.get(uri)
        if bench is None:
            logger.warning("a change of a document that is not open: %s", uri)
            return
        self._put(bench.document.changed(changes, version))

    def save(self, uri: str) -> None:
        """Check again what reads the file."""
        bench = self._benches.get(uri)
        if bench is not None:
            self._put(bench.document)

    def close(self, uri: str) -> None:
        bench = self._benches.pop(uri, None)
        if bench is None:
            return
        _stop(bench)
        self._show(bench.document, None, ())
        if bench.document.path is not None:
            self.touched(bench.document.path)

    def bench(self, uri: str) -> Bench | None:
        return self._benches.get(uri)

    def _put(self, document: Document) -> None:
        before = self._benches.get(document.uri)
        if before is not None:
            _stop(before)
        bench = self._benches[document.uri] = Bench(document, self)
        bench.task = asyncio.get_running_loop().create_task(self._follow(bench))
        if document.path is not None:
            self.touched(document.path)

    def touched(self, path: Path) -> None:
        """Check again what uses a file that has changed."""
        for bench in list(self._benches.values()):
            begun = bench.analysis is not None and not bench.analysis.done()  # what it read is not known
            known = bench.known()
            if bench.document.path != path and (begun or (known is not None and path in known.uses)):
                self._put(bench.document)

    def users(self, path: Path | None) -> list[tuple[Bench, Analysis]]:
        """The other open documents that use a file, as far as they have been checked."""
        found = [(bench, bench.known()) for bench in self._benches.values()]
        return [(bench, known) for bench, known in found if known is not None and path in known.uses]

    def current(self, bench: Bench) -> bool:
        return self._benches.get(bench.document.uri) is bench

    # --- what is known of them -----------------------------------------------------------------

    async def known(self, uri: str) -> tuple[Bench, Analysis] | None:
        """The newest text and its analysis; `None` where it is not open, too long or out of date by then."""
        bench = self._benches.get(uri)
        if bench is None or len(bench.document.text) > MAX_CHARACTERS:
            return None
        analysis = await self._analysis(bench)
        return (bench, analysis) if analysis is not None and self.current(bench) else None

    async def _analysis(self, bench: Bench) -> Analysis | None:
        if bench.analysis is None:
            bench.analysis = self._checks.run(lambda: self._analyse(bench))
        return await asyncio.shield(bench.analysis)

    def _analyse(self, bench: Bench) -> Analysis | None:
        """In the worker: nothing where a newer text has come."""
        return analyse(bench.document.source, self._read) if self.current(bench) else None

    def _read(self, path: Path) -> Source:
        """A file that a spec uses: as it stands in the editor, else as it was saved."""
        for bench in list(self._benches.values()):
            if bench.document.path == path:
                return bench.document.source
        return read_source(path)

    async def _follow(self, bench: Bench) -> None:
        """Show what is wrong with a text once the keys rest, then what its claims come to."""
        try:
            await asyncio.sleep(PAUSE)
            analysis = await self._analysis(bench)
            if analysis is None or not self.current(bench):
                return
            self.show(bench, analysis)
            await self._decide(bench, analysis)
        except Exception:
            logger.exception("checking %s", bench.document.uri)

    async def _decide(self, bench: Bench, analysis: Analysis) -> None:
        """Decide the claims of a text, one by one, as long as it is the newest."""
        spec = analysis.spec
        claims: list[Claim] = []
        for number in range(len(spec.claims) if spec is not None else 0):
            claim = await self._proofs.run(partial(self._claim, bench, spec, number))
            if claim is None or not self.current(bench):
                return
            claims.append(claim)
        bench.claims = tuple(claims)
        if claims:
            self.show(bench, analysis)
            self._refresh()

    def _claim(self, bench: Bench, spec: Spec | None, number: int) -> Claim | None:
        """In the worker: nothing where a newer text has come."""
        return decide(spec, number) if spec is not None and self.current(bench) else None

    def show(self, bench: Bench, analysis: Analysis) -> None:
        """Send everything that is known to be wrong with a text."""
        self._show(bench.document, analysis, bench.findings(analysis))

    # --- tests ---------------------------------------------------------------------------------

    async def run(self, job: Callable[[], Sequence[TestResult]], bench: Bench) -> Sequence[TestResult]:
        """Run tests in the background, and keep what they came to as long as the text stands."""
        results = await self._tests.run(job)
        if self.current(bench):
            bench.results.update({result.name: result for result in results})
        return results


def _stop(bench: Bench) -> None:
    if bench.task is not None:
        bench.task.cancel()
