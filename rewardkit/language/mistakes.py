"""Mistakes that people make in a new language, each with what to write here instead.

Every function looks at one kind of mistake and answers it, or returns `None`. They are tried in order.
"""

from __future__ import annotations

import difflib
import re

from rewardkit.diagnostics import Label, Span
from rewardkit.language.sketch import KEYWORDS, STATEMENTS, closing
from rewardkit.language.spelling import (
    NO_OPERATOR,
    number_mistake,
    open_path_mistake,
    sign_mistake,
    text_mistake,
)
from rewardkit.language.syntax_errors import FORMS, Answer, Spot, either, short

#: words that open statements elsewhere, and ours
_OPENERS = {
    "var": "let", "const": "let", "val": "let", "set": "let", "define": "let", "metric": "term",
    "component": "term", "score": "term", "import": "use", "include": "use", "from": "use",
    "function": "def", "func": "def", "fn": "def", "weights": "reward", "weight": "reward",
    "rewards": "reward", "total": "reward", "return": "reward", "column": "input", "field": "input",
    "parameter": "param", "arg": "param", "option": "param", "filter": "skip", "drop": "skip",
    "ignore": "skip", "assert": "prove", "check": "prove", "claim": "prove", "require": "prove",
    "normalizer": "advantage", "normalize": "advantage", "normalise": "advantage", "version": "language",
    "external": "extern", "case": "test", "describe": "test",
}  # fmt: skip

#: statements of ours that are not there yet, and what to do without them
_NOT_YET = {
    "use": "write what you need into this file",
    "def": "name the value with `let name = value`",
    "extern": "bring its values as a column, `input name: type`",
    "prove": "expect it of a sample, in a `test`",
}

_IN_TESTS = ("sample", "group", "mock", "expect", "rows")


def known_mistake(spot: Spot) -> Answer | None:
    for look in _LOOKS:
        answer = look(spot)
        if answer is not None:
            return answer
    return None


# --- brackets --------------------------------------------------------------------------------------


def _bracket(spot: Spot) -> Answer | None:
    if spot.text not in (")", "]", "}") or spot.kind == "":
        return None
    if spot.word(-1).text == ",":
        return Answer(f"no `,` is needed before `{spot.text}`", "leave it out", spot.place(spot.word(-1)))
    if not spot.open:
        return Answer(f"`{spot.text}` closes nothing", "leave it out")
    bracket = spot.open[-1]
    half_open = bracket.text in "([" and spot.text in ")]" and spot.wants_value  # of a range
    if closing(bracket.text) == spot.text or half_open:
        return None
    return Answer(
        f"`{bracket.text}` is closed by `{spot.text}`",
        f"write `{closing(bracket.text)}`",
        labels=(Label(spot.place(bracket), "opened here"),),
    )


def _dictionary(spot: Spot) -> Answer | None:
    if spot.text == "{" and spot.wants_value:
        return Answer("`{` does not begin a value", 'structured values are JSON in a text: `"""{"a": 1}"""`')
    return None


# --- operators -------------------------------------------------------------------------------------


def _equals(spot: Spot) -> Answer | None:
    if spot.text != "=":
        return None
    name, at = spot.word(-1).text, spot.span.start
    words = spot.sketch.words[spot.sketch.index(spot.start) : spot.index]
    if spot.form == "input" and "$END" in spot.accepts and len(words) > 3:
        end = next((w.start for w in words if w.text in ("in", "from", "per")), at)
        type_ = spot.source.text[words[3].start : end].strip().rstrip("?")
        default = short(spot.word(1).text + (spot.word(2).text if spot.word(1).text == "-" else ""))
        advice = f"declare `{words[1].text}: {type_}?`, and read `{words[1].text} ?? {default}`"
        return Answer("an input has no default", advice)
    if spot.source.text[at - 1 : at] == "=" and spot.wants_value:
        return Answer("`==` compares, and does not declare", "write `=`", Span(spot.source, at - 1, at + 1))
    if spot.word(-2).text in STATEMENTS and spot.word(-2).text not in ("reward", "skip", "mask", "prove"):
        if spot.word(-2).text == "param":
            value = spot.word(1)
            kind = {"text": "text", "number": _number_type(value.text)}.get(value.kind, "bool")
            if kind == "bool" and value.text not in ("true", "false"):
                kind = "real"
            return Answer("a param says its type", f"write `param {name}: {kind} = …`")
        if spot.word(-2).text == "input":
            return Answer("an input says its type", f"write `input {name}: {short(spot.word(1).text)}`")
    if spot.open and "COLON" in spot.accepts and spot.form in ("reward", "advantage"):
        what = "a weight" if spot.form == "reward" else "an option"
        return Answer(f"{what} follows `:`", f"write `{name}: {short(spot.word(1).text)}`")
    if spot.open and spot.open[-1].text == "(" and spot.word(-2).text in ("(", ","):
        return Answer("a named argument is written with `:`", f"write `{name}: …`")
    if "COMPARE" in spot.accepts:
        return Answer("`=` does not compare", "write `==`")
    return None


