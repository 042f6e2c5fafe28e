"""Completions as reasoning models write them: tags, steps, LaTeX, loops, slips of format. Seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator

COUNT = 50_000
LENGTH = 2_000  # characters, on average

_OPENERS = (
    "Let's compute the", "First, we note that the", "Next, consider the", "Since both sides are equal, the",
    "Wait, I should check the", "Therefore the", "Step {n}: find the", "{n}. Now take the",
    "Hmm, that can't be right, so the", "We know from the problem that the", "Substituting this back, the",
    "So “by symmetry” the", "Finally, the",
)  # fmt: skip
_LATEX = (
    r"$x^2 + {a}x - {b} = 0$", r"\(\frac{{{a}}}{{{b}}} = {c}\)", r"$\sqrt{{{a}}} \approx {c}$",
    r"\[ \sum_{{k=1}}^{{{a}}} k = {b} \]", r"${a} \times {b} = {c}$", "x = {a} + {b} = {c}", "π · {a}² ≈ {c}",
)  # fmt: skip
_SLIPS = ("twice", "empty", "junk", "unclosed", "nested", "plain")


def completions(count: int = COUNT, seed: int = 7) -> list[str]:
    """`count` texts of 2,000 characters on average, one in eight with a slip of format."""
    rng = random.Random(seed)
    words = list(_vocabulary(rng))
    weights = [1 / (rank + 2) for rank in range(len(words))]
    # one long draw is cheaper than a draw per word; sentences take consecutive pieces of it
    stream = rng.choices(words, weights, k=400_000)
    return [_completion(rng, stream) for _ in range(count)]


def _vocabulary(rng: random.Random) -> Iterator[str]:
    """Words of a made-up language, the frequent ones short as in real ones."""
    yield from (
        "the",
        "of",
        "is",
        "to",
        "and",
        "we",
        "a",
        "that",
        "in",
        "so",
        "it",
        "for",
        "this",
        "be",
        "by",
    )
    vowels = ("a", "e", "i", "o", "u", "er", "on")
    for rank in range(6_000):
        syllables = 1 + (rank > 60) + (rank > 900) + rng.randint(0, 1)
        yield "".join(rng.choice("bcdfglmnprstv") + rng.choice(vowels) for _ in range(syllables))


def _completion(rng: random.Random, stream: list[str]) -> str:
    size = max(300, int(rng.gauss(LENGTH, LENGTH / 4)))
    body = "".join(_reasoning(rng, stream, size - 120))
    answer = rng.choice("ABCDE") if rng.random() < 0.5 else f"The answer is \\boxed{{{rng.randint(1, 999)}}}."
    text = f"<think>\n{body}\n</think>\n<answer>\n{answer}\n</answer>"
    return _slip(rng, text, body, answer) if rng.random() < 1 / 8 else text


def _reasoning(rng: random.Random, stream: list[str], size: int) -> Iterator[str]:
    step, written = 1, 0
    loops = rng.random() < 0.1
    while written < size:
        at = rng.randrange(len(stream) - 40)
        words = " ".join(stream[at : at + rng.randint(5, 25)])
        numbers = {"a": rng.randint(1, 20), "b": rng.randint(1, 99), "c": rng.randint(1, 999)}
        latex = rng.choice(_LATEX).format(**numbers) if rng.random() < 0.4 else ""
        opener = rng.choice(_OPENERS).format(n=step)
        sentence = f"{opener} {words} {latex}.{rng.choice([' ', ' ', chr(10), chr(10) * 2, chr(10) + '- '])}"
        repeats = rng.randint(2, 6) if loops and rng.random() < 0.2 else 1  # a model stuck in a loop
        yield sentence * repeats
        written += len(sentence) * repeats
        step += 1


def _slip(rng: random.Random, text: str, body: str, answer: str) -> str:
    match rng.choice(_SLIPS):
        case "twice":
            return text + f"\n<answer>{answer}</answer>"
        case "empty":
            return f"<think></think>\n<answer>{body}</answer>"
        case "junk":
            return text + "\nI hope this helps!"
        case "unclosed":
            return text.removesuffix("</answer>")
        case "nested":
            return f"<think>{body}<answer>{answer}</answer></think>"
        case _:
            return body + answer
