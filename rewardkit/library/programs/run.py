"""The cases of one program, one after the other."""

from __future__ import annotations

import threading
from dataclasses import replace
from weakref import WeakKeyDictionary

from rewardkit.library.programs.cases import Assertions, Streams, read_cases
from rewardkit.library.programs.compare import same_output
from rewardkit.library.programs.languages import LANGUAGES, Language
from rewardkit.library.programs.processes import Processes
from rewardkit.library.programs.verdict import CRASHED, NO_MEMORY, PASSED, TIMED_OUT, WRONG, Verdict, result
from rewardkit.sandbox.contract import MIB, Job, Limits, Sandbox, SandboxError
from rewardkit.types.values import RunResult

_OUTPUT = 4 * MIB  # bytes of an answer, and of an output that is not expected to be longer
_PATIENCE = 60.0  # seconds for a language to show that it is there
_SLACK = 10.0  # seconds that a process may live beyond what its cases take

_seen: WeakKeyDictionary[Sandbox, set[str]] = WeakKeyDictionary()
_lock = threading.Lock()


def run(
    sandbox: Sandbox,
    source: str,
    cases: tuple[str, ...],
    *,
    language: str = "python",
    timeout: float = 10.0,
    memory: int = 512,
    stop_early: bool = False,
    max_timeouts: int = 3,
) -> RunResult:
    """Run a program on test cases, each the canonical JSON of a `testcase`.

    Args:
        sandbox: where the program runs; assertions need two slots of it.
        source: the program.
        cases: what it is tested on (see `cases.py` for what is read).
        language: a name of `LANGUAGES`.
        timeout: seconds for each case.
        memory: MiB for the program.
        stop_early: leave the cases after the first that fails, which then fail too.
        max_timeouts: after so many cases out of time, leave the rest.

    Raises:
        ValueError: a case is malformed, or its script is wrong: the dataset's error, not the program's.
        SandboxError: the sandbox failed, or does not have the language.
    """
    found = read_cases(cases)
    known = LANGUAGES[language]
    for i, case in enumerate(found):
        if isinstance(case, Assertions) and not known.scripts:
            raise ValueError(
                f"test case {i}: assertions are Python, which cannot test a program in {language}"
            )
    if any(isinstance(case, Assertions) for case in found) and sandbox.slots < 2:
        raise SandboxError(
            "assertions run beside the program: give the sandbox two slots or more, `slots = 2` in [sandbox]"
        )
    text = source.encode("utf-8", "surrogatepass")
    limits = Limits(seconds=timeout, memory=memory * MIB + known.memory, output=_OUTPUT)
    if not found or len(text) > limits.file:
        return result([CRASHED] if found else [], len(found))
    verdicts: list[Verdict] = []
    longest = max(_OUTPUT, 2 * max(len(case.encode()) for case in cases))
    whole = replace(limits, seconds=timeout * (len(found) + 1) + _SLACK, output=longest)
    with Processes(sandbox, known, text, whole) as processes:
        for i, case in enumerate(found):
            if isinstance(case, Streams):
                processes.stop()
                verdict = _streamed(sandbox, known, text, case, limits)
            else:
                try:
                    verdict = processes.decide(case, timeout)
                except ValueError as error:
                    raise ValueError(f"test case {i}: {error}") from None
            verdicts.append(verdict)
            late = sum(v.timed_out for v in verdicts) >= max_timeouts
            if late or (stop_early and not verdict.passed):
                break
    if not any(verdict.passed for verdict in verdicts):
        _look(sandbox, known)
    return result(verdicts, len(found))


def _streamed(sandbox: Sandbox, language: Language, source: bytes, case: Streams, limits: Limits) -> Verdict:
    """Run the program on an input, in a process of its own, and compare all that it writes."""
    output = max(_OUTPUT, 2 * len(case.output.encode()))
    ended = sandbox.run(
        Job(
            language.command,
            {language.file: source},
            stdin=case.input.encode(),
            limits=replace(limits, output=output),
        )
    )
    if ended.timed_out:
        return TIMED_OUT
    if ended.out_of_memory or (not ended.ok and _no_memory(language, ended.stderr)):
        return NO_MEMORY
    if not ended.ok or ended.flooded:
        return CRASHED
    return PASSED if same_output(ended.stdout, case.output, case.tolerance) else WRONG


def _no_memory(language: Language, errors: bytes) -> bool:
    return any(said in errors[-4096:] for said in language.no_memory)


def _look(sandbox: Sandbox, language: Language) -> None:
    """See once, where a program passes nothing, that the sandbox has its language: without it, all would."""
    with _lock:
        seen = _seen.setdefault(sandbox, set())
        if language.name in seen:
            return
    limits = Limits(seconds=_PATIENCE, memory=Limits().memory + language.memory)
    ended = sandbox.run(Job(language.version, limits=limits))
    if not ended.ok:
        said = ended.stderr.decode(errors="replace").strip().split("\n")[-1][:200]
        raise SandboxError(
            f"no {language.name} in the sandbox: `{' '.join(language.version)}` says {said or 'nothing'}; "
            "use an image that has it"
        )
    with _lock:
        seen.add(language.name)
