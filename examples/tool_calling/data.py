"""The task in data: prompts with gold calls, and demonstrations of mixed quality.

`python data.py` writes `rows.jsonl`, `demonstrations.jsonl` and `pieces.json` anew, the same every time.

A prompt is two sentences of five pieces each. The first asks for a tool; the second asks for another or
says that this was all. All prompts have the same number of tokens, so a batch of them needs no padding.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SEED, ROWS, DEMONSTRATIONS = 0, 320, 1600
TWO = 0.3  # share of prompts that ask for two tools

DIGITS, TENS = tuple("0123456789"), tuple("123456789")
CITIES, NAMES = ("oslo", "rome", "lima", "cairo"), ("ana", "ben", "eva", "leo")
WORDS, LANGUAGES = ("bread", "water", "house", "river"), ("latin", "greek", "dutch")
PLACES = ("home", "work", "school")
THOUGHTS = ("hmm ", "well ", "so ", "now ")

Pieces = list[str]
Template = tuple[str | int, ...]  # a number stands for the slot of that number


@dataclass(frozen=True)
class Tool:
    """How a request for a tool is put, and how the tool is called."""

    name: str
    slots: tuple[tuple[str, ...], ...]
    ask: Template
    call: Template


TOOLS = (
    Tool(
        "add",
        (DIGITS, DIGITS),
        ("Add ", 0, " and ", 1, ". "),
        ('", "arguments": {"a": ', 0, ', "b": ', 1, "}}"),
    ),
    Tool(
        "compare",
        (DIGITS, DIGITS),
        ("Compare ", 0, " and ", 1, ". "),
        ('", "arguments": {"a": ', 0, ', "b": ', 1, "}}"),
    ),
    Tool(
        "timer",
        (TENS, DIGITS),
        ("Timer of ", 0, 1, " minutes", ". "),
        ('", "arguments": {"minutes": ', 0, 1, "}}"),
    ),
    Tool(
        "weather",
        (CITIES, DIGITS),
        ("Weather in ", 0, " on day ", 1, ". "),
        ('", "arguments": {"city": "', 0, '", "day": ', 1, "}}"),
    ),
    Tool(
        "translate",
        (WORDS, LANGUAGES),
        ("Translate ", 0, " to ", 1, ". "),
        ('", "arguments": {"word": "', 0, '", "to": "', 1, '"}}'),
    ),
    Tool(
        "ring",
        (NAMES, PLACES),
        ("Ring ", 0, " at ", 1, ". "),
        ('", "arguments": {"name": "', 0, '", "place": "', 1, '"}}'),
    ),
)
NO_MORE = ("That ", "is ", "all ", "for ", "now. ")


@dataclass(frozen=True)
class Request:
    """A tool, and a value for each of its slots."""

    tool: Tool
    values: tuple[str, ...]

    @property
    def asked(self) -> Pieces:
        return fill(self.tool.ask, self.values)

    @property
    def called(self) -> Pieces:
        return ['{"name": "', self.tool.name, *fill(self.tool.call, self.values)]


def fill(template: Template, values: Sequence[str]) -> Pieces:
    return [values[part] if isinstance(part, int) else part for part in template]


def vocabulary() -> Pieces:
    """Every piece that prompts and answers are made of."""
    fixed = ("<think>", "</think>", "<tool_call>", "</tool_call>", "\n", '{"name": "', *NO_MORE)
    written = [part for tool in TOOLS for part in (*tool.ask, *tool.call) if isinstance(part, str)]
    names = [tool.name for tool in TOOLS]
    words = [*DIGITS, *CITIES, *NAMES, *WORDS, *LANGUAGES, *PLACES, *THOUGHTS]
    return list(dict.fromkeys([*fixed, *words, *names, *written]))


def draw_request(rng: random.Random) -> Request:
    tool = rng.choice(TOOLS)
    return Request(tool, tuple(rng.choice(options) for options in tool.slots))


def draw_prompt(rng: random.Random) -> tuple[Pieces, list[Request]]:
    """A prompt, and what it asks for."""
    requests = [draw_request(rng) for _ in range(2 if rng.random() < TWO else 1)]
    prompt = [piece for request in requests for piece in request.asked]
    return prompt + list(NO_MORE) * (2 - len(requests)), requests


def draw_answer(requests: list[Request], rng: random.Random) -> Pieces:
    """A demonstration: half have a fault in their calls, and half, independently, one in their format."""
    calls = [request.called for request in requests]
    if rng.random() < 0.5:
        calls = spoil(calls, rng)
    block = calls[0] + [piece for call in calls[1:] for piece in ("\n", *call)]
    thoughts = [rng.choice(THOUGHTS) for _ in range(rng.randint(1, 6))]
    answer = ["<think>", *thoughts, "</think>", "<tool_call>", *block, "</tool_call>"]
    if rng.random() < 0.5:
        fault = rng.choice(("<think>", "</think>", "</tool_call>", "more"))
        answer = [piece for piece in answer if piece != fault]
        answer += [rng.choice(THOUGHTS)] * (fault == "more")
    return answer


def spoil(calls: list[Pieces], rng: random.Random) -> list[Pieces]:
    """The same calls with one fault. Values stay right: wrong ones would teach not to read the prompt."""
    fault = rng.choice(("tool", "argument", "call"))
    if fault == "call":  # one forgotten, or made twice
        return calls[:1] if len(calls) == 2 else calls * 2
    place = rng.randrange(len(calls))
    call = list(calls[place])
    if fault == "tool":
        call[1] = rng.choice(TOOLS).name
    else:
        del call[-3:-1]  # the last value, with its key
    return [*calls[:place], call, *calls[place + 1 :]]


def rows(count: int = ROWS, seed: int = SEED) -> Iterator[dict[str, str]]:
    """Distinct prompts, each with its gold calls as JSON text."""
    rng, seen = random.Random(f"rows {seed}"), set()
    while len(seen) < count:
        prompt, requests = draw_prompt(rng)
        text = "".join(prompt)
        if text not in seen:
            seen.add(text)
            gold = ", ".join("".join(request.called) for request in requests)
            yield {"prompt": text, "gold": f"[{gold}]"}


def demonstrations(count: int = DEMONSTRATIONS, seed: int = SEED) -> Iterator[dict[str, str]]:
    """What the warm-up imitates: the right shape most of the time, and every mistake there is to unlearn."""
    rng = random.Random(f"demonstrations {seed}")
    for _ in range(count):
        prompt, requests = draw_prompt(rng)
        yield {"prompt": "".join(prompt), "completion": "".join(draw_answer(requests, rng))}


def files() -> dict[str, str]:
    """The committed files, by name."""
    return {
        "rows.jsonl": "".join(json.dumps(row) + "\n" for row in rows()),
        "demonstrations.jsonl": "".join(json.dumps(row) + "\n" for row in demonstrations()),
        "pieces.json": json.dumps(vocabulary(), indent=0) + "\n",
    }


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_text(content, encoding="utf-8")
        print(f"{name}: {content.count(chr(10))} lines")
