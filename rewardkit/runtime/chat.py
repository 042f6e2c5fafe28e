"""One question to an OpenAI-compatible endpoint: attempts, waits between them, and what went wrong."""

from __future__ import annotations

import asyncio
import json
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from rewardkit.diagnostics import RewardError
from rewardkit.library.judge import Question
from rewardkit.runtime.configs import EndpointConfig
from rewardkit.runtime.rates import Bucket, backoff, retry_after

#: bytes of one response
MOST_BYTES = 8 << 20

_AGAIN = frozenset((408, 409, 425, 429))
_REFUSED = frozenset((401, 402, 403, 404, 405, 407, 410))
_LONGEST_CONNECT = 15.0

#: connections of one client
_EACH = 8


class Failed(Exception):
    """A question that got no answer; its text is the fault's reason. `refused`: this question itself was."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class _Passing(Failed):
    """The same, where another attempt may do."""

    def __init__(self, reason: str, wait: float | None = None, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.unreachable = wait, unreachable


@dataclass(frozen=True)
class Answer:
    text: str
    cut: bool  #: whether it ended at `max_tokens`
    tokens: int | None = None  #: of the answer, where the endpoint tells


@dataclass
class Chat:
    """Asks questions, from one event loop. What the endpoint says of its limits holds for all of them."""

    config: EndpointConfig
    key: str | None
    name: str = "the judge"  #: in messages
    where: str = "the run's judge"  #: where a user names it
    resume_at: float = 0.0  # of the loop's clock, after the endpoint asked to be left alone

    def __post_init__(self) -> None:
        config = self.config
        headers = {"accept": "application/json", "accept-encoding": "gzip, identity"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        trusted = httpx.create_ssl_context()
        # a client looks at all of its connections with every request, so that each has a few
        self.clients = [
            httpx.AsyncClient(
                headers=headers,
                follow_redirects=False,  # a key goes to no other host
                timeout=httpx.Timeout(config.timeout, connect=min(config.timeout, _LONGEST_CONNECT)),
                limits=httpx.Limits(max_connections=_EACH, max_keepalive_connections=_EACH),
                verify=trusted,
            )
            for _ in range(-(-config.concurrency // _EACH))
        ]
        self._free = [client for client in self.clients for _ in range(_EACH)]
        self.url = f"{config.base_url}/chat/completions"
        self._requests = Bucket(config.requests_per_minute) if config.requests_per_minute else None
        self._tokens = Bucket(config.tokens_per_minute) if config.tokens_per_minute else None

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()

    async def ask(self, question: Question | Sequence[Mapping[str, Any]], seed: int | None = None) -> Answer:
        """The endpoint's answer to a question or to messages; `seed` stands in for the config's.

        Raises `Failed`, and `RewardError` where no question would get an answer.
        """
        body = self._body(question, seed)
        left = self.config.deadline
        for attempt in range(self.config.retries + 1):
            await self._turn(len(body))  # our own limits cost a question none of its time
            began = time.monotonic()
            try:
                return await self._attempt(body, left)
            except _Passing as error:
                last, wait = error, backoff(attempt, self.config.backoff)
            wait = max(wait, last.wait or 0.0)
            left -= time.monotonic() - began + wait
            if attempt == self.config.retries or left <= 0:
                break
            await asyncio.sleep(wait)
        if last.unreachable:
            raise RewardError(f"{last}; start it, or set `base_url` in {self.where}")
        asked = f", and asks to wait {last.wait:.0f} s" if last.wait and left <= 0 else ""
        raise Failed(f"{last}{asked} (attempt {attempt + 1})")

    def _body(self, question: Question | Sequence[Mapping[str, Any]], seed: int | None) -> bytes:
        config = self.config
        messages = self._messages(question) if isinstance(question, Question) else list(question)
        seed = config.seed if seed is None else seed
        body: dict[str, Any] = {"model": config.model, "messages": messages}
        body[config.max_tokens_name] = config.max_tokens
        if config.temperature != "default":
            body["temperature"] = config.temperature
        if seed is not None:
            body["seed"] = seed
        if config.json_mode:
            body["response_format"] = {"type": "json_object"}
        return json.dumps({**body, **config.extra}).encode()

    def _messages(self, question: Question) -> list[Mapping[str, Any]]:
        if not self.config.system_role:
            return [{"role": "user", "content": f"{question.rules}\n{question.data}"}]
        return [{"role": "system", "content": question.rules}, {"role": "user", "content": question.data}]

    async def _turn(self, size: int) -> None:
        """Wait until the limits, ours and what the endpoint said last, allow a request."""
        wait = self._requests.take(1) if self._requests else 0.0
        if self._tokens:
            wait = max(wait, self._tokens.take(size / 4 + self.config.max_tokens))
        if wait:
            await asyncio.sleep(wait)
        loop = asyncio.get_running_loop()
        while (pause := self.resume_at - loop.time()) > 0:
            await asyncio.sleep(pause)

    async def _attempt(self, body: bytes, left: float) -> Answer:
        seconds = min(self.config.timeout, left)
        try:
            async with asyncio.timeout(seconds):
                status, headers, data = await self._post(body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why = _line(str(error) or type(error).__name__)
            raise _Passing(f"cannot reach {self.name} at {self.url}: {why}", unreachable=True) from None
        except (TimeoutError, httpx.TimeoutException):
            raise _Passing(f"{self.name} gave no answer in {seconds:g} s") from None
        except (httpx.TransportError, httpx.StreamError) as error:
            why = self._without_key(str(error)) if str(error) else type(error).__name__
            raise _Passing(f"the connection to {self.name} broke: {_line(why)}") from None
        if status == 200:
            return _answer(data, self.name)
        raise self._problem(status, headers, data)

    async def _post(self, body: bytes) -> tuple[int, httpx.Headers, bytes]:
        headers = {"content-type": "application/json"}
        client = self._free.pop()  # the one that was free last, whose connection is open still
        try:
            async with client.stream("POST", self.url, content=body, headers=headers) as response:
                data = bytearray()
                async for chunk in response.aiter_raw():
                    data += chunk
                    if len(data) > MOST_BYTES:
                        raise Failed(f"{self.name}'s answer has more than {MOST_BYTES >> 20} MiB")
                return (
                    response.status_code,
                    response.headers,
                    _plain(bytes(data), response.headers, self.name),
                )
        finally:
            self._free.append(client)

    def _problem(self, status: int, headers: httpx.Headers, data: bytes) -> Exception:
        """What a status that is not 200 means: for this question, or for all."""
        said, code = self._said(data)
        shown = f"{status}{f': {said}' if said else ''}"
        if 300 <= status < 400:
            to = self._without_key(headers.get("location", "another address"))[:200]
            return RewardError(
                f"{self.name} at {self.url} redirects to {to!r}: set `base_url` to where it is"
            )
        if status in _REFUSED or code == "insufficient_quota":
            return RewardError(f"{self.name} at {self.url} answers {shown}; {self._advice(status)}")
        if status in _AGAIN or status >= 500:
            wait = retry_after(headers, time.time())
            if wait is not None and wait <= self.config.deadline:
                loop = asyncio.get_running_loop()
                self.resume_at = max(self.resume_at, loop.time() + wait)
            return _Passing(f"{self.name} answers {shown}", wait)
        return Failed(f"{self.name} answers {shown}", refused=True)

    def _said(self, data: bytes) -> tuple[str, str]:
        """An endpoint's own words for a problem, on one line and without our key, and its code."""
        code, text = "", self._without_key(data[: 1 << 16].decode(errors="replace"))
        try:
            error = json.loads(data)["error"]
            text = error if isinstance(error, str) else str(error.get("message", ""))
            code = "" if isinstance(error, str) else str(error.get("code", ""))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            text = "" if text.lstrip().startswith("<") else text  # a page for people
        text = self._without_key(text[: 1 << 16])
        line = " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())
        return line[:200], code

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "…") if self.key else text

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            name = key_variable(self.config)
            if self.key:
                return f"set the variable `{name}` to a key that it takes"
            return "no key was sent: name the variable that holds one with `api_key_env`"
        if status in (404, 405, 410):
            return f"set `base_url`, and `model` (now `{self.config.model}`), to what it has"
        return f"see to the account, or name another {self.name.removeprefix('the ')}"


