r"""The corpus of `math.equal`: pairs of answers over math-verify's whole range, with its own verdicts.

`python tests/library/math_corpus.py --update` makes the pairs anew and asks math-verify itself, in this
process and with its documented defaults, as a trainer's reward does: both answers in a box. Each line of
`math_corpus.jsonl` is `[kind, found, gold, verdict]`; where `math.equal` decides otherwise, a reason follows:

- `words`: the texts are the same words, but for spacing, punctuation, case or `\text{…}` (rule 1);
- `spelling`: a spelling that math-verify does not read in a box: `1e6`, `1 234`, `2 1/3`, `2**10`, `√`,
  `sin(x)` without its backslash, other currencies, `3 million`;
- `prose`: words around one number, which math-verify reads in prose but not in a box.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("math_corpus.jsonl")

Pair = tuple[str, str, str]


@dataclass(frozen=True)
class Line:
    kind: str
    found: str
    gold: str
    verdict: bool  # math-verify's own
    reason: str = ""  # why `math.equal`'s differs


def corpus() -> list[Line]:
    return [Line(*json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines()]


@contextmanager
def unpatched() -> Iterator[None]:
    """math-verify's own ways, in place of those that a worker gives it."""
    from rewardkit.library import math_grader, math_parser

    math_parser.uninstall()
    math_grader.uninstall()
    try:
        yield
    finally:
        math_parser.install()
        math_grader.install()


def raw_verdict(found: str, gold: str) -> bool:
    """math-verify's own, as its documentation calls it, on answers in boxes."""
    from math_verify import parse, verify

    with unpatched():
        return bool(verify(parse(rf"\boxed{{{gold}}}"), parse(rf"\boxed{{{found}}}")))


def pairs() -> list[Pair]:
    """Every answer against spellings of itself, near misses and other answers of its kind."""
    made: dict[tuple[str, str], str] = {}
    for kind, groups in _kinds():
        rng = random.Random(kind)
        for at, group in enumerate(groups):
            others = [spelling for n, other in enumerate(groups) if n != at for spelling in other]
            for gold in group[:2]:
                for found in group:
                    made.setdefault((found, gold), kind)
                for found in rng.sample(others, min(3, len(others))):
                    made.setdefault((found, gold), kind)
    everything = [group[0] for _, groups in _kinds() for group in groups]
    rng = random.Random("between kinds")
    while sum(kind == "other kinds" for kind in made.values()) < 250:
        found, gold = rng.sample(everything, 2)
        made.setdefault((found, gold), "other kinds")
    return [(kind, found, gold) for (found, gold), kind in made.items()]


