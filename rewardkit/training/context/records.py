"""What a context run logs of a step, and what it gives back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class ContextRecord:
    """The measures of one step, with GEPA of one iteration; None where there is nothing to measure."""

    step: int  #: 1 for the first
    reward: float | None  #: mean score of the completions of this step
    terms: Mapping[str, float | None]  #: term, metrics too -> mean value over them
    valid: float | None  #: mean score on the validation rows: after this step, with GEPA of the best so far
    size: int  #: experiences in the library, candidates in GEPA's pool
    changes: int  #: operations of the step's plan, candidates that GEPA accepted in it
    used: float | None  #: share of groups that were learned from
    metric_calls: int  #: completions scored so far
    tokens: Mapping[str, int | None]  #: generated so far by `model` and `editor`, where they tell
    unread: int  #: questions to the editor in this step that got no usable answer
    faults: int  #: completions of this step that failed
    seconds: Mapping[str, float]  #: `answer`, `score`, `edit`
    fingerprint: str  #: of the spec

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def scalars(record: ContextRecord) -> Iterator[tuple[str, float]]:
    """TensorBoard's view of a record."""
    for name, value in record.terms.items():
        if value is not None:
            yield f"term/{name}", value
    for name, seconds in record.seconds.items():
        yield f"seconds/{name}", seconds
    for name in ("reward", "valid", "size", "changes", "used", "metric_calls", "unread", "faults"):
        value = getattr(record, name)
        if value is not None:
            yield f"context/{name}", float(value)


@dataclass(frozen=True)
class ContextResult:
    """A finished context run."""

    folder: Path  #: the run's log folder
    log: Path  #: `log.jsonl`, one `ContextRecord` per line
    instructions: Path  #: `instructions.md`: what to put before a prompt
    context: Path  #: `context.json`: the library, or the candidates with their scores
    steps: int  #: steps done in all
    resumed_from: int | None  #: the step this call went on from, if it did
    before: float | None  #: mean score on the validation rows of what the run began with
    after: float | None  #: and of `instructions`
    last: ContextRecord | None  #: the last step of this call
    seconds: float  #: of this call