def key_variable(config: EndpointConfig) -> str | None:
    """The variable of the environment that holds the key."""
    own = httpx.URL(config.base_url).host == "api.openai.com"
    return config.api_key_env or ("OPENAI_API_KEY" if own else None)


def key_of(config: EndpointConfig, name: str = "the judge") -> str | None:
    """The key from the environment. Raises `RewardError` where its variable holds none."""
    variable = key_variable(config)
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise RewardError(f"{name} at {config.base_url} needs a key: set the variable `{variable}` to it")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise RewardError(f"the variable `{variable}` holds no key: it has white space or odd characters")
    return key


def _plain(data: bytes, headers: httpx.Headers, name: str) -> bytes:
    """A response as it was before it was compressed, no larger than others may be."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding != "gzip":
        raise Failed(f"{name}'s answer is compressed as {encoding[:20]!r}, which was not asked for")
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(data, MOST_BYTES)
    except zlib.error:
        raise _Passing(f"{name}'s answer is damaged") from None
    if reader.unconsumed_tail:
        raise Failed(f"{name}'s answer has more than {MOST_BYTES >> 20} MiB")
    return plain


def _answer(data: bytes, name: str) -> Answer:
    """The text of a chat completion; nothing in it (a refusal, say) is the empty text."""
    try:
        said = json.loads(data)
        choice = said["choices"][0]
        content = choice["message"].get("content")
        if isinstance(content, list):
            content = "".join(part["text"] for part in content if part.get("type") == "text")
        if content is not None and not isinstance(content, str):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _Passing(f"{name}'s answer is no chat completion") from None
    usage = said.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    told = isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < 2**31
    return Answer(content or "", choice.get("finish_reason") == "length", tokens if told else None)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
