"""A LaTeX command that begins with an escape: `\\t` is a tab and `\\n` a new line in a plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.syntax import texts
from rewardkit.diagnostics import Edit, Fix, Span
from rewardkit.language import tree as t

#: commands that begin with `t` and `n`, without those that are common English behind the letter (`\\ni`)
_COMMANDS = (
    "tan", "tanh", "tau", "tbinom", "text", "textbf", "textit", "textrm", "texttt", "tfrac", "theta",
    "therefore", "tilde", "times", "to", "top", "triangle", "triangleq", "nabla", "ne", "nearrow", "neg",
    "neq", "newline", "nexists", "ngeq", "nleq", "nmid", "not", "notin", "nsubseteq", "nu",
)  # fmt: skip
#: any escape, so that `\\\\times` is read as a backslash and a word
_ESCAPE = re.compile(rf"\\(?:({'|'.join(_COMMANDS)})(?![A-Za-z])|.)", re.DOTALL)


def find(module: t.Module) -> Iterator[Finding]:
    for text in texts(module):
        written = text.span.text
        if not written.startswith('"') or written.startswith('"""'):
            continue
        for match in _ESCAPE.finditer(written):
            if match[1]:
                yield _hidden(text.span, match.start(), match[1])


def _hidden(span: Span, offset: int, command: str) -> Finding:
    what = "a tab" if command[0] == "t" else "a new line"
    place = span.inside(offset, len(command) + 1)
    return Finding(
        f"`\\{command}` is {what} and `{command[1:]}` here",
        place,
        f'write `\\\\{command}`, or a raw text: `r"…\\{command}…"`',
        fix=Fix(f"write `\\\\{command}`", (Edit(place, f"\\\\{command}"),)),
    )


LINT = Lint("RK1007", "hidden-escape", find, on_any_file=True)
