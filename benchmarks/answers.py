r"""Answers as policies box them: a gold answer, and right, respelled and wrong ones for it. Seeded.

`maths` mixes the kinds of answers in the shares that competition and school mathematics have them: numbers
most of all, then fractions, roots, expressions, points, intervals, sets, equations.
"""

from __future__ import annotations

import random
from collections.abc import Callable

Row = tuple[str, str]  # found, gold

#: share of right answers, and of those, the share that is spelled as the gold answer is
RIGHT, ALIKE = 0.5, 0.7


def maths(prompts: int, each: int = 1, seed: int = 7) -> list[Row]:
    """`each` answers to each of `prompts` gold answers; a policy repeats itself, so groups hold repeats."""
    rng = random.Random(seed)
    kinds, weights = zip(*_KINDS, strict=True)
    rows: list[Row] = []
    for _ in range(prompts):
        gold, respelled, wrong = rng.choices(kinds, weights)[0](rng)
        for _ in range(each):
            if rng.random() < RIGHT:
                rows.append((gold if rng.random() < ALIKE else respelled, gold))
            else:
                rows.append((rng.choice(wrong), gold))
    return rows


def completion(found: str, rng: random.Random) -> str:
    """A short solution that ends with a box."""
    lines = [f"Step {n}: we get ${rng.randint(1, 99)} + {rng.randint(1, 99)}$ here." for n in range(1, 5)]
    return "\n".join(lines) + f"\nSo the answer is $\\boxed{{{found}}}$."


Kind = Callable[[random.Random], tuple[str, str, list[str]]]


def _whole(rng: random.Random) -> tuple[str, str, list[str]]:
    n = rng.choice([rng.randint(0, 30), rng.randint(0, 1000), rng.randint(1000, 10**6)])
    return str(n), f"{n:,}" if n > 999 else f"{n}.0", [str(n + k) for k in (1, 2, 10)] + [f"-{n + 1}"]


def _fraction(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(1, 40), rng.randint(2, 40)
    return (
        rf"\frac{{{a}}}{{{b}}}",
        rng.choice([f"{a}/{b}", rf"\dfrac{{{a}}}{{{b}}}"]),
        [rf"\frac{{{b}}}{{{a + b}}}", rf"\frac{{{a + 1}}}{{{b}}}", str(a)],
    )


def _decimal(rng: random.Random) -> tuple[str, str, list[str]]:
    n = rng.randint(1, 99_999)
    return f"{n / 100:.2f}", f"{n / 100:.3f}", [f"{n / 100 + 1:.2f}", f"{n / 10:.1f}", str(n)]


def _percent(rng: random.Random) -> tuple[str, str, list[str]]:
    n = rng.randint(1, 99)
    return rf"{n}\%", f"{n}%", [rf"{n + 1}\%", str(n + 2), rf"{100 - n}.5\%"]


def _root(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(2, 30), rng.choice([2, 3, 5, 6, 7])
    return (
        rf"{a}\sqrt{{{b}}}",
        rf"\sqrt{{{a * a * b}}}",
        [rf"{a + 1}\sqrt{{{b}}}", rf"{a}\sqrt{{{b + 8}}}", str(a)],
    )


def _pi(rng: random.Random) -> tuple[str, str, list[str]]:
    a = rng.randint(2, 60)
    return rf"{a}\pi", rf"{a} \pi", [rf"{a + 1}\pi", rf"\frac{{{a}\pi}}{{3}}", str(a)]


def _expression(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(2, 12), rng.randint(1, 30)
    return (
        f"{a}x+{b}",
        f"{b}+{a}x",
        [f"{a}x-{b}", f"{a + 1}x+{b}", f"{a}x^2+{b}"],
    )


def _square(rng: random.Random) -> tuple[str, str, list[str]]:
    a = rng.randint(1, 12)
    return f"x^2+{2 * a}x+{a * a}", f"(x+{a})^2", [f"x^2+{a}x+{a * a}", f"(x-{a})^2", f"x^2+{a * a}"]


def _point(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(-20, 20), rng.randint(-20, 20)
    return (
        f"({a}, {b})",
        rf"\left({a},{b}\right)",
        [f"({b}, {a + 1})", f"({a}, {b + 1})", f"({a}, -{b + 30})"],
    )


def _interval(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(-20, 0), rng.randint(1, 20)
    return f"[{a}, {b})", rf"\left[{a},{b}\right)", [f"[{a}, {b}]", f"({a}, {b})", f"[{a}, {b + 1})"]


def _set(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(-20, 0), rng.randint(1, 20)
    return rf"\{{{a}, {b}\}}", f"{b}, {a}", [rf"\{{{a}, {b + 1}\}}", str(b), rf"\{{{b}\}}"]


def _equation(rng: random.Random) -> tuple[str, str, list[str]]:
    a, b = rng.randint(2, 9), rng.randint(1, 20)
    return f"y = {a}x + {b}", f"y={b}+{a}x", [f"y = {a}x - {b}", f"y = {a + 1}x + {b}", f"{a}x"]


def _letter(rng: random.Random) -> tuple[str, str, list[str]]:
    c = rng.choice("ABCD")
    return c, f"({c})", [other for other in "ABCD" if other != c]


_KINDS: tuple[tuple[Kind, float], ...] = (
    (_whole, 0.50),
    (_fraction, 0.14),
    (_decimal, 0.05),
    (_percent, 0.02),
    (_root, 0.06),
    (_pi, 0.04),
    (_expression, 0.05),
    (_square, 0.02),
    (_point, 0.03),
    (_interval, 0.02),
    (_set, 0.02),
    (_equation, 0.01),
    (_letter, 0.04),
)
