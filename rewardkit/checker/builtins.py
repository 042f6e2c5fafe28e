"""What every row has: `completion.*`, `prompt.*`, and the fields of messages and calls."""

from __future__ import annotations

from rewardkit.checker.spec import CallData, Value
from rewardkit.diagnostics import Span
from rewardkit.library import measures
from rewardkit.types.function import Function, Parameter
from rewardkit.types.interval import FULL, NON_NEGATIVE, UNIT, Interval
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, CALL, CHARS, INT, JSON, MESSAGE, REAL, TEXT, TOKENS, Type, list_of

#: the columns that a row brings beside its inputs
COLUMNS: dict[str, Type] = {
    "completion.text": TEXT,
    "completion.messages": list_of(MESSAGE),
    "completion.tokens": TOKENS,
    "completion.finished": BOOL,
    "completion.reasoning": TEXT.nullable,
    "prompt.text": TEXT,
    "prompt.messages": list_of(MESSAGE),
}

#: measures of a text: `completion.words` and the like
MEASURES: dict[str, tuple[Type, Function]] = {
    name: (type_, Function(name, (Parameter("x", TEXT),), type_, summary, "columns", f, NON_NEGATIVE))
    for name, type_, summary, f in (
        ("chars", CHARS, "code points", measures.chars),
        ("words", INT, "words between Unicode white space", measures.words),
        ("lines", INT, "lines", measures.lines),
    )
}

#: fields of structured values
FIELDS: dict[str, dict[str, Type]] = {
    "message": {"role": TEXT, "text": TEXT, "calls": list_of(CALL)},
    "call": {"name": TEXT, "arguments": JSON},
    "result": {
        "passed": INT,
        "total": INT,
        "share": REAL,
        "crashed": BOOL,
        "timed_out": BOOL,
        "memory": BOOL,
        "first_failing": INT.nullable,
    },
}

#: where the numbers among them lie
FIELD_RANGES: dict[tuple[str, str], Interval] = {
    ("result", "passed"): NON_NEGATIVE,
    ("result", "total"): NON_NEGATIVE,
    ("result", "share"): UNIT,
    ("result", "first_failing"): NON_NEGATIVE,
}

ROOTS = ("completion", "prompt")

#: names of fields elsewhere, and what to write here
ELSEWHERE = {
    "content": "did you mean `text`?",
    "length": "measure it in `tokens`, `chars`, `words` or `lines`",
    "len": "measure it in `tokens`, `chars`, `words` or `lines`",
    "token_count": "did you mean `tokens`?",
    "tool_calls": "the calls of a message are `completion.messages[-1].calls`",
    "thinking": "did you mean `reasoning`?",
    "reasoning_content": "did you mean `reasoning`?",
    "truncated": "write `not completion.finished`",
    "arguments_json": "did you mean `arguments`?",
}


def fields_of(root: str) -> list[str]:
    """The fields of `completion` or `prompt`."""
    return [path.partition(".")[2] for path in COLUMNS if path.startswith(root + ".")] + list(MEASURES)


def resolve(path: str, span: Span) -> Value | None:
    """The value of `completion.words` and the like, or `None` for a field there is not."""
    root, _, name = path.partition(".")
    level = Level.GROUP if root == "prompt" else Level.ROW
    if path in COLUMNS:
        type_ = COLUMNS[path]
        interval = NON_NEGATIVE if type_.is_number else FULL
        return Value("column", (), type_, span, interval, level, path=path, data=path)
    if name in MEASURES:
        type_, function = MEASURES[name]
        text = Value("column", (), TEXT, span, level=level, path=f"{root}.text", data=f"{root}.text")
        data = CallData(function, (), ("x",))
        return Value("call", (text,), type_, span, NON_NEGATIVE, level, path=path, data=data)
    return None
