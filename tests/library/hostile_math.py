r"""Strings written against `math.equal`: 500 of them, in families, the same ones each time."""

from __future__ import annotations

from collections.abc import Iterator

COUNT = 500
_MEGA = 1_000_000


def hostile() -> list[str]:
    """The strings, each family spread over the list."""
    strings = list(dict.fromkeys(text for family in _families() for text in family))
    assert len(strings) >= COUNT and len(strings) % 37
    step = 37  # shares no factor with their number, so every one is taken once
    return [strings[i * step % len(strings)] for i in range(len(strings))][:COUNT]


def _families() -> Iterator[list[str]]:
    digits = range(2, 10)
    yield ["^{".join([str(n)] * height) + "}" * (height - 1) for n in digits for height in (3, 4, 5, 9)]
    yield [f"{n}^({n}^({n}^{n}))" for n in digits]
    yield [f"10^{{{'9' * n}}}" for n in range(5, 15)]
    yield [f"{10**n}!" for n in range(4, 14)] + [f"(10^{{{n}}})!" for n in range(4, 14)]
    yield ["(" * n + "9" + "!)" * n for n in range(2, 12)]
    yield [rf"\binom{{10^{n}}}{{5\cdot 10^{{{n - 1}}}}}" for n in range(4, 12)]
    yield [rf"\sum_{{i=1}}^{{10^{n}}} i^i" for n in range(4, 10)]
    yield [rf"\sum_{{i=1}}^{{{10**n}}} \frac{{1}}{{i^2+1}}" for n in range(4, 10)]
    yield [rf"\prod_{{i=1}}^{{{10**n}}} (i+x)" for n in range(2, 9)]
    yield [rf"\int_0^1 e^{{x^{n}}} \sin(x^x) \ln(x+{n}) dx" for n in range(2, 10)]
    yield [rf"\int \frac{{\sqrt{{1+x^{n}}}}}{{\ln(x)+e^x}} dx" for n in range(3, 9)]
    yield [rf"\lim_{{x \to 0}} \frac{{\sin(x^{n})-x^{n}}}{{\tan(x^x)-x^{n}}}" for n in range(2, 8)]
    yield [r"\frac{1}{" * n + "2" + "}" * n for n in (10, 50, 100, 200, 500, 900)]
    yield [r"\sqrt{2+" * n + "2" + "}" * n for n in (5, 10, 20, 50, 100, 500, 900)]
    yield ["(" * n + "1" + ")" * n for n in (50, 200, 500, 1000, 5000, 50_000)]
    yield [f"{o}" * n for o in ("(", "{", "[", ")", "}", "]", "$", "\\", "^", "_", "|") for n in (200, 9999)]
    yield [f"{o}" * _MEGA for o in ("(", "{", "$", "9", " ", "\\", "a", "-", "%", "!", ",", "0")]
    yield ["\\boxed{" * n for n in (10, 100, 1400, 100_000)]
    yield ["\\boxed{" + "9" * n for n in (10, 9_000, 100_000)]
    yield ["$" + "\\boxed{" * n + "1" for n in (10, 100, 1400)]
    yield ["$$" + "\\boxed{a" * n + "$" for n in (10, 100, 1000)]
    yield ["\\[" * n for n in (10, 1000, 4000, 100_000)]
    yield ["\\( a " * n + "\\)" for n in (10, 1000, 2000)]
    yield ["answer " * n + "is $" for n in (10, 300, 1200)]
    yield ["final answer " * n for n in (10, 300, 700)]
    yield ["the final answer is: " * n + "5" for n in (10, 300, 450)]
    yield ["$1$, " * n for n in (10, 300, 1900)] + ["$1$ and " * n for n in (10, 300, 1200)]
    yield ["1+" * n + "1" for n in (50, 500, 2000, 4900)]
    yield ["1-(" * n + "1" + ")" * n for n in (20, 100, 400)]
    yield ["x+" * n + "y" for n in (50, 500, 2000)]
    yield ["9" * n for n in (400, 4299, 4301, 9_999, 100_000)]
    yield ["0." + "3" * n for n in (20, 400, 4301, 9_000)] + ["1" + ",000" * n for n in (5, 50, 2000)]
    yield [f"1e{n}" for n in (9, 99, 999, 9999, -9999)] + [f"1E{'9' * n}" for n in (6, 9, 40)]
    for size in (2, 5, 10, 20):
        rows = r"\\".join("&".join(f"x_{{{r}{c}}}" for c in range(size)) for r in range(size))
        yield [rf"\begin{{pmatrix}}{rows}\end{{pmatrix}}", rf"\det\begin{{pmatrix}}{rows}\end{{pmatrix}}"]
        yield [
            rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}^{{-1}}",
            rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}^{{99}}",
        ]
    yield [rf"\begin{{pmatrix}}{'1&' * n}1\end{{pmatrix}}" for n in (10, 500, 3000)]
    yield [rf"\{{{','.join(map(str, range(n)))}\}}" for n in (10, 100, 1000, 2000)]
    yield [",".join(f"x_{{{i}}}={i}" for i in range(n)) for n in (5, 50, 300)]
    yield [r"\cup".join(f"({i},{i + 1})" for i in range(n)) for n in (5, 50, 300)]
    yield [rf"x^{{{n}}}+x^{{{n - 1}}}+1=0" for n in (3, 5, 9, 40, 99)]
    yield [rf"(x+y+z)^{{{n}}}" for n in (10, 30, 99, 999, 99999)]
    yield [rf"\sin(\cos(\tan(x^{n})))={n}x" for n in range(2, 8)]
    yield [rf"x^x+{n}=\ln(x)+e^{{x^{n}}}" for n in range(2, 8)]
    yield [rf"|x-{n}|+|x+{n}|>\sqrt{{x^{n}}}" for n in range(2, 8)]
    yield [rf"\log_{{{n}}}(\log_{{2}}(\log_{{3}}({n}^{{{n}^{{{n}}}}})))" for n in range(5, 9)]
    yield [rf"10^{{10^{{{n}}}}} \bmod {n + 3}" for n in range(3, 12)]
    yield [rf"F_{{10^{n}}}" for n in (3, 9)] + [rf"\gcd(10^{{10^{n}}}, 3^{{10^{n}}})" for n in (3, 6, 9)]
    yield [rf"\lfloor 10^{{10^{{{n}}}}} \pi \rfloor" for n in range(2, 9)]
    yield [rf"\sin(10^{{10^{{{n}}}}})" for n in range(2, 9)]
    yield [
        c * n
        for c in ("\u0661", "\u00bd", "\u221e", "\u2212", "\U0001d7d9", "\ud800", "\0", "\u202e5")
        for n in (1, 300)
    ]
    yield [
        "1\u200b8",
        "1\u00a08",
        "\uff11\uff18",
        "1\u06608",
        "e\u0301" * 400,
        "\u5341\u516b",
        "\u2460\u2467",
    ]
    yield ["\\text{" * n + "18" + "}" * n for n in (2, 50, 1000)]
    yield ["\\left(" * n + "1" + "\\right)" * n for n in (5, 100, 600)]
    yield ["\\frac" * n for n in (1, 50, 1900)] + ["\\sqrt" * n + "2" for n in (1, 50, 1900)]
    yield ["\\newcommand{\\x}{\\x\\x}\\x", r"\def\x{\x\x}\x", "\\input{/etc/passwd}", r"\write18{id}"]
    yield [
        "__import__('os').system('exit 1')",
        "().__class__.__bases__[0]",
        "lambda: 0",
        "exec('1')",
        "18;import os",
    ]
    yield [f"{n}**{n}**{n}**{n}" for n in digits]
    yield [f"-{n}^{{-{n}^{{{n}^{{{n}}}}}}}" for n in digits]
    yield [f"\\frac{{{n}^{{{n}^{{{n}^{n}}}}}}}{{{n}^{{{n}^{{{n}^{n}}}}}}}" for n in digits]
    yield [f"{n}^{{{n}^{{{n}^{n}}}}}-{n}^{{{n}^{{{n}^{n}}}}}+18" for n in digits]
    yield [f"0\\cdot {n}^{{{n}^{{{n}^{n}}}}}+18" for n in digits]
    yield [rf"\frac{{{n}!!!}}{{({n}!)!}}" for n in range(4, 12)]
    yield [rf"\sqrt[{n}]{{\sqrt[{n}]{{10^{{10^{n}}}}}}}" for n in range(3, 11)]
    yield [rf"e^{{e^{{e^{{e^{n}}}}}}}" for n in digits]
    yield [rf"{n}^{{{n}^{{x}}}}+\sin({n}^{{{n}^{{x}}}})=x" for n in digits]
    yield [rf"\sum_{{k=0}}^{{\infty}} \frac{{(-1)^k}}{{k!^{n}+{n}}}" for n in digits]
    yield [rf"\int_0^{{\infty}} \frac{{\sin(x^{n})}}{{x^x+{n}}} dx" for n in digits]
    yield [rf"\frac{{d^{n}}}{{dx^{n}}} x^{{x^x}}" for n in digits]
    yield [rf"\{{x : x^{{{n}}}+\sin x = {n}\}}" for n in digits]
    yield [rf"x^{n}+y^{n}+z^{n}=1, x+y^{n}=z, xy=z^{n}" for n in digits]
    yield [f"{n}!" + "!" * k for n in (9, 20, 50) for k in range(1, 6)]
    yield ["{" * n + "18" + "}" * n for n in (10, 100, 400, 3000)]
    yield [("\\left[ " * n).replace("\\\\", "\\") for n in (10, 100, 1200)]
