r"""`math.*`: answers read out of text, and math-verify's verdict on two of them."""

from __future__ import annotations

from rewardkit.library.math_answer import answer, boxed, number
from rewardkit.library.math_fast import fast_equal
from rewardkit.types.function import Example, Function, Parameter
from rewardkit.types.types import BOOL, REAL, TEXT

_BOXED = Function(
    name="math.boxed",
    parameters=(Parameter("x", TEXT),),
    result=TEXT.nullable,
    summary="content of the last complete `\\boxed{...}`",
    executor="inline",
    implementation=boxed,
    fails="null where there is no complete box",
    examples=(Example(r'math.boxed("so \\boxed{\\frac{1}{2}}")', r"\frac{1}{2}"),),
    doc=r"""
Braces are balanced; escaped braces (`\{`, `\}`) do not count. `\fbox` counts like `\boxed`. Of nested
boxes the inner one is taken, and a box that is never closed is ignored. Where no box has braces,
`\boxed 5` gives `5` (up to white space or `$`).
""",
)

_ANSWER = Function(
    name="math.answer",
    parameters=(Parameter("x", TEXT),),
    result=TEXT.nullable,
    summary='the final answer of a solution: box, `####`, "the answer is", or last number',
    executor="inline",
    implementation=answer,
    fails="null where the text holds no number and announces no answer",
    examples=(
        Example(r'math.answer("2 + 2 = 4, so \\boxed{4}.")', "4"),
        Example('math.answer("She has 3 left. The answer is $1,234.50.")', "1234.50"),
        Example('math.answer("16 - 3 = <<16-3=13>>13 eggs")', "13"),
    ),
    doc=r"""
The first of these that gives an answer:

1. The last complete box (see `math.boxed`), unless it is empty.
2. What follows the last `####` on its line, where that is an answer and nothing else.
3. What follows a cue, the last cue first: `the answer is`, `answer:`, `answer =`, `the answer to … is`
   (any case), or `A:` at the start of a line; `is not 4` is no cue. If the line ends there, the next line
   that is not blank is read. Taken is
   - a formula in `$…$`, `\(…\)` or `\[…\]` at its start;
   - else all of it (or its first sentence) where that is an expression, a choice such as `(B)`, or a
     number with a unit;
   - else the number it starts with, unless that begins a calculation;
   - else what follows the sentence's last `=`, where that is an answer and nothing else;
   - else, after `is`, the sentence's first number; after `:`, the line's last number, provided the line
     is one sentence (otherwise a solution follows, and step 4 finds its end);
   - else the words themselves, up to four of them (`Tuesday`).
4. The last number of the text, as the whole formula where it stands in a short one.

Calculator annotations (`<<16-3=13>>`) are skipped in 3 and 4. In 3 and 4 `x = 5` gives the right side;
lists, systems and inequalities stay whole.

Then the answer is tidied: emphasis, `$…$` around it, a final period, currency signs, thousands
separators and the unit after a number go (`**$1,234.00**.` is `1234.00`, `5 cm` is `5`); `%`, and words
that scale (`1.5 million`), stay.

A solution is read by these rules, not understood: one that names several answers gets the one they find,
and step 4 takes the last number whatever is said of it (`it is not 4` gives `4`). Ask for a box in the
prompt where that matters.
""",
)

_NUMBER = Function(
    name="math.number",
    parameters=(Parameter("x", TEXT),),
    result=REAL.nullable,
    summary="a plain number in text, as a real",
    executor="inline",
    implementation=number,
    fails="null where the text is not a plain number",
    examples=(Example('math.number("-1,234.5")', -1234.5), Example('math.number("3/4")', 0.75)),
    doc=r"""
The whole text, apart from white space around it, must be one number: a sign, a currency sign, digits with
or without thousands separators (`1,234`, `10{,}000`), a decimal point, an exponent (`1e5`). `3/4` is 0.75
and `50%` is 0.5. Anything else is null: LaTeX, units, other digits than 0 to 9, a zero denominator, a
value beyond the range of a real, a text of more than 200 characters.
""",
)

