"""Declarations of functions: what the checker, the prover, the documents and the runtime share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rewardkit.types.interval import FULL, Interval
from rewardkit.types.types import Type

#: `pure` computes; `exec` runs a program; `model` runs weights; `net` asks an endpoint; `host` is Python
#: that the program around brings along
Purity = Literal["pure", "exec", "model", "net", "host"]

#: How a call is carried out, and what `implementation` then is:
#: - `scalar`: elementwise on numpy arrays, `(ndarray, ...) -> ndarray`; cheap enough for every row
#: - `columns`: a polars expression, `(pl.Expr, ..., **constants) -> pl.Expr`; vectorized over rows
#: - `batch`: distinct argument tuples at once, `(list[tuple]) -> list`, in this process
#: - `inline`: one distinct argument tuple at a time, `(*arguments) -> value`, in this process
#: - `worker`: the same in a worker process under a deadline; named by an import path
#: - `host`: an `extern`, which the program that loads the spec binds to a function of its own
#: - `sandbox`: programs in a sandbox; `(Sandbox, *arguments, **constants) -> value`, named by an import path
#: - `endpoint`: a question to the run's judge; `endpoint` of the runtime knows what to do with it
#: - `model`: the run's reward model, many at once
Executor = Literal["scalar", "columns", "batch", "inline", "worker", "host", "sandbox", "endpoint", "model"]

_REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    `constant` wants a value known when the spec is loaded (a literal or a `param`).
    `range` is what the argument must lie in; `choices` what a constant text must be one of.
    `check` looks at a constant argument and returns what is wrong with it (or `None`);
    the message may be a tuple `(message, offset)` to point inside a text literal.
    """

    name: str
    type: Type
    default: Any = _REQUIRED
    constant: bool = False
    range: Interval | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[Any], str | tuple[str, int] | None] | None = None

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED


@dataclass(frozen=True)
class Argument:
    """What is known of an argument when a call is typed."""

    type: Type
    interval: Interval
    constant: Any = None


@dataclass(frozen=True)
class Typing:
    """What is known of a call's value."""

    type: Type
    interval: Interval = FULL


class TypingError(Exception):
    """Raised by `Function.infer`: `message`, the index of the argument at fault, and a help line."""

    def __init__(self, message: str, argument: int | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.argument, self.help = message, argument, help


@dataclass(frozen=True)
class Example:
    """A tested example: `call` is an expression of the language, `value` what it gives."""

    call: str
    value: Any


@dataclass(frozen=True)
class Axiom:
    """What one result says of another function's: where a call gives `value`, `other` lies in `range`.

    `other` is given the same arguments, and its further parameters have their defaults. It must hold of
    the implementations for all arguments for which both give a value: the prover takes it as true.
    """

    value: Any
    other: str
    range: Interval


@dataclass(frozen=True)
class Function:
    """One function of the library, declared beside its implementation.

    `infer` overrides `parameters`' types, `result` and `range` for functions whose type depends on
    their arguments (`min`, `clamp`, `round`, ...): it gets the arguments and returns a `Typing`, or
    raises `TypingError`. A function given null returns null; `result.optional` says that it may
    return null for values too. `faults` says whether a call can fail (raise, time out, overflow).

    `extra` may hold, for heavy calls: `fast`, the same function where it can be told at once, else `None`;
    `overdue`, the import path of what decides where a worker was exhausted; `lasting`, which results may be
    cached (all of them unless given).
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: Type
    summary: str
    executor: Executor
    implementation: Callable[..., Any] | str | None
    range: Interval = FULL
    infer: Callable[[tuple[Argument, ...]], Typing] | None = None
    variadic: bool = False  # the last parameter may repeat
    faults: bool = False
    fails: str = "never"
    purity: Purity = "pure"
    cost: Literal["light", "heavy"] = "light"
    deadline: float = 10.0  # seconds per task, for `worker`
    examples: tuple[Example, ...] = ()
    doc: str = ""  # the rule in full, in Markdown
    axioms: tuple[Axiom, ...] = ()  # for the prover
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.name.partition(".")[0] if "." in self.name else ""