def _number_type(text: str) -> str:
    for suffix, unit in (("tok", "tokens"), ("ch", "chars"), ("s", "seconds")):
        if text.endswith(suffix):
            return unit
    return "real" if "." in text else "int"


def _comparison(spot: Spot) -> Answer | None:
    if spot.kind != "COMPARE":
        return None
    if spot.after_value and "COMPARE" not in spot.accepts:
        words = spot.sketch.words[spot.sketch.index(spot.start) : spot.index]
        first = next((w for w in reversed(words) if w.text in ("==", "!=", "<", ">", "<=", ">=")), None)
        advice = "write `a < b and b < c`"
        if first is not None:
            middle = " ".join(spot.source.text[first.end : spot.span.start].split())
            if len(middle) <= 40:
                advice = f"write `… {first.text} {middle} and {middle} {spot.text} …`"
        return Answer("comparisons do not chain", advice)
    if spot.wants_value and spot.word(-1).text in ("and", "or"):
        return Answer(
            f"`{spot.text}` compares nothing",
            f"name the value again: `a > 0 {spot.word(-1).text} a {spot.text} 1`",
        )
    return None


def _word_operator(spot: Spot) -> Answer | None:
    """`in`, `is`, `not in`, a trailing `if`: words between values in other languages."""
    if not spot.after_value and not (spot.text == "in" and "EQUAL" in spot.accepts):
        return None
    text, line = spot.text, spot.sketch.opens_line(spot.word(0))
    if text == "is" and not line:
        negated = spot.word(1).text == "not"
        return Answer(NO_OPERATOR.format("is"), "write `!= null`" if negated else "write `== null`")
    if text == "in" and spot.form == "term" and "EQUAL" in spot.accepts:
        return Answer("the range stands before the gate", f"write `{FORMS['term']}`")
    if text == "in" or (text == "not" and spot.word(1).text == "in"):
        word = spot.place(spot.word(0)).to(spot.place(spot.word(1))) if text == "not" else None
        return Answer(
            "there is no `in` operator",
            'write `text.contains(x, piece)`, or `text.one_of(x, ["a", "b"])`',
            word,
        )
    if text == "if" and _after_for(spot):
        return Answer("items are chosen by `where`", "write `where` instead of `if`")
    if text == "within" and spot.form == "expect":
        return Answer("an expectation has one `within`", "give each `within` its own `expect`")
    if text == "if" and not line:
        return Answer("the condition stands first", "write `if … then … else …`")
    if text == "when" and spot.form == "term":
        return Answer("the gate stands before `=`", f"write `{FORMS['term']}`")
    if text == "where" and spot.word(-1).text in ("group", "batch"):
        return Answer(
            "`where` stands inside the call", f"write `mean(x where condition) over {spot.word(-1).text}`"
        )
    if text == "then":
        return Answer("`then` has no `if`", "write `if … then … else …`")
    if text == "else":
        return Answer("`else` has no `if … then`", "write `if … then … else …`")
    return None


def _after_for(spot: Spot) -> bool:
    """Whether `for` stands before, in the same parentheses."""
    if not spot.open or spot.open[-1].text != "(":
        return False
    inside = spot.sketch.words[spot.sketch.index(spot.open[-1].end) : spot.index]
    return any(word.text == "for" and word.kind == "name" for word in inside)