_EQUAL = Function(
    name="math.equal",
    parameters=(
        Parameter("found", TEXT),
        Parameter("gold", TEXT),
        Parameter("strict", BOOL, False, constant=True),
    ),
    result=BOOL,
    summary="whether an answer equals the gold answer, as math-verify decides",
    executor="worker",
    implementation="rewardkit.library.math_worker:equal",
    faults=True,
    fails="a fault where the gold answer takes more than 3 s to compare or more memory than a worker may use",
    cost="heavy",
    deadline=3.0,
    examples=(
        Example(r'math.equal("0.5", "\\frac{1}{2}")', True),
        Example('math.equal("18.00", "18")', True),
        Example('math.equal("5", "18")', False),
        Example('math.equal("18%", "18", strict: true)', False),
    ),
    doc=r"""
[math-verify](https://github.com/huggingface/Math-Verify)'s verdict, with the gold answer as its gold:
the order matters (the gold `(1, 2)` does not accept `1 < x < 2`, which would let a model restate the
question).

1. Texts that are equal apart from spacing, a box and punctuation around them, `\text{…}` and, in prose,
   case, are equal. Two empty texts are not. So `18!` and `18?` are the gold answer `18`, as a sentence would
   end; where the gold answer is a factorial (`5!`), its mark counts.
2. A gold answer in words that holds no number, or several (`Tuesday`, `2 hours 20 minutes`), equals
   nothing else. This is also what happens to a gold answer that cannot be parsed: it is compared as
   text, never a fault.
3. Otherwise both are parsed and compared: as numbers (6 decimal places where one is a float, so `0.333333`
   is `1/3`), symbolically, as sets, intervals, tuples, matrices, equations.

Answers may stand in `$…$`, `\(…\)`, `\[…\]` or `\boxed{…}`, or bare: a bare expression is read as if it
stood in a box (`\frac{1}{2}`, `2x+3`, `1,234`), and so are spellings that math-verify does not read there:
`x**2`, `1e5`, `1 234`, `1 1/2`, `$18`, `3 million`, `sin(x)`, `√2`. In prose math-verify looks for the
answer itself. Of a text of more than 10,000 characters only the last box is read. For a whole solution use
`math.answer` or `math.boxed` first.

math-verify is lenient, and so is this function unless it is told to be `strict: true`. Then these differ:

- `1/2004!` and `1/2006!`, `1/2^{99}` and `1/2^{98}`: numbers are compared to 60 digits, however small;
- `0.333333` and `1/3`, `1.414214` and `\sqrt{2}`: a decimal is the number it spells (`0.5` is still `1/2`);
- `18%` and `18`: a percentage is hundredths (`18%` is still `0.18`);
- `5 kg` and `5 cm`, `3:30 am` and `3:30 pm`, `€18` and `$18`: two units (`5 cm` is still `5`);
- `x^2+1=0` and `x^2+2=0`: two equations without a solution;
- `9 = 1` and `1`: both sides of an equation between values count (`16 - 3 = 13` is still `13`);
- `1, 2` and the gold answer `(1, 2)`, `2` and `\{2\}`: a set is no tuple, nor a number;
- `$4\sqrt(2)$` and `4`: math-verify stops reading where it does not understand, without a word;
- `It is 18.` and `18`, `5` and the gold answer `March 5`: words equal words (`18 eggs` is still `18`).

`strict` never makes an answer right. With it and without, `A` is `a`, the order in `1, 2` does not matter,
`(1, 2)` may be a point or an open interval, `12:30` is a ratio, and `x = 5` is `5`.

An answer that takes more than 3 s or more memory than a worker has is not equal: math-verify gives up on it
too. Where the gold answer by itself takes as long, or the machine was too busy to say, the call is a fault.
An answer that is a power or factorial of tens of millions of digits (`9^{9^{9^9}}`) is not computed: it is
not equal, unless the gold answer is of that kind too, which then takes its 3 s and is a fault.
""",
    extra={"fast": fast_equal, "overdue": "rewardkit.library.math_worker:overdue"},
)

FUNCTIONS = (_BOXED, _ANSWER, _NUMBER, _EQUAL)
