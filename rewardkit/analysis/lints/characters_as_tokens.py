"""Characters or words measured against a number that counts tokens, where no unit tells them apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import function, measure, plain, reads, walk
from rewardkit.checker.spec import Spec, Value
from rewardkit.diagnostics import Label

#: what trainers call the most tokens that they generate
_SETTINGS = frozenset(
    (
        "max_completion_length", "max_response_length", "max_new_tokens", "max_output_length", "max_seq_len",
        "max_model_len", "max_sequence_length", "max_prompt_length",
    )
)  # fmt: skip
_TOKEN_WORDS = frozenset(("token", "tokens", "tok", "toks"))
_COMPARES = ("add", "sub", "div", "eq", "ne", "lt", "le", "gt", "ge")


def find(spec: Spec) -> Iterator[Finding]:
    for name, param in spec.params.items():
        if _says_tokens(name) and param.type.unit not in (None, "tokens"):
            help_ = f"declare it as `tokens`, or call it after what it counts: {param.type.unit}"
            yield Finding(f"`{name}` counts {param.type.unit}, and its name says tokens", param.span, help_)
    roots = [*spec.lets.values(), *(term.value for term in spec.terms.values()), *spec.skips, *spec.masks]
    for value in walk(*roots):
        if value.op == "let" and _says_tokens(str(value.data)):
            yield from _named(value)
        elif value.op in _COMPARES or function(value).startswith("length."):
            yield from _meets(spec, value)


def _named(let: Value) -> Iterator[Finding]:
    """`let tokens = completion.chars / 4ch`."""
    names = reads(let).lengths
    if not let.type.is_number or not names or "completion.tokens" in names:
        return
    help_ = "the number of generated tokens is `completion.tokens`; name the value after what it counts"
    yield Finding(f"`{let.data}` is made of `{reads(let).length}`, and its name says tokens", let.span, help_)


def _meets(spec: Spec, value: Value) -> Iterator[Finding]:
    """`completion.words / max_tokens`."""
    for length in value.args:
        name = _measured(length)
        if name is None or name == "completion.tokens":
            continue
        for other in value.args:
            top = plain(other)
            if other is length or top.op not in ("param", "column") or not _says_tokens(str(top.data)):
                continue
            declared = spec.params.get(top.data) or spec.inputs.get(top.data)
            yield Finding(
                f"`{name}` meets `{top.data}`, which counts tokens by its name",
                value.span,
                f"declare `{top.data}` as `tokens`, and measure `completion.tokens`",
                labels=(Label(declared.span, "declared without a unit"),) if declared else (),
            )


def _measured(value: Value) -> str | None:
    """What a number measures, with its unit taken off: `completion.chars / 1ch`."""
    top = plain(value)
    if top.op == "div" and top.args[0].type.unit and plain(top.args[1]).op == "constant":
        top = plain(top.args[0])
    return measure(top)


def _says_tokens(name: str) -> bool:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")
    return bool(_TOKEN_WORDS.intersection(words)) or name.lower() in _SETTINGS


LINT = Lint("RK1003", "characters-as-tokens", find)
