"""What the words of the language mean, in a line or two of Markdown each."""

from __future__ import annotations

from collections.abc import Mapping

#: statement keyword -> how it is written, what it does
STATEMENTS: Mapping[str, tuple[str, str]] = {
    "language": ("language 1", "The edition of the language, first in the file."),
    "input": (
        'input NAME: TYPE [in RANGE] [from "column.path"] [per prompt]',
        "A dataset column. `per prompt`: the same for all completions of a prompt.",
    ),
    "param": (
        "param NAME: TYPE [in RANGE] = VALUE",
        "A constant that a run may override with `--set NAME=VALUE`, checked against its range.",
    ),
    "def": ("def NAME(x: TYPE, …)[: TYPE] = EXPR", "A pure function that sees only its own parameters."),
    "use": ('use "lib/format.rwd" as NAME', "Brings another file's `def`s in, as `NAME.f(…)`."),
    "extern": (
        "extern NAME(x: TYPE, …): TYPE [in RANGE]",
        "A Python function that the host binds when the spec is loaded.",
    ),
    "let": ("let NAME [: TYPE] = EXPR", "A named value."),
    "term": (
        "term NAME [in RANGE] [when GATE [else VALUE]] = EXPR",
        "A part of the reward. Where the gate is closed it is `else`, 0 unless said. "
        "A term that `reward` does not list is a metric.",
    ),
    "reward": (
        "reward [in RANGE] { TERM: WEIGHT … }",
        "The weighted terms. A weight may depend on params and `step`, never on the row.",
    ),
    "advantage": ("advantage NAME [{ OPTION: VALUE … }]", "The normalizer meant for this spec."),
    "skip": ("skip when CONDITION", "The row is not there: in no call, aggregate or statistic."),
    "mask": (
        "mask when CONDITION",
        "The row counts in every statistic, and its tokens carry no loss.",
    ),
    "prove": (
        "prove A outranks B · prove TERM increasing in INPUT · prove EXPR in RANGE · prove CONDITION",
        "A claim that holds for all rows, and all values of params and calls within their ranges.",
    ),
    "test": ('test "NAME" { sample … expect … }', "Samples, and what is expected of them."),
}

#: keyword inside a test -> how it is written, what it does
TEST_ITEMS: Mapping[str, tuple[str, str]] = {
    "sample": (
        "sample NAME { FIELD = VALUE … }",
        "A row of a test. Inputs that may be null can be left out.",
    ),
    "group": ("group { sample … }", "Samples that are completions of one prompt."),
    "mock": ("mock FUNCTION = VALUE", "What a call returns in this test."),
    "expect": (
        "expect CONDITION [within TOLERANCE]",
        "What must hold. A comparison with null is false, except against `null` itself.",
    ),
    "rows": ('rows "file.jsonl" { input … expect … }', "Expectations over a file of real completions."),
}

#: words inside statements
WORDS: Mapping[str, str] = {
    "within": "the largest difference that `==` in `expect` accepts",
    "if": "`if CONDITION then A else B`",
    "then": "`if CONDITION then A else B`",
    "else": "the other branch, or what a closed gate gives",
    "and": "both hold; the right side is computed where the left one holds",
    "or": "one of both holds; the right side is computed where the left one does not",
    "not": "the opposite of a condition",
    "true": "a `bool`",
    "false": "a `bool`",
    "null": "no value; test for it with `==` and `!=`, settle it with `??`",
    "in": "a range, `[0, 1]` or `[0, inf)`; in a claim, what it is about",
    "when": "a gate: the condition under which this counts",
    "over": "the rows of an aggregate: `over group` or `over batch`",
    "where": "which rows or items an aggregate takes",
    "for": '`any(m.role == "tool" for m in completion.messages)`',
    "outranks": "of two rows of one group, one with the left condition scores above one with the right",
    "increasing": "moving that input up never moves the term down",
    "decreasing": "moving that input up never moves the term up",
    "constant": "moving that input never moves the term",
    "group": "the completions of one prompt",
    "batch": "all rows of one call",
}

TYPES: Mapping[str, str] = {
    "bool": "`true` or `false`",
    "int": "whole numbers of 64 bits",
    "real": "numbers",
    "text": "a text of Unicode characters",
    "json": "any JSON value",
    "message": "a chat message: `.role`, `.text`, `.calls`",
    "call": "a tool call: `.name`, `.arguments`",
    "testcase": "a test case of a program",
    "result": "what running a program gave: `.passed`, `.total`, `.share`, `.crashed`, `.timed_out`, "
    "`.memory`, `.first_failing`",
    "tokens": "whole numbers of tokens: `4096tok`",
    "chars": "whole numbers of characters (code points): `80ch`",
    "seconds": "an amount of time: `1.5s`",
    "list": "`list[T]`: items of one type",
}

FIELDS: Mapping[str, str] = {
    "completion.text": 'the last assistant message, `""` if there is none',
    "completion.messages": "all messages of the completion",
    "completion.tokens": "what the policy generated; from token ids, counts or a tokenizer, never a guess",
    "completion.finished": "false where generation was cut off",
    "completion.reasoning": "the message's own reasoning field, never cut out of tags",
    "completion.chars": "code points of the text",
    "completion.words": "words of the text, between Unicode white space",
    "completion.lines": "lines of the text",
    "prompt.text": "the last user message, or the whole prompt",
    "prompt.messages": "all messages of the prompt",
    "prompt.chars": "code points of the prompt's text",
    "prompt.words": "words of the prompt's text",
    "prompt.lines": "lines of the prompt's text",
    "step": "the training step, one per call, 0 unless given",
    "message.role": "`system`, `user`, `assistant` or `tool`",
    "message.text": "the content of the message",
    "message.calls": "the tool calls of the message",
    "call.name": "the name of the tool",
    "call.arguments": "the arguments, as JSON",
    "result.passed": "how many test cases passed",
    "result.total": "how many test cases there are",
    "result.share": "the share of the test cases that passed",
    "result.crashed": "whether the program ended with an error",
    "result.timed_out": "whether the program took too long",
    "result.memory": "whether the program ran out of memory",
    "result.first_failing": "the index of the first test case that fails, null where none does",
    "reward": "the weighted sum of the terms",
    "advantage": "the sample's advantage in its group, by the spec's normalizer",
    "skipped": "whether a `skip` leaves the sample's row out",
    "masked": "whether a `mask` keeps the loss off the sample's tokens",
}

AGGREGATES: Mapping[str, str] = {
    "count": "rows, or the rows where a condition holds, or values; over nothing 0",
    "sum": "the sum of the values; over nothing 0",
    "mean": "the mean of the values; over nothing null",
    "min": "the smallest value; over nothing null",
    "max": "the largest value; over nothing null",
    "std": "the standard deviation, with n - 1 in the denominator; below two values null",
    "any": "whether a condition holds somewhere; over nothing false",
    "all": "whether a condition holds everywhere; over nothing true",
    "rank": "1 is the smallest, ties share the mean",
}

NORMALIZERS: Mapping[str, str] = {
    "grpo": "the total, less its mean in the group, over its deviation there",
    "dr_grpo": "the total, less its mean in the group",
    "gdpo": "each term normalized in its group on its own, then weighted and summed",
    "rloo": "the total, less the mean of the other rows of the group",
    "reinforce_pp": "the total, less its mean over all tokens of the batch, over its deviation there",
    "batch": "the total, less its mean in the group, over its deviation in the batch",
}
