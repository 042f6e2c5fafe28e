"""Training-Free GRPO: what groups of answers teach becomes a library of experiences in the prompt.

The group's advantage is a text: what the better answers did that the worse did not. No weight changes.
(arXiv 2510.08191; the prompts are our own)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from ..data import visit
from ..records import mean
from ..seeds import Stream, derive
from . import questions as asked
from .editor import read_operations, read_text, read_texts
from .library import Library, Operation
from .records import ContextRecord
from .task import Attempts, Task, term_means

Found = TypeVar("Found")

_MOST_SUMMARY = 4_000  # characters
_SPARE = 4  # operations that are read, for each lesson or experience that there may be
#: of questions to the editor in a step
_KINDS = ("summaries", "lessons", "operations", "plan")


@dataclass(frozen=True)
class State:
    """All that a step leaves to the next."""

    step: int = 0
    library: Library = field(default_factory=Library)
    before: float | None = None  #: validation score of the empty library
    after: float | None = None  #: and of this one


def steps_of(task: Task) -> int:
    """Steps in all: so many epochs of whole batches."""
    return -(-task.context.training_free_grpo.epochs * len(task.rows) // _size(task))


def prompt_of(task: Task, library: Library) -> str:
    """The instructions with the library behind them."""
    heading = task.context.training_free_grpo.heading
    experiences = f"{heading}\n{library.render()}".lstrip("\n") if len(library) else ""
    return task.instructions(*task.parts.values(), experiences)


def steps(task: Task, state: State) -> Iterator[tuple[State, ContextRecord]]:
    """Take the steps that are left; each gives the state after it, and its measures."""
    if state.step == 0:
        before = task.validate(prompt_of(task, state.library), 0)
        state = replace(state, before=before, after=before)
        if before is not None:
            task.show.note(f"before the first step: valid {before:.3f}")
    for step in range(state.step, steps_of(task)):
        state, record = take_step(task, state, step)
        yield state, record


def take_step(task: Task, state: State, step: int) -> tuple[State, ContextRecord]:
    """One step, `step` being 0 at the first."""
    options, seed = task.context.training_free_grpo, task.context.seed
    faults, unread = task.tally.faults, task.editor.failed
    attempts = task.attempt(
        task.rows,
        visit(len(task.rows), step * _size(task), _size(task), seed),
        prompt_of(task, state.library),
        step,
        derive(seed, Stream.ANSWERS, step),
        options.completions_per_prompt,
    )
    used = [group for group in range(int(attempts.groups[-1]) + 1) if _is_used(task, attempts, group)]
    with task.timed("edit"):
        plan = _plan(task, attempts, used, state.library, step)
    library = state.library.apply(plan, most=options.max_experiences, longest=options.max_experience_chars)
    after = task.validate(prompt_of(task, library), step + 1)
    record = ContextRecord(
        step=step + 1,
        reward=mean(attempts.scored.rewards),
        terms=term_means(attempts.scored.terms),
        valid=after,
        size=len(library),
        changes=sum(change.operation != "NONE" and bool(change.content.strip()) for change in plan),
        used=len(used) / (int(attempts.groups[-1]) + 1),
        metric_calls=task.tally.metric_calls,
        tokens=task.tokens,
        unread=task.editor.failed - unread,
        faults=task.tally.faults - faults,
        seconds=task.take_seconds(),
        fingerprint=attempts.scored.fingerprint,
    )
    return replace(state, step=step + 1, library=library, after=after), record


def _size(task: Task) -> int:
    return min(task.context.training_free_grpo.prompts_per_step, len(task.rows))


def _is_used(task: Task, attempts: Attempts, group: int) -> bool:
    there = np.flatnonzero(attempts.groups == group).tolist()
    if sum(attempts.replies[i].error is None for i in there) < 2:
        return False
    if not task.context.training_free_grpo.ground_truth:
        return True
    return task.bounds.has_lesson(attempts.scored.rewards[there])


def _plan(task: Task, attempts: Attempts, used: list[int], library: Library, step: int) -> list[Operation]:
    """The four questions to the editor: a summary of each attempt, lessons and operations of each group, and
    one plan for the batch. What gets no usable answer is left out; without a plan nothing changes."""
    options = task.context.training_free_grpo
    rows = [i for group in used for i in np.flatnonzero(attempts.groups == group).tolist()]
    rows = [i for i in rows if attempts.replies[i].error is None]
    parts = [tuple(asked.cut(text, task.context.max_shown) for text in attempts.part(i)) for i in rows]
    if not options.ground_truth:
        parts = [(prompt, text, "", "") for prompt, text, _, _ in parts]
    questions = [asked.summary(*part) for part in parts]
    told = _ask(task, step, 0, questions, read_text("summary", _MOST_SUMMARY))
    most, longest = options.experiences_per_prompt, options.max_experience_chars
    questions = []
    for group in used:
        own = [k for k, i in enumerate(rows) if attempts.groups[i] == group]
        texts = [(text, parts[k][2]) for k in own if (text := told[k]) is not None]
        if len(texts) > 1:
            questions.append(asked.lessons(parts[own[0]][0], texts, library, most))
    found = _ask(task, step, 1, questions, read_texts("lessons", most, longest))
    questions = [asked.operations(lessons, library) for lessons in found if lessons]
    changes = _ask(task, step, 2, questions, read_operations(_SPARE * most, longest))
    proposed = [change for group in changes for change in group or ()]
    if not proposed:
        return []
    (plan,) = _ask(
        task,
        step,
        3,
        [asked.plan(proposed, library)],
        read_operations(_SPARE * options.max_experiences, longest),
    )
    return plan or []


def _ask(
    task: Task,
    step: int,
    kind: int,
    questions: Sequence[asked.Question],
    read: Callable[[str], Found | None],
) -> list[Found | None]:
    seed = derive(task.context.seed, Stream.EDITS, len(_KINDS) * step + kind)
    return task.editor.ask(questions, read, seed, lambda done, of: task.show.work(_KINDS[kind], done, of))
