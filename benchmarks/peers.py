"""Rewards as people write them for a trainer: one Python function per reward, row by row.

Each takes what TRL hands to a reward function. `trl_*` are TRL's own; the others follow open-r1 or
the plain way to write the rule, and say which.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from trl.rewards import (
    accuracy_rewards,
    get_cosine_scaled_reward,
    get_repetition_penalty_reward,
    get_soft_overlong_punishment,
    think_format_reward,
)

Messages = list[list[dict[str, str]]]
Peer = Callable[..., list[float]]

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
CHOICES = ("A", "B", "C", "D", "E")


def texts(completions: Messages) -> list[str]:
    return [completion[0]["content"] for completion in completions]


def strict_tags(completions: Messages, **kwargs: Any) -> list[float]:
    """The rule of `format.tags` in per-row Python: counts first, then one pattern."""
    return [float(_strict(text)) for text in texts(completions)]


_STRICT = re.compile(r"\s*<think>(.*)</think>\s*<answer>(.*)</answer>\s*", re.DOTALL)


def _strict(text: str) -> bool:
    if any(text.count(tag) != 1 for tag in TAGS):
        return False
    match = _STRICT.fullmatch(text)
    return match is not None and all(_has_body(body) for body in match.groups())


def _has_body(text: str) -> bool:
    return any(unicodedata.category(character)[0] in "LNPS" for character in text)


def tag_count(completions: Messages, **kwargs: Any) -> list[float]:
    """open-r1's `tag_count_reward`, with the tags alone and not the newlines around them."""
    return [sum(text.count(tag) == 1 for tag in TAGS) / 4 for text in texts(completions)]


_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def choice(completions: Messages, **kwargs: Any) -> list[float]:
    """Whether the only answer is one of the letters of a multiple-choice question."""
    return [float(_choice(text)) for text in texts(completions)]


def _choice(text: str) -> bool:
    if text.count("<answer>") != 1 or text.count("</answer>") != 1:
        return False
    match = _ANSWER.search(text)
    return match is not None and match[1].strip() in CHOICES


_BOXED = re.compile(r"\\boxed\{([^{}]+)\}")


def boxed(completions: Messages, **kwargs: Any) -> list[float]:
    """Whether there is a boxed answer."""
    return [float(_BOXED.search(text) is not None) for text in texts(completions)]


STEPS = r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,"


def reasoning_steps(completions: Messages, **kwargs: Any) -> list[float]:
    """open-r1's `reasoning_steps_reward`."""
    return [min(1.0, len(re.findall(STEPS, text)) / 3) for text in texts(completions)]


def second_thoughts(completions: Messages, **kwargs: Any) -> list[float]:
    """How often the model says "Wait"."""
    return [float(text.count("Wait")) for text in texts(completions)]


def words(completions: Messages, **kwargs: Any) -> list[float]:
    """A linear length target over words."""
    return [-0.01 * abs(len(text.split()) - 300) for text in texts(completions)]


_cosine = get_cosine_scaled_reward(max_len=1000)


def trl_cosine(completions: Messages, completion_ids: list[Any], **kwargs: Any) -> list[float]:
    """TRL's `get_cosine_scaled_reward` for right answers, without its check of the answer."""
    right = [1.0] * len(completions)
    with patch.object(accuracy_rewards, "accuracy_reward", lambda *_: right):
        result: list[float] = _cosine(completions, completion_ids=completion_ids, solution=[])
    return result


_overlong = get_soft_overlong_punishment(max_completion_len=800, soft_punish_cache=400)


def trl_overlong(completions: Messages, completion_ids: list[Any], **kwargs: Any) -> list[float]:
    """TRL's `get_soft_overlong_punishment`."""
    result: list[float] = _overlong(completion_ids)
    return result


_repetition = get_repetition_penalty_reward(ngram_size=3, max_penalty=-1.0)


def trl_repetition(completions: Messages, **kwargs: Any) -> list[float]:
    """TRL's `get_repetition_penalty_reward` over words in place of tokens, as in open-r1."""
    result: list[float] = _repetition([text.lower().split() for text in texts(completions)])
    return result


def trl_think_format(completions: Messages, **kwargs: Any) -> list[float]:
    """TRL's `think_format_reward`: a looser rule, compared for its time only."""
    result: list[float] = think_format_reward(completions)
    return result
