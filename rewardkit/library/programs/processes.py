"""A program that runs and is asked, and beside it, for assertions, a script that does the asking.

The program's process is given arguments, and nothing that tells what is expected. Every message to it begins
with a ticket of its own; an answer that does not show it, because it was written before it was asked for
or is the second one, ends the process. A true ticket proves no more than that something in the job wrote the
answer: what counts is the value, which is compared where the program does not reach.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

from rewardkit.library.programs.cases import Assertions, Invocation
from rewardkit.library.programs.compare import Opaque, equal
from rewardkit.library.programs.inside import wire
from rewardkit.library.programs.languages import Language
from rewardkit.library.programs.languages.language import inside
from rewardkit.library.programs.verdict import CRASHED, NO_MEMORY, PASSED, TIMED_OUT, WRONG, Verdict
from rewardkit.sandbox.contract import MIB, Job, Limits, Process, Sandbox

_TICKET = 32  # bytes
_RELAYED = 32 * MIB  # bytes of a message that is handed on, and not read here
_LOADED = 1 << 16  # bytes of an answer that says no more than whether the program loads
_SCRIPT = {name: inside(name) for name in ("script.py", "remote.py", "wire.py")}


class Ended(Exception):
    """The program can be asked no more; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


@dataclass(frozen=True)
class Clock:
    """The time that is left."""

    end: float

    @classmethod
    def of(cls, seconds: float) -> Clock:
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds. Raises `TimeoutError` where there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Program:
    """A program's process, loaded when it is first asked."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.loaded = False

    def ask(self, payload: bytes, clock: Clock) -> bytes:
        """The answer to a message.

        Raises:
            Ended: there is none, or none to this message.
        """
        ticket = secrets.token_hex(_TICKET // 2).encode()
        try:
            answer = self.process.request(ticket + payload, clock.left())
        except TimeoutError:
            raise Ended(TIMED_OUT) from None
        except EOFError:
            ended = self.process.kill()
            raise Ended(NO_MEMORY if ended.out_of_memory else CRASHED) from None
        except ValueError:  # longer than it may be
            raise Ended(CRASHED) from None
        if not hmac.compare_digest(answer[:_TICKET], ticket):
            raise Ended(CRASHED)
        return answer[_TICKET:]

    def load(self, clock: Clock) -> None:
        """Run the program's own code, once. Raises `Ended` where it fails."""
        if not self.loaded:
            answer = self.ask(wire.dumps({"do": "load"}), clock)
            if len(answer) > _LOADED:
                raise Ended(CRASHED)
            failed = _failure(_answer(answer))
            if failed is not None:
                raise Ended(failed)
            self.loaded = True

    def invoke(self, case: Invocation, clock: Clock) -> Verdict:
        """Call a function and compare what it returns. Raises `Ended`."""
        self.load(clock)
        args = [wire.pack(arg) for arg in case.args]
        kwargs = {name: wire.pack(arg) for name, arg in case.kwargs.items()}
        asked = {"do": "call", "of": case.entry_point, "args": args, "kwargs": kwargs, "plain": True}
        answer = _answer(self.ask(wire.dumps(asked), clock))
        failed = _failure(answer)
        if failed is not None:
            return failed
        try:
            found = wire.unpack(answer.get("value"), lambda node: Opaque())
        except ValueError:
            raise Ended(CRASHED) from None
        close = (equal(found, e, exact=case.exact, tolerance=case.tolerance) for e in case.expected)
        return PASSED if any(close) else WRONG


def _answer(data: bytes) -> dict[str, Any]:
    try:
        answer = wire.loads(data)
    except ValueError:
        raise Ended(CRASHED) from None
    if not isinstance(answer, dict):
        raise Ended(CRASHED)
    return answer


def _failure(answer: dict[str, Any]) -> Verdict | None:
    """How a program fails that raises; nothing where it gave a value."""
    if "value" in answer:
        return None
    names = answer.get("raise")
    return NO_MEMORY if isinstance(names, list) and "MemoryError" in names else CRASHED


def assert_of(program: Program, script: Process, case: Assertions, clock: Clock) -> Verdict:
    """Run a script, handing what it asks to the program and the answers back.

    Raises:
        Ended: the program, or the script, can go on no more.
        ValueError: the script is wrong.
    """
    message = {"setup": case.setup, "test": case.test, "entry_point": case.entry_point}
    asked = False
    try:
        script.send(wire.dumps(message))  # it starts while the program loads
        program.load(clock)
        while True:
            frame = script.receive(clock.left())
            if frame[:1] == b"E":
                end = _answer(frame[1:])
                break
            script.send(program.ask(frame[1:], clock))
            asked = True
    except TimeoutError:
        raise Ended(TIMED_OUT) from None
    except (EOFError, ValueError) as error:
        if not asked:
            said = "ends its own process" if isinstance(error, EOFError) else "hands over too much at once"
            raise ValueError(f"the test {said}") from None
        raise Ended(WRONG) from None  # it broke on what the program gave it
    if end.get("end") == "fault":
        raise ValueError(f"the test {end.get('reason')}")
    if end.get("end") == "passed":
        return PASSED
    verdict = Verdict(crashed=bool(end.get("crashed")), memory=bool(end.get("memory")))
    if end.get("end") != "failed":  # the program's process wrote what no runner writes: it is asked no more
        raise Ended(verdict)
    return verdict


class Processes:
    """The processes that cases are decided with; they go on until something ends them.

    Use as a context manager. Processes of one kind are ended before others start, so that a caller never
    holds one while it waits for another.
    """

    def __init__(self, sandbox: Sandbox, language: Language, source: bytes, limits: Limits) -> None:
        self.sandbox, self.language = sandbox, language
        files = {**language.runner_files, language.file: source}
        self.job = Job(language.runner, files, channel=True, limits=limits)
        wide = replace(limits, output=max(limits.output, _RELAYED))
        apart = replace(wide, memory=max(limits.memory, Limits().memory))  # `memory` is the program's
        script = Job(("python3", "script.py"), _SCRIPT, channel=True, limits=apart)
        self.pair = [replace(self.job, limits=wide), script]
        self.running: list[Process] = []
        self.program: Program | None = None
        self.broken: Verdict | None = None  # why the program does not load

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End what runs."""
        self.program = None
        while self.running:
            self.running.pop().kill()

    def decide(self, case: Invocation | Assertions, timeout: float) -> Verdict:
        """Decide a case within `timeout` seconds. Raises `ValueError` where the case is wrong."""
        if self.broken is not None:
            return self.broken
        jobs = [self.job] if isinstance(case, Invocation) else self.pair
        if self.program is None or len(self.running) != len(jobs):
            self.stop()
            self.running = self.sandbox.start(jobs)
            self.program = Program(self.running[0])
        clock = Clock.of(timeout)
        try:
            return self._decide(case, clock)
        except Ended as ended:
            if not self.program.loaded:  # it will not load another time
                self.broken = ended.verdict
            self.stop()
            return ended.verdict
        except ValueError:
            self.stop()
            raise

    def _decide(self, case: Invocation | Assertions, clock: Clock) -> Verdict:
        assert self.program is not None
        if isinstance(case, Invocation):
            return self.program.invoke(case, clock)
        return assert_of(self.program, self.running[1], case, clock)
