"""What a run says of the things it brings along: frozen tables, the same in a run file and in Python.

Unknown keys are errors that name the nearest key.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=False)]


def _is_device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]+)?", value):
        raise ValueError(f"is `auto`, `cpu`, `mps`, `cuda` or `cuda:1`, not {value!r}")
    return value


Device = Annotated[str, AfterValidator(_is_device)]


class Table(BaseModel):
    """One table of a run file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


class EndpointConfig(Table):
    """A language model behind an OpenAI-compatible endpoint."""

    base_url: str  #: what `/chat/completions` is put behind, as `https://api.openai.com/v1`
    model: str
    #: variable that holds the key; `OPENAI_API_KEY` for OpenAI's own endpoint, else none unless named, so
    #: that a key goes where it was meant to go
    api_key_env: str | None = None

    temperature: Amount | Literal["default"] = 0.0  #: `default` leaves it to the endpoint
    max_tokens: Count = 512  #: of an answer, thoughts included
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seed: int | None = None
    system_role: bool = True  #: the rules are a system message, else the beginning of the user's
    json_mode: bool = False  #: asks the endpoint for `response_format: {"type": "json_object"}`
    extra: dict[str, Any] = {}  #: further keys of a request, as the endpoint names them

    concurrency: Annotated[int, Field(ge=1, le=4096)] = 16  #: requests under way at a time
    timeout: Positive = 60.0  #: seconds for one attempt
    retries: Annotated[int, Field(ge=0, le=100)] = 5  #: attempts after the first
    backoff: Positive = 0.5  #: seconds before the second attempt, twice as many before each one after it
    deadline: Positive = 300.0  #: seconds for one question, with all attempts and the waits between them
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None  #: counted as four characters of a prompt, and `max_tokens`

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            there = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            there = False
        if not there or not value.isprintable() or " " in value:
            raise ValueError("is no address; write `https://host/v1`")
        if "@" in url.netloc:
            raise ValueError("holds a user or a password; name the variable of the key with `api_key_env`")
        if url.query or url.fragment:
            raise ValueError("ends before `?` and `#`")
        return value.rstrip("/").removesuffix("/chat/completions")

    @field_validator("model")
    @classmethod
    def _is_named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("name a model of the endpoint")
        return value

    @model_validator(mode="after")
    def _nothing_said_twice(self) -> Self:
        ours = {"model", "messages", "stream", "n", "temperature", "seed", self.max_tokens_name}
        for key in self.extra:
            if key in ours:
                raise ValueError(f"`extra` may not hold `{key}`")
        return self


class JudgeConfig(EndpointConfig):
    """The endpoint behind `judge.*`: `[judge]` in a run file."""

    reasoning: bool = True  #: the answer begins with a few words of why
    max_chars: Count = 100_000  #: of a text that is judged; a longer one is a fault


class RewardModelConfig(Table):
    """The reward model behind `model.score`: `[model]` in a run file."""

    path: str  #: folder of a Hugging Face sequence-classification model, or its name on the hub
    revision: str | None = None  #: of the hub: a branch, tag or commit
    device: Device = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  #: `auto` is float32 on the CPU
    #: how prompt and completion become one text: by the tokenizer's chat template, as the two texts of a
    #: pair, or one behind the other; `auto` takes the chat template where there is one, else a pair
    template: Literal["auto", "chat", "pair", "plain"] = "auto"
    max_length: Count | None = None  #: tokens of both; what the model can read unless given
    batch_tokens: Count = 16_384  #: of one batch, padding included
    local_files_only: bool = False  #: nothing is fetched from the hub


AnyTable = TypeVar("AnyTable", bound=Table)


def read_table(
    kind: type[AnyTable], values: Mapping[str, Any], source: str, error: type[Exception]
) -> AnyTable:
    """A table of plain values; raises `error`, which names `source` and every problem, in one line."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as found:
        each = _one_per_key(found.errors(include_url=False), kind)
        problems = [_describe(problem, kind) for problem in each]
        raise error(f"{source}: {'; '.join(problems)}") from None


def _one_per_key(problems: Iterable[Any], kind: type[BaseModel]) -> list[dict[str, Any]]:
    """Of a value that may have one of several types, pydantic tells one problem for each of them."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for problem in problems:
        place = [str(part) for part in problem["loc"]]
        while (
            len(place) > 1
            and problem["type"] != "extra_forbidden"
            and place[-1] not in _fields_at(place[:-1], kind)
        ):
            place.pop()  # the name of a type, or a place in a list
        key = tuple(place)
        if key in found:
            found[key]["msg"] += f", or {problem['msg'].removeprefix('Input should be ')}"
        else:
            found[key] = {**problem, "loc": key}
    return list(found.values())


def _describe(problem: Mapping[str, Any], kind: type[BaseModel]) -> str:
    """One problem that pydantic found, in words of the run file."""
    *tables, key = [str(part) for part in problem["loc"]] or [""]
    where = f"[{'.'.join(tables)}] " if tables else ""
    if problem["type"] == "extra_forbidden":
        known = _fields_at(tables, kind)
        near = difflib.get_close_matches(key, known, n=1)
        names = ", ".join(f"`{name}`" for name in known)
        hint = f"did you mean `{near[0]}`?" if near else f"it knows {names}"
        return f"{where}unknown key `{key}`; {hint}"
    if problem["type"] == "missing":
        return f"{where}`{key}` is missing"
    if problem["type"] in ("model_type", "model_attributes_type"):
        head = ".".join([*tables, key])
        return f"{where}`{key}` is a table, `[{head}]` with its keys below, not {problem['input']!r}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":  # from a validator of ours, whose message says what may be shown
        if not isinstance(problem["input"], Mapping | BaseModel):
            return f"{where}`{key}` {message}"
        place = ".".join([*tables, key] if key else tables)
        return f"[{place}] {message}" if place else message
    return f"{where}`{key}`: {message[:1].lower()}{message[1:]}, not {problem['input']!r}"


def _fields_at(tables: list[str], kind: type[BaseModel]) -> list[str]:
    """The keys of a table of the run file."""
    model: type[BaseModel] = kind
    for table in tables:
        known = model.model_fields.get(table)
        inner = next(_models_in(known.annotation), None) if known else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _models_in(part)