def _parentheses(spot: Spot) -> Answer | None:
    if spot.text in ("if", "not") and spot.wants_value and spot.text.upper() not in spot.accepts:
        end = spot.text + " …"
        return Answer(f"`{end}` needs parentheses here", f"write `({end})`")
    return None


def _if(spot: Spot) -> Answer | None:
    """`if` without `then` or `else`, and what other languages write for them."""
    if "THEN" in spot.accepts and spot.text in (":", "{", "?", "=>"):
        return Answer(f"unexpected `{spot.text}`: expected `then`", "write `if … then … else …`")
    if ("ELSE" in spot.accepts and spot.form != "term") or (
        "ELSE" in spot.accepts and "EQUAL" not in spot.accepts
    ):
        if spot.text in ("elif", "elseif", "elsif"):
            return Answer(f"there is no `{spot.text}`", "write `else if … then …`")
        if spot.ends:
            return Answer(
                "this `if` has no `else`",
                "write `if … then … else …`: a value is wanted either way",
                _last_if(spot),
            )
    return None


def _last_if(spot: Spot) -> Span:
    words = spot.sketch.words[spot.sketch.index(spot.start) : spot.index]
    word = next((w for w in reversed(words) if w.text == "if"), spot.word(-1))
    return spot.place(word)


def _function(spot: Spot) -> Answer | None:
    words = spot.sketch.words[max(0, spot.index - 3) : spot.index]
    for word in words:
        if word.kind == "name" and word.text in ("lambda", "function", "fn"):
            return Answer(
                "there are no functions without a name",
                "name the value that it would give: `let name = value`",
                spot.place(word),
            )
    if spot.text == "for" and spot.open and spot.open[-1].text == "[":
        return Answer(
            "lists are not built by `for`",
            "fold the list to one value: `any(… for x in xs)`, `mean(… for x in xs)`",
        )
    if spot.text == ":" and "RSQB" in spot.accepts and spot.open and spot.open[-1].text == "[":
        return Answer(
            "there are no slices", "take one item, `xs[0]`; cut a text with `text.before` or `text.after`"
        )
    if spot.text == "group" and spot.word(-1).text == "in":
        return Answer("a group is not a list", "write `mean(completion.tokens) over group`")
    return None


# --- statements ------------------------------------------------------------------------------------


def _colon(spot: Spot) -> Answer | None:
    if spot.text != ":" or "EQUAL" not in spot.accepts:
        return None
    if spot.form == "sample":
        words = spot.sketch.words
        first = spot.index - 1
        while words[first - 1].text == ".":
            first -= 2
        path = spot.source.text[words[first].start : words[spot.index - 1].end]
        return Answer("a sample's field is given with `=`", f"write `{path} = {short(spot.word(1).text)}`")
    if spot.form == "term":
        return Answer("a term's value follows `=`", f"write `{FORMS['term']}`")
    return None


def _comma(spot: Spot) -> Answer | None:
    if spot.text == "," and (spot.after_value or "RBRACE" in spot.accepts or "$END" in spot.accepts):
        if spot.form in ("reward", "advantage") and spot.open:
            advice = "leave it out: entries follow each other, `a: 1.0  b: 0.2`"
        elif spot.form == "sample":
            advice = "leave it out: fields follow each other, `a = 1  b = 2`"
        else:
            advice = "leave it out: a statement ends where the next keyword begins"
        return Answer("no `,` is needed here", advice)
    return None


#: `[0..1]`, `(0:1]`, `[0 to 1]`
_DOTTED = re.compile(
    r"([\[(])\s*(-?(?:inf|[0-9][0-9_]*(?:\.[0-9]+)?[a-z]*))\s*"
    r"(?:\.\.+[=<]?|[:;]|to\b)\s*(-?(?:inf|[0-9][0-9_]*(?:\.[0-9]+)?[a-z]*))\s*([\])])"
)


def _dotted_range(spot: Spot) -> Answer | None:
    if not spot.open or spot.open[-1].text not in "([":
        return None
    start = spot.open[-1].start
    dots = _DOTTED.match(spot.source.text, start)
    if dots is None or not spot.source.text[:start].rstrip().endswith(" in"):
        return None
    meant = f"{dots[1]}{dots[2]}, {dots[3]}{dots[4]}"
    whole = Span(spot.source, start, dots.end())
    return Answer("the ends of a range are parted by `,`", f"a range is `{meant}`", whole, instead=meant)