def _kinds() -> Iterator[tuple[str, list[list[str]]]]:
    """Kinds of answers: groups of texts that mean the same (or should: math-verify says what is)."""
    yield (
        "whole numbers",
        [
            ["18", "18.0", "18.00", "+18", "018", "$18$", r"\$18", "18.", r"\text{18}", "eighteen", "XVIII"],
            ["-7", "−7", "- 7", "-7.0", "(-7)", "7"],
            ["1234", "1,234", "1{,}234", r"1,\!234", "1 234", "1.234", "12,34"],
            [
                "1000000",
                "1,000,000",
                "10^6",
                "1e6",
                r"1 \times 10^6",
                r"1\text{ million}",
                "10^{6}",
                "1000 000",
            ],
            ["0", "-0", "0.0", "0.00", r"\frac{0}{5}", "zero", r"\emptyset"],
            ["123456789012345678901", "123456789012345678902", "1.23456789012345678901e20"],
            ["2024", "2,024", "2024.0", "2025", "2 024"],
            ["120", "5!", r"5 \cdot 4!", "120!", r"\binom{10}{3}", r"2^3\cdot 15", "60+60"],
        ],
    )
    yield (
        "decimals",
        [
            [
                "0.5",
                ".5",
                "0.50",
                r"\frac{1}{2}",
                "1/2",
                r"\tfrac12",
                "50%",
                r"50\%",
                "0,5",
                "5e-1",
                "0.500001",
            ],
            ["3.14", "3.140", r"\frac{314}{100}", r"\frac{157}{50}", r"\pi", "3.14159", "3.15"],
            [
                "0.333333",
                r"\frac{1}{3}",
                "0.3333333",
                "0.33",
                "0.333",
                r"0.\overline{3}",
                r"0.\dot{3}",
                "1/3",
            ],
            [
                "-2.75",
                r"-\frac{11}{4}",
                r"-2\frac{3}{4}",
                "-2 3/4",
                "2.75",
                r"\frac{-11}{4}",
                r"\frac{11}{-4}",
            ],
            ["12.5", "12.50", "12,5", r"\frac{25}{2}", r"12\frac12", "25/2", "12 1/2", "12.51"],
            ["0.000001", "1e-6", r"10^{-6}", "0.0000011", "0.000002", "0"],
            ["1.41421356", r"\sqrt{2}", "1.414214", "1.4142", "1.41"],
        ],
    )
    yield (
        "fractions",
        [
            [
                r"\frac{3}{4}",
                "3/4",
                r"\dfrac{3}{4}",
                r"\tfrac{3}{4}",
                r"\frac34",
                "0.75",
                r"\frac{6}{8}",
                "75%",
                r"\frac{3}{4}.",
                r"{3}/{4}",
                r"3 \div 4",
                "3:4",
            ],
            [
                r"-\frac{2}{7}",
                r"\frac{-2}{7}",
                r"\frac{2}{-7}",
                "-2/7",
                r"-\dfrac{2}{7}",
                r"\frac{2}{7}",
                "-0.285714",
            ],
            [
                r"2\frac{1}{3}",
                r"\frac{7}{3}",
                "7/3",
                r"2 \frac13",
                "2 1/3",
                "2.333333",
                r"2\tfrac{1}{3}",
                r"\frac{2}{3}",
            ],
            [r"\frac{13}{52}", r"\frac{1}{4}", "1/4", "0.25", "13/52", "25%", r"\frac{1}{4}\%"],
            [r"\frac{100}{3}", "33.333333", "33.3", "33.33", "100/3", r"33\frac{1}{3}", r"33 \frac 1 3"],
            [r"\frac{a}{b}", "a/b", r"\frac{b}{a}", r"ab^{-1}", r"\frac{2a}{2b}", r"\frac{A}{B}"],
            [r"\frac{1}{1+\frac{1}{2}}", r"\frac{2}{3}", "2/3", "0.666667", "0.67"],
        ],
    )
    yield (
        "percentages",
        [
            [
                "18%",
                r"18\%",
                "18 %",
                "18 percent",
                "0.18",
                "18",
                r"18\text{ percent}",
                r"\frac{18}{100}",
                "1.8",
            ],
            ["12.5%", r"12.5\%", "0.125", "12.5", r"\frac{1}{8}", r"12\frac{1}{2}\%", "12.50%"],
            ["100%", "1", "100", r"100\%", "1.0", "0.01"],
            ["0.5%", "0.005", "0.5", r"0.5\%", r"\frac{1}{2}\%", "50%"],
            ["-20%", "-20", "-0.2", r"-20\%", "20%"],
            [r"33\frac{1}{3}\%", r"\frac{1}{3}", "33.33%", "33.333333", "0.333333"],
            ["250%", "2.5", "250", r"\frac{5}{2}"],
        ],
    )
    yield (
        "units",
        [
            [
                "5 cm",
                "5",
                "5cm",
                r"5\text{ cm}",
                r"5\mathrm{cm}",
                r"5\,\text{cm}",
                "5 centimeters",
                "5 m",
                "5 kg",
                r"5 \text{ cm}^2",
                "6 cm",
            ],
            [
                "90^\\circ",
                "90",
                r"90^{\circ}",
                "90°",
                "90 degrees",
                r"90\text{ degrees}",
                r"\frac{\pi}{2}",
                "91",
            ],
            ["60 mph", "60", r"60\text{ miles per hour}", "60 miles/hour", "60 km/h", "60.0"],
            ["12\\text{ apples}", "12", "12 apples", r"12\ \text{apples}", "12 oranges", "13 apples"],
            [
                "3.5 hours",
                "3.5",
                "3.5 h",
                r"3.5\text{ hours}",
                "210 minutes",
                r"3\frac12\text{ hours}",
                "3 hours 30 minutes",
            ],
            [
                r"24\text{ m}^2",
                "24",
                r"24 m^2",
                r"24\text{ square meters}",
                r"24\,\mathrm{m}^2",
                r"24\text{ m}^3",
            ],
            ["25 students", "25", r"25\text{ students}", "25 boys", "25.5"],
            [r"10\text{ km/h}", "10", r"10\,\frac{\text{km}}{\text{h}}", "10 km/h", r"10\ km/h"],
        ],
    )
    yield (
        "currency",
        [
            [
                "\\$18",
                "18",
                "$18",
                "18 dollars",
                r"\$18.00",
                "18.00",
                "€18",
                "£18",
                r"18\$",
                "USD 18",
                "18 cents",
            ],
            ["\\$1,250.50", "1250.50", "1,250.5", r"\$1{,}250.50", "$1250.5", "1250.05"],
            ["-\\$5", "-5", r"\$-5", "-$5", "5"],
            ["\\$0.25", "0.25", "25 cents", r"25¢", r"\frac{1}{4}", "$.25"],
            ["\\$3 million", "3000000", r"\$3,000,000", "3", r"3\times10^6"],
        ],
    )
    yield (
        "scientific",
        [
            [
                r"3 \times 10^8",
                "300000000",
                r"3\cdot 10^8",
                "3e8",
                r"3.0 \times 10^{8}",
                "3E8",
                "300,000,000",
                r"3\times10^7",
            ],
            [
                r"6.02 \times 10^{23}",
                r"6.02\cdot10^{23}",
                "6.02e23",
                "602000000000000000000000",
                r"6.03 \times 10^{23}",
            ],
            [r"1.6 \times 10^{-19}", r"1.6\cdot 10^{-19}", "1.6e-19", "0", r"1.7 \times 10^{-19}"],
            [r"2^{10}", "1024", r"2^{5}\cdot2^5", r"4^5", "2**10", "2^10", "1025", r"32^2"],
            [r"2^{100}", "1267650600228229401496703205376", r"4^{50}", r"2^{99}+2^{99}", r"2^{101}"],
            [r"\frac{1}{2^{99}}", "2^{-99}", r"\frac{1}{2^{98}}", "0", r"\frac{2}{2^{100}}"],
            [r"\frac{1}{2004!}", r"\frac{1}{2006!}", r"\frac{2004}{2004 \cdot 2004!}", "0"],
        ],
    )
    yield (
        "sets",
        [
            [
                r"\{1,2,3\}",
                r"\{3,2,1\}",
                "1,2,3",
                "3, 2, 1",
                "1, 2 and 3",
                r"\{1, 2, 3, 3\}",
                "(1,2,3)",
                "{1,2,3}",
                r"\{1,2\}",
                r"\left\{1,2,3\right\}",
            ],
            [
                r"\{-2, 5\}",
                r"\{5, -2\}",
                "-2, 5",
                "5,-2",
                r"x=-2, x=5",
                r"x=-2 \text{ or } x=5",
                "-2 and 5",
                "x = -2, 5",
                r"\{2, 5\}",
            ],
            [r"\{\frac{1}{2}, 3\}", r"\{0.5, 3\}", r"3, \frac12", r"\{3, 1/2\}", r"\{2, 3\}"],
            [r"\emptyset", r"\varnothing", r"\{\}", r"\text{no solution}", "no solutions", "0"],
            [
                r"\mathbb{R}",
                r"(-\infty,\infty)",
                r"(-\infty, +\infty)",
                r"\text{all real numbers}",
                r"\mathbb{Q}",
                r"\mathbb{Z}",
            ],
            [r"\{\pi, 2\pi\}", r"\pi, 2\pi", r"2\pi,\pi", r"\{\pi\}", r"\{0, \pi\}"],
            [r"\{a, b\}", r"\{b, a\}", "a, b", r"\{a, c\}", "(a, b)"],
            [r"\pm 3", r"3, -3", r"\{-3, 3\}", r"x = \pm 3", "3", r"\pm\sqrt{9}", r"\mp 3"],
            [
                r"1 \pm \sqrt{5}",
                r"1+\sqrt{5}, 1-\sqrt{5}",
                r"\{1-\sqrt5, 1+\sqrt5\}",
                r"1+\sqrt{5}",
                r"1 \pm \sqrt{6}",
            ],
        ],
    )
    yield (
        "intervals",
        [
            [
                "[1,2)",
                r"\left[1,2\right)",
                "[1, 2)",
                r"1 \le x < 2",
                r"x \in [1,2)",
                "[1,2]",
                "(1,2)",
                "(1,2]",
                "[1.0,2)",
            ],
            [
                r"(-\infty, 3)",
                "x < 3",
                r"(-\infty,3)",
                r"x \in (-\infty, 3)",
                "(-oo, 3)",
                r"(-\infty, 3]",
                r"(3, \infty)",
                "3 > x",
            ],
            [
                r"[0, \infty)",
                r"x \ge 0",
                r"x \geq 0",
                r"0 \le x",
                r"\left[0,+\infty\right)",
                r"(0,\infty)",
                r"x>0",
            ],
            [
                r"(\frac{1}{2}, \frac{3}{2})",
                "(0.5, 1.5)",
                r"\left(\frac12,\frac32\right)",
                "(1/2, 3/2)",
                r"[\frac12, \frac32]",
                r"\frac12<x<\frac32",
            ],
            ["(-1, 1)", r"-1 < x < 1", r"|x| < 1", r"\{x : -1<x<1\}", "(1,-1)", "[-1,1]", r"x^2<1"],
            [
                r"[-2\sqrt{3}, 2\sqrt{3}]",
                r"[-\sqrt{12}, \sqrt{12}]",
                r"[-3.464102, 3.464102]",
                r"(-2\sqrt{3}, 2\sqrt{3})",
            ],
        ],
    )
    yield (
        "unions",
        [
            [
                r"(-\infty,-1)\cup(1,\infty)",
                r"(1,\infty)\cup(-\infty,-1)",
                r"x<-1 \text{ or } x>1",
                r"(-\infty,-1) \cup (1,+\infty)",
                r"(-\infty,-1]\cup[1,\infty)",
                r"\mathbb{R}\setminus[-1,1]",
            ],
            [r"[0,1]\cup[2,3]", r"[2,3]\cup[0,1]", r"[0,1]\cup\left[2,3\right]", "[0,3]", r"[0,1]\cap[2,3]"],
            [r"(0,1)\cup\{2\}", r"\{2\}\cup(0,1)", "(0,1)", r"(0,2)"],
            [r"(-2,0)\cup(0,2)", r"(-2,2)\setminus\{0\}", r"(0,2)\cup(-2,0)", "(-2,2)"],
            [r"[1,2]\cap[2,3]", r"\{2\}", "2", "[1,3]"],
        ],
    )
    yield (
        "tuples",
        [
            [
                "(1,2)",
                "(1, 2)",
                r"\left(1,2\right)",
                "1,2",
                "(2,1)",
                "[1,2]",
                r"\langle 1,2\rangle",
                "x=1, y=2",
                r"(1.0, 2)",
                r"\{1,2\}",
            ],
            ["(2,1)", "(2, 1)", "2,1", "(1,2)", r"(2, \frac{2}{2})", r"\left( 2, 1 \right)", "x=2,y=1"],
            ["(3,-1,0)", "(3, -1, 0)", r"\left(3,-1,0\right)", "3,-1,0", "(0,-1,3)", r"\{3,-1,0\}", "(3,-1)"],
            [
                r"(\sqrt{2}, \pi)",
                r"(2^{1/2}, \pi)",
                r"(\pi,\sqrt{2})",
                "(1.414214, 3.141593)",
                r"\left(\sqrt2,\pi\right)",
            ],
            ["(x, y)", "(y, x)", "(x,y)", "xy", "(x+0, y)"],
            [r"(1,2),(3,4)", r"(3,4),(1,2)", r"\{(1,2),(3,4)\}", "(1,2) and (3,4)", r"(1,2), (4,3)"],
            [
                r"\left(\frac{3}{5}, -\frac{4}{5}\right)",
                "(0.6, -0.8)",
                r"(3/5,-4/5)",
                r"(\frac{3}{5},\frac{4}{5})",
            ],
        ],
    )
    yield (
        "matrices and vectors",
        [
            [
                r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
                r"\begin{bmatrix}1&2\\3&4\end{bmatrix}",
                r"\left[\begin{matrix}1&2\\3&4\end{matrix}\right]",
                r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
                r"\begin{pmatrix}1&3\\2&4\end{pmatrix}",
                r"\begin{pmatrix}1.0&2\\3&4\end{pmatrix}",
                "[[1,2],[3,4]]",
            ],
            [
                r"\begin{pmatrix}1\\-2\\3\end{pmatrix}",
                r"\begin{bmatrix}1\\-2\\3\end{bmatrix}",
                "(1,-2,3)",
                r"\langle 1,-2,3\rangle",
                r"\begin{pmatrix}1&-2&3\end{pmatrix}",
                r"\begin{pmatrix}1\\2\\3\end{pmatrix}",
                r"\hat{i}-2\hat{j}+3\hat{k}",
            ],
            [
                r"\begin{pmatrix}\frac12&0\\0&\frac12\end{pmatrix}",
                r"\frac12\begin{pmatrix}1&0\\0&1\end{pmatrix}",
                r"\begin{pmatrix}0.5&0\\0&0.5\end{pmatrix}",
                r"\frac12 I",
            ],
            [
                r"\begin{pmatrix}x&y\\0&1\end{pmatrix}",
                r"\begin{pmatrix}x&y\\0&2\end{pmatrix}",
                r"\begin{bmatrix}x&y\\0&1\end{bmatrix}",
                r"\begin{pmatrix}x+0&y\\0&1\end{pmatrix}",
            ],
            [r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2", r"\det\begin{pmatrix}1&2\\3&4\end{pmatrix}", "2"],
            [r"3\vec{i}+4\vec{j}", r"4\vec{j}+3\vec{i}", r"3\mathbf{i}+4\mathbf{j}", "(3,4)"],
        ],
    )
    yield (
        "equations",
        [
            ["x=5", "x = 5", "5", "5=x", "y=5", "x=5.0", "2x=10", r"x=\frac{10}{2}", "x-5=0", "x:=5"],
            ["y=2x+3", "y = 3+2x", "2x+3", "2x-y+3=0", "y-2x=3", "f(x)=2x+3", "2y=4x+6", "y=2x-3"],
            [
                "x^2+y^2=25",
                "y^2+x^2=25",
                "x^2+y^2-25=0",
                "25=x^2+y^2",
                "2x^2+2y^2=50",
                "x^2+y^2=5^2",
                "x^2+y^2=26",
            ],
            ["3x-y+13=0", "3x+4y+14=0", "y=3x+13", "3x-y=-13", "-3x+y-13=0", "6x-2y+26=0"],
            ["x^2+1=0", "x^2+2=0", "x^2=-1", r"x=\pm i"],
            ["x^2=4", r"x=\pm2", "2x^2=8", "x^2-4=0", "|x|=2", "x=2"],
            ["f(x)=x^2", "x^2", "f(x)=x\\cdot x", "g(x)=x^2", "f(t)=t^2", "f(x)=x^3"],
            ["16-3=13", "13", "13=13", "16-3", "9=13", "13=9"],
            ["a=b", "b=a", "a-b=0", "a=c", "a"],
            [
                r"\frac{x^2}{9}+\frac{y^2}{4}=1",
                r"\frac{y^2}{4}+\frac{x^2}{9}=1",
                "4x^2+9y^2=36",
                r"\frac{x^2}{4}+\frac{y^2}{9}=1",
            ],
        ],
    )
    yield (
        "systems",
        [
            [
                "x=1,y=2",
                "x=1, y=2",
                "y=2,x=1",
                "(1,2)",
                r"x=1 \text{ and } y=2",
                "x=2,y=1",
                r"\begin{cases}x=1\\y=2\end{cases}",
                "1,2",
            ],
            ["a=2,b=3,c=4", "a=2, b=3, c=4", "c=4,b=3,a=2", "(2,3,4)", "2,3,4", "a=2,b=3,c=5"],
            ["x+y=3, x-y=1", "x-y=1, x+y=3", "x=2,y=1", "x+y=3, x-y=2"],
            ["m=-1, n=4", "m = -1, n = 4", "n=4, m=-1", "(-1,4)", "m=1, n=4"],
        ],
    )
    yield (
        "inequalities",
        [
            ["x>2", "2<x", "x > 2", r"x \gt 2", "2x>4", "x-2>0", r"(2,\infty)", r"x\ge2", "x<2", "y>2"],
            [r"x \le -3", r"-3 \ge x", r"x \leq -3", r"(-\infty,-3]", "x<=-3", "x<-3", r"x\leqslant -3"],
            [
                r"1 < x < 2",
                "(1,2)",
                r"2 > x > 1",
                r"1<x<2",
                r"x>1, x<2",
                r"1 \le x \le 2",
                r"1 < x \text{ and } x < 2",
            ],
            [
                r"x < -1 \text{ or } x > 1",
                r"|x|>1",
                r"x>1 \text{ or } x<-1",
                r"(-\infty,-1)\cup(1,\infty)",
                "x<-1, x>1",
            ],
            [r"a \ne 0", r"a \neq 0", r"0\ne a", "a=0", r"a \ne 1"],
            [
                r"0 \le \theta \le \pi",
                r"[0,\pi]",
                r"\theta \in [0,\pi]",
                r"0<\theta<\pi",
                r"0 \leq \theta \leq \pi",
            ],
            [r"k \geq \frac{1}{4}", r"k \ge 0.25", r"[\frac14,\infty)", r"4k \ge 1", r"k > \frac14"],
        ],
    )
    yield (
        "expressions",
        [
            ["2x+3", "3+2x", "2(x+1.5)", "2x + 3", r"2\cdot x+3", "2x-3", "2y+3", "3x+2", "x+x+3"],
            ["(x+1)^2", "x^2+2x+1", "(1+x)^2", "(x+1)(x+1)", "x^2+1", "(x-1)^2", "(x+1)^{2}"],
            ["x^2-y^2", "(x-y)(x+y)", "-(y^2-x^2)", "(x-y)^2", "x^2+y^2"],
            [
                r"\frac{x+1}{x-1}",
                "(x+1)/(x-1)",
                r"1+\frac{2}{x-1}",
                r"\frac{1+x}{x-1}",
                r"\frac{x-1}{x+1}",
                r"-\frac{x+1}{1-x}",
            ],
            ["ab+ac", "a(b+c)", "ac+ab", "a(b-c)", "ba+ca"],
            ["3x^2y", "3yx^2", r"3\cdot x^2\cdot y", "3xy^2", "x^2(3y)"],
            [
                r"n(n+1)/2",
                r"\frac{n(n+1)}{2}",
                r"\frac{n^2+n}{2}",
                r"\binom{n+1}{2}",
                r"\frac{n(n-1)}{2}",
                r"\frac12 n^2+\frac12 n",
            ],
            ["x^{-1}", r"\frac{1}{x}", "1/x", "x", r"\frac{x}{x^2}"],
            [r"2^{n+1}-1", r"2\cdot2^n-1", r"2^{n+1}", r"-1+2^{n+1}", r"2^n-1"],
            ["a_1+a_2", "a_2+a_1", "a_{1}+a_{2}", "a_1+a_3", "a+a"],
            [r"\alpha+\beta", r"\beta+\alpha", r"\alpha-\beta", "a+b"],
            ["xyz", "zyx", r"x\cdot y\cdot z", "xy", "x y z"],
            ["x^3-6x^2+11x-6", "(x-1)(x-2)(x-3)", "x^3-6x^2+11x+6", "-6+11x-6x^2+x^3"],
        ],
    )
    yield (
        "roots",
        [
            [
                r"2\sqrt{3}",
                r"\sqrt{12}",
                r"2 \sqrt 3",
                r"2\sqrt3",
                "2sqrt(3)",
                "2*sqrt(3)",
                r"2\cdot 3^{1/2}",
                "3.464102",
                r"3\sqrt{2}",
                r"2\sqrt{5}",
                "2√3",
            ],
            [
                r"\frac{\sqrt{2}}{2}",
                r"\frac{1}{\sqrt{2}}",
                r"\sqrt{\frac12}",
                r"\sqrt{0.5}",
                "0.707107",
                r"\frac{\sqrt{3}}{2}",
                r"\sqrt2/2",
                r"2^{-1/2}",
            ],
            [r"\sqrt[3]{2}", r"2^{1/3}", r"2^{\frac{1}{3}}", r"\sqrt{2}", r"\sqrt[3]{3}", "1.259921"],
            [r"1+\sqrt{5}", r"\sqrt{5}+1", r"\sqrt5+1", r"1-\sqrt{5}", "3.236068", r"\frac{4}{\sqrt5-1}"],
            [r"4\sqrt{2}", r"4\sqrt(2)", "4", r"\sqrt{32}", r"4 \sqrt{2}", r"8\cdot\frac{1}{\sqrt{2}}"],
            [r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}", r"\sqrt{2}+1", r"\sqrt{3-2\sqrt{2}}", "2.414214"],
            [r"\sqrt{x^2}", "x", "|x|", r"\sqrt{x}^2", "-x"],
            [
                r"\frac{1+\sqrt{5}}{2}",
                r"\frac{\sqrt5+1}{2}",
                "1.618034",
                r"\phi",
                r"\frac{1-\sqrt{5}}{2}",
                r"0.5+0.5\sqrt{5}",
            ],
            [r"5\sqrt{13}", r"\sqrt{325}", r"6\sqrt{13}", "18.027756", r"\sqrt{13}\cdot5"],
        ],
    )
    yield (
        "logarithms and exponentials",
        [
            [r"\ln 2", r"\ln(2)", r"\log_e 2", r"\ln{2}", "0.693147", r"\log 2", r"\ln 3", r"\frac12\ln 4"],
            [r"\log_2 8", "3", r"\log_{2}{8}", r"\frac{\ln 8}{\ln 2}", r"\log_2 9"],
            [r"e^2", r"e^{2}", r"\exp(2)", "7.389056", r"e \cdot e", r"e^3", r"\mathrm{e}^2"],
            [r"\ln x + \ln y", r"\ln(xy)", r"\ln y+\ln x", r"\ln(x+y)"],
            [r"\log_{10} 1000", "3", r"\lg 1000", r"\log 1000"],
            [r"2e^{3x}", r"2\cdot e^{3x}", r"2\exp(3x)", r"e^{3x}", r"2e^{x}e^{2x}"],
            [r"\frac{\ln 3}{\ln 2}", r"\log_2 3", "1.584963", r"\frac{\log 3}{\log 2}", r"\ln\frac{3}{2}"],
        ],
    )
    yield (
        "trigonometry",
        [
            [r"\sin x", r"\sin(x)", r"\sin{x}", "sin(x)", r"\cos x", r"\cos(\frac{\pi}{2}-x)", r"\sin y"],
            [r"\sin^2 x+\cos^2 x", "1", r"\cos^2x+\sin^2x", r"\sin x^2+\cos x^2"],
            [r"\sin 60^\circ", r"\frac{\sqrt{3}}{2}", r"\sin\frac{\pi}{3}", r"\sin(60^\circ)", "0.866025"],
            [r"2\sin x\cos x", r"\sin 2x", r"\sin(2x)", r"2\cos x\sin x", r"\cos 2x"],
            [
                r"\frac{\pi}{6}",
                r"\pi/6",
                r"30^\circ",
                "0.523599",
                r"\frac{1}{6}\pi",
                r"\frac{\pi}{3}",
                r"\arcsin\frac12",
            ],
            [r"\tan\frac{\pi}{4}", "1", r"\tan 45^\circ", r"\frac{\sin x}{\cos x}"],
            [r"\arctan 2", r"\tan^{-1} 2", r"\tan^{-1}(2)", "1.107149", r"\arctan 3"],
            [
                r"\frac{\pi}{4}+k\pi",
                r"k\pi+\frac{\pi}{4}",
                r"\frac{\pi}{4}+n\pi",
                r"\frac{(4k+1)\pi}{4}",
                r"\frac{\pi}{4}",
            ],
            [r"2\pi", r"\pi\cdot2", "6.283185", r"2 \pi", "6.28", r"\tau", r"3\pi", "2*pi"],
        ],
    )
    yield (
        "complex numbers",
        [
            ["3+4i", "4i+3", "3 + 4i", r"3+4\mathrm{i}", "3-4i", "3+4j", "(3,4)", r"3+4\cdot i", "5"],
            ["i^2", "-1", r"i\cdot i", "1", "-i^4"],
            [r"\frac{1+i}{2}", r"\frac12+\frac12 i", "0.5+0.5i", r"\frac{1}{1-i}", r"\frac{1-i}{2}"],
            [
                r"e^{i\pi/3}",
                r"\frac12+\frac{\sqrt3}{2}i",
                r"\cos\frac{\pi}{3}+i\sin\frac{\pi}{3}",
                r"e^{i\pi/4}",
            ],
            [r"\sqrt{-4}", "2i", r"\pm2i", "-2i", "2"],
            ["-2i", "-2 i", r"-2\cdot i", "2i", "0-2i"],
            [r"|3+4i|", "5", r"\sqrt{25}", "7"],
        ],
    )
    yield (
        "text answers",
        [
            [
                r"\text{Tuesday}",
                "Tuesday",
                "tuesday",
                r"\textbf{Tuesday}",
                "Monday",
                r"\text{Tuesday.}",
                r"\mathrm{Tuesday}",
            ],
            [r"\text{even}", "even", "Even", "odd", r"\text{Even}", r"\textit{even}", "neither"],
            [r"\text{Yes}", "Yes", "yes", "No", r"\text{yes}", "YES", "true"],
            [r"\text{parabola}", "parabola", "a parabola", "hyperbola", "Parabola"],
            [
                r"\text{does not exist}",
                "does not exist",
                "DNE",
                r"\text{DNE}",
                r"\infty",
                "undefined",
                r"\text{undefined}",
            ],
            ["Alice", r"\text{Alice}", "Bob", "alice", r"\text{Alice and Bob}"],
            ["ellipse", r"\text{ellipse}", r"\text{Ellipse}", "circle"],
            [r"\infty", "infinity", r"+\infty", r"-\infty", "∞", "inf", r"\text{infinity}"],
        ],
    )
    yield (
        "multiple choice",
        [
            [
                "A",
                "(A)",
                r"\text{A}",
                r"\text{(A)}",
                "a",
                r"\textbf{(A)}",
                "A.",
                "B",
                "A)",
                r"\mathrm{A}",
                r"\textbf{(A)}\ 5",
            ],
            ["B", "(B)", r"\text{B}", "b", "C", "(C)", r"\text{(B)}", "8"],
            ["C", r"\textbf{C}", "D", "AC", "A, C", "(C)"],
            ["D", r"\text{(D)}", "E", "(E)", "Dd"],
            ["E", r"\text{E}", "e", "(E)", "F", "2.718282"],
            ["A, C", "C, A", r"\text{A, C}", r"\{A, C\}", "AC", "A and C", "A, B"],
        ],
    )
    yield (
        "dates and times",
        [
            ["12:00", r"12\!:\!00", r"\text{12:00}", "1:00", "12:00 pm", r"12:00\text{ p.m.}", "noon", "12"],
            ["3:30 pm", r"3:30\text{ PM}", r"3:30\text{ p.m.}", "3:45 pm", "15:30", "3:30 am", "3:30"],
            [r"\text{March 5}", "March 5", "March 6", "5 March", r"\text{March 5th}", "5"],
            [
                "2 hours 20 minutes",
                r"2\text{ hours }20\text{ minutes}",
                "3 hours 20 minutes",
                "140 minutes",
                "2:20",
                "140",
            ],
            ["1999", r"\text{1999}", "in 1999", "2000", "1999 AD"],
        ],
    )
    yield (
        "ratios",
        [
            ["3:4", r"\frac{3}{4}", "3 : 4", "3/4", "6:8", "4:3", r"3\text{ to }4", "0.75"],
            ["1:2:3", "1 : 2 : 3", "2:4:6", "1:2", "3:2:1"],
            [r"\sqrt{2}:1", r"\sqrt2 : 1", r"\sqrt{2}", r"1:\sqrt{2}"],
        ],
    )
    yield (
        "calculus",
        [
            [r"\frac{x^3}{3}+C", r"\frac13x^3+C", r"C+\frac{x^3}{3}", r"\frac{x^3}{3}", r"\frac{x^3}{3}+c"],
            [r"\int_0^1 x dx", r"\frac12", "0.5", r"\int_0^1 x\,dx", r"\int_0^2 x dx"],
            [r"\lim_{x\to0}\frac{\sin x}{x}", "1", "0"],
            [r"\sum_{i=1}^{10} i", "55", r"\frac{10\cdot 11}{2}", "45"],
            [r"\frac{dy}{dx}", r"\frac{dx}{dy}", "y'", r"\frac{d}{dx}y"],
            [r"3x^2", r"\frac{d}{dx}x^3", r"3\cdot x^2", "2x^3"],
            [r"\prod_{k=1}^5 k", "120", "5!", "24"],
        ],
    )
    yield (
        "counting and number theory",
        [
            [r"\binom{5}{2}", "10", r"{5 \choose 2}", r"\frac{5!}{2!3!}", r"C(5,2)", r"\binom{5}{3}", "20"],
            [r"2^3\cdot3^2", "72", r"2^3 \times 3^2", r"8\cdot9", "3^2\\cdot2^3", "6^2"],
            ["101_2", "101_{2}", "5", "101", r"101_{\text{two}}", "110_2"],
            [r"7 \bmod 4", "3", r"7\mod 4", "7"],
            [r"\lfloor 3.7 \rfloor", "3", r"\lceil 2.1\rceil", "4"],
            [r"|{-5}|", "5", "|5|", "-5", r"\left|-5\right|"],
            [r"\gcd(12,18)", "6", r"\text{gcd}(12,18)", "36"],
        ],
    )
    yield (
        "slips of LaTeX",
        [
            [r"\frac{1}{", r"\frac{1}{2}", r"\frac{1}{2", "1/2", "1"],
            [r"\frac12x", r"\frac{1}{2}x", r"\frac{x}{2}", "x/2", r"\frac{1}{2x}"],
            [r"5\ ", "5", "5~", r"5\,", r"5\quad", r"5\;", "5 .", r"\ 5"],
            [
                r"\displaystyle\frac{1}{3}",
                r"\frac{1}{3}",
                r"{\frac{1}{3}}",
                r"\left(\frac{1}{3}\right)",
                r"\left\frac{1}{3}\right",
            ],
            ["10^10", "10^{10}", "10000000000", r"10^{1}0", "100"],
            [r"x^{10}", "x^10", r"x^1 0", "x^{1}0"],
            [
                r"\mathbf{7}",
                "7",
                r"\mathit{7}",
                r"\textbf{7}",
                r"\color{red}7",
                "**7**",
                "*7*",
                "`7`",
                r"\underline{7}",
            ],
            [r"18 \\ 19", "18", "19", r"18, 19"],
            [r"4\,\sqrt 2", r"4\sqrt{2}", r"4\sqrt 2", r"4 \surd 2"],
            ["", "0", " ", r"\ "],
            [r"\boxed{9}", "9", r"\fbox{9}", r"\boxed{\boxed{9}}"],
        ],
    )
    yield (
        "prose around",
        [
            [
                "The answer is 18",
                "18",
                "the answer is $18$",
                "18 eggs",
                "It is 18.",
                "so x = 18",
                "about 18",
                "The answer is 19",
            ],
            [
                "x = 5 is the solution",
                "5",
                "x=5",
                r"x=5 \text{ is the solution}",
                r"x = 5 \text{ only}",
                "x=6",
            ],
            ["approximately 3.14", "3.14", r"\approx 3.14", r"\pi \approx 3.14", "3.1"],
            ["12 inches or 1 foot", "12", "1", "12 inches", "1 foot"],
            [r"n = 7 \text{ (since } n>0)", "7", "n=7", "-7"],
            ["between 3 and 4", "3.5", "(3,4)", "3 and 4", "3, 4"],
            ["half", r"\frac12", r"\text{half}", "one half", "0.5"],
        ],
    )


def _line(kind: str, found: str, gold: str) -> list[str | bool]:
    from rewardkit.library.math_answer import is_prose
    from rewardkit.library.math_fast import same_words
    from rewardkit.library.math_worker import equal

    verdict = raw_verdict(found, gold)
    line: list[str | bool] = [kind, found, gold, verdict]
    if equal(found, gold) != verdict:
        prose = is_prose(found) or is_prose(gold)
        line.append("words" if same_words(found, gold) else "prose" if prose else "spelling")
    return line


def _update() -> None:
    lines = [json.dumps(_line(*pair), ensure_ascii=False) for pair in pairs()]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} pairs")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        _update()
    else:
        print("`--update` makes the pairs anew and asks math-verify for its verdicts", file=sys.stderr)
