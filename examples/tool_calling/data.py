"""The task in data: prompts with gold calls, and demonstrations of mixed quality.

`python data.py` writes `rows.jsonl`, `demonstrations.jsonl` and `pieces.json` anew, the same every time.

A prompt is two sentences of five pieces each. One or both ask for a tool; the other is small talk, which
wants none. All prompts have the same number of tokens, so a batch of them needs no padding.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SEED, ROWS, DEMONSTRATIONS = 0, 400, 1600

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
TALK: Template = ("Greetings from ", 0, " in ", 1, ". ")


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
    fixed = ("<think>", "</think>", "<tool_call>", "</tool_call>", "\n", '{"name": "')
    templates = (TALK, *(part for tool in TOOLS for part in (tool.ask, tool.call)))
    written = [part for template in templates for part in template if isinstance(part, str)]
    names = [tool.name for tool in TOOLS]
    words = [*DIGITS, *CITIES, *NAMES, *WORDS, *LANGUAGES, *PLACES, *THOUGHTS]
    return list(dict.fromkeys([*fixed, *words, *names, *written]))


def draw_request(rng: random.Random) -> Request:
    tool = rng.choice(TOOLS)
    return Request(tool, tuple(rng.choice(options) for options in tool.slots))


def draw_prompt(rng: random.Random) -> tuple[Pieces, list[Request]]:
    """A prompt, and what it asks for: one request in three prompts of four, otherwise two."""
    first = draw_request(rng)
    if rng.random() < 0.25:
        second = draw_request(rng)
        return first.asked + second.asked, [first, second]
    talk = fill(TALK, (rng.choice(NAMES), rng.choice(CITIES)))
    return (first.asked + talk if rng.random() < 0.5 else talk + first.asked), [first]


def draw_answer(requests: list[Request], rng: random.Random) -> Pieces:
    """A demonstration: the calls are right six times in ten, and the format seven times in ten."""
    if rng.random() < 0.4:
        requests = spoil(requests, rng)
    calls: Pieces = []
    for request in requests:
        calls += ["\n"] * bool(calls) + request.called
    thoughts = [rng.choice(THOUGHTS) for _ in range(rng.randint(1, 5))]
    answer = ["<think>", *thoughts, "</think>", "<tool_call>", *calls, "</tool_call>"]
    if rng.random() < 0.3:
        lost = rng.choice(("<think>", "</think>", "<tool_call>", "</tool_call>", ""))
        answer = [piece for piece in answer if piece != lost] if lost else [*answer, rng.choice(THOUGHTS)]
    return answer


def spoil(requests: list[Request], rng: random.Random) -> list[Request]:
    """The same requests with one fault: a value, the tool, a call too many, or one forgotten."""
    place = rng.randrange(len(requests))
    tool, values = requests[place].tool, list(requests[place].values)
    fault = rng.choice(("value", "value", "tool", "extra", "fewer"))
    if fault == "tool":
        return [*requests[:place], draw_request(rng), *requests[place + 1 :]]
    if fault == "extra" and len(requests) == 1:
        return [*requests, draw_request(rng)]
    if fault == "fewer" and len(requests) == 2:
        return [requests[place]]
    slot = rng.randrange(len(values))
    values[slot] = rng.choice(tool.slots[slot])
    return [*requests[:place], Request(tool, tuple(values)), *requests[place + 1 :]]


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