def _range(spot: Spot) -> Answer | None:
    before = spot.word(-1)
    if spot.text == "[" and spot.form in ("term", "input", "param", "reward") and "IN" in spot.accepts:
        end = re.match(r"\[[^\]\n]{0,30}[\])]", spot.rest)
        return Answer("a range follows `in`", f"write `in {end.group() if end else '[0, 1]'}`")
    if before.text == "in" and spot.accepts and spot.accepts <= {"LPAR", "LSQB"}:
        dots = re.match(r"(-?[0-9.]*[0-9]\w*?)\s*(?:\.\.+|-|to)=?\s*(-?[0-9.]*[0-9]\w*)", spot.rest)
        advice = f"write `in [{dots[1]}, {dots[2]}]`" if dots else "write `in [0, 1]`"
        return Answer("a range stands in brackets", advice)
    return None


def _when(spot: Spot) -> Answer | None:
    if spot.accepts == {"WHEN"} and spot.form in ("skip", "mask") and not spot.ends:
        span = spot.place(spot.word(-1)) if spot.text not in ("if", "where", "unless") else None
        return Answer(f"`{spot.form}` is followed by `when`", f"write `{FORMS[spot.form]}`", span)
    return None


def _type(spot: Spot) -> Answer | None:
    if (
        spot.text == "]"
        and spot.word(-1).text == "["
        and spot.form in ("input", "param", "def", "extern", "let")
    ):
        item = spot.word(-2).text
        return Answer(
            "a list's type names its items", f"write `list[{item}]`", spot.place(spot.word(-2)).to(spot.span)
        )
    if spot.text.startswith("?") and spot.word(-1).text == "?":
        return Answer("a type has one `?`", "leave it out")
    if spot.form in ("input", "param") and spot.accepts == {"COLON"} and spot.word(0).kind == "name":
        return Answer("a type follows `:`", f"write `{spot.form} {spot.word(-1).text}: {short(spot.text)}`")
    if spot.form in ("def", "extern") and spot.text in (")", ",") and spot.accepts == {"COLON"}:
        return Answer(
            "a parameter says its type", f"write `{spot.word(-1).text}: real`", spot.place(spot.word(-1))
        )
    return None


def _reward(spot: Spot) -> Answer | None:
    if spot.form == "reward" and spot.text == "{" and spot.word(-2).end:
        before = spot.word(-2)  # `reward` was read as the value that is wanted there
        return Answer(f"expected a value after `{short(before.text)}`", None, spot.place(before))
    if spot.form == "prove" and spot.word(-1).text in ("increasing", "decreasing", "constant"):
        return Answer("a term moves in an input", f"write `prove term {spot.word(-1).text} in input`")
    if spot.form == "prove" and spot.word(-1).text == "advantage":
        return Answer(
            "a claim on advantages says the size of a group", "write `in advantage for groups of 8`"
        )
    if spot.form == "reward" and "LBRACE" in spot.accepts:
        return Answer("`reward` lists weighted terms in braces", f"write `{FORMS['reward']}`")
    if spot.form == "advantage" and spot.text == "(" and "LBRACE" in spot.accepts:
        return Answer("options stand in braces", f"write `{FORMS['advantage']}`")
    return None


#: what else says how two rows, or a value and an input, stand to each other
_CLAIMED = {
    "beats": "outranks", "exceeds": "outranks", "dominates": "outranks", "above": "outranks",
    "increases": "increasing", "increase": "increasing", "rises": "increasing", "grows": "increasing",
    "decreases": "decreasing", "decrease": "decreasing", "falls": "decreasing", "shrinks": "decreasing",
    "invariant": "constant", "independent": "constant",
}  # fmt: skip
_CLAIMS = ("outranks", "increasing", "decreasing", "constant")


def _claim(spot: Spot) -> Answer | None:
    """Anything else behind the value that a claim begins with."""
    if spot.form != "prove" or "OUTRANKS" not in spot.accepts or spot.open or spot.ends:
        return None
    forms = "a claim is `CONDITION`, `X in [0, 1]`, `A outranks B` or `X increasing in INPUT`"
    if spot.text == ":":
        return Answer("a claim has no name", f"leave it out: {forms}")
    word = spot.text.lower()
    near = difflib.get_close_matches(word, _CLAIMS, 1, 0.7)
    ours = _CLAIMED.get(word) or (near[0] if near else None)
    if ours is None:
        return Answer(f"unexpected `{short(spot.text)}` in a claim", forms)
    return Answer(f"unexpected `{short(spot.text)}` in a claim", f"did you mean `{ours}`?", instead=ours)


def _keyword_as_name(spot: Spot) -> Answer | None:
    """A keyword where a name is declared, or where a value is read."""
    declares = "NAME" in spot.accepts and not spot.wants_value and "LPAR" not in spot.accepts
    if spot.text not in KEYWORDS or (spot.ends and spot.sketch.opens_line(spot.word(0))):
        return None
    if declares and (
        spot.word(-1).text in (*STATEMENTS, "sample", "for", "as") or spot.word(1).text in (":", "=")
    ):
        advice = (
            f'write `input my_{spot.text}: … from "{spot.text}"`'
            if spot.form == "input"
            else "choose another name"
        )
        return Answer(f"`{spot.text}` is a keyword, and cannot be a name", advice)
    if spot.wants_value and spot.text not in (
        "then",
        "else",
        "in",
        "and",
        "or",
        "where",
        "when",
        "for",
        "over",
    ):
        return Answer(
            f"`{spot.text}` is a keyword, and no value", "name a value, or choose another name for it"
        )
    return None


def _statement(spot: Spot) -> Answer | None:
    """A word that begins no statement, where one would have to begin."""
    word = spot.word(0)
    if "$END" not in spot.accepts or word.kind != "name" or word.start != spot.span.start:
        return None
    if spot.after_value and not spot.sketch.opens_line(word) and spot.word(1).text != "=":
        return None
    text = word.text
    if text in _IN_TESTS:
        return Answer(f"`{text}` stands in a test", 'write it inside `test "name" { … }`')
    if text in ("if", "for", "while", "else", "elif"):
        return Answer(
            f"`{text}` does not begin a statement",
            "a condition is a term's gate, `term … when … = …`, or part of a value, `if … then … else …`",
        )
    if spot.word(1).text == "=" and text not in KEYWORDS:
        return Answer(
            "a declaration begins with a keyword",
            f"write `let {text} = …`, or `term {text} = …` for a reward",
        )
    ours = _OPENERS.get(text.lower())
    near = difflib.get_close_matches(text.lower(), STATEMENTS, 1, 0.7)
    if ours is None and near:
        return Answer(f"`{short(text)}` does not begin a statement", f"did you mean `{near[0]}`?")
    advice = f"write `{FORMS[ours]}`" if ours else "statements begin with " + either(STATEMENTS)
    if ours == "use" and spot.word(1).kind != "text":
        advice = "nothing is imported: patterns are tested by `text.matches(…)`, and found by `text.find(…)`"
    elif ours in _NOT_YET:
        advice = f"`{ours}` is not there yet: {_NOT_YET[ours]}"
    return Answer(f"`{short(text)}` does not begin a statement", advice)


def _in_test(spot: Spot) -> Answer | None:
    if (
        "EXPECT" in spot.accepts
        and "RBRACE" in spot.accepts
        and spot.word(0).kind == "name"
        and not spot.ends
    ):
        words = {
            "assert": "expect",
            "check": "expect",
            "require": "expect",
            "row": "sample",
            "case": "sample",
        }
        ours = words.get(spot.text.lower())
        advice = f"write `{FORMS[ours]}`" if ours else "a test holds " + either(_IN_TESTS)
        return Answer(f"`{short(spot.text)}` does not belong in a test", advice)
    return None


_LOOKS = (
    text_mistake, open_path_mistake, _dotted_range, number_mistake, _function, _type, sign_mistake,
    _comparison, _if, _range, _reward, _when, _equals, _bracket, _dictionary, _word_operator, _colon, _comma,
    _parentheses, _keyword_as_name, _in_test, _claim, _statement,
)  # fmt: skip
