"""A world of independent rules, and a scripted language model behind a real HTTP server that lives in it.

Each prompt names a number, and the answer that counts is its word. The model knows a word if its instructions
say so, and else guesses it now and then. Asked as an editor it reads what it is shown, by rules as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "runtime"))
from judge_server import Judge, Reply, completion, serving

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]

SPEC = """\
language 1

input wants: text

term right in [0, 1] = text.contains(completion.text, wants)
term short in [0, 1] when right == 1 = 1 - clamp(completion.chars / 100ch, 0, 1)

reward in [0, 1] { right: 1.0 }
"""


def write_world(folder: Path, words: int = len(WORDS)) -> None:
    """The spec and the rows."""
    (folder / "world.rwd").write_text(SPEC)
    rows = [{"prompt": f"Say the word of number {i}.", "wants": WORDS[i]} for i in range(words)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def tables(url: str, optimizer: str, **context: Any) -> dict[str, Any]:
    """A run over the world; keys of `context` are laid over its table."""
    return {
        "data": {"rows": "rows.jsonl"},
        "reward": {"spec": "world.rwd"},
        "context": {
            "optimizer": optimizer,
            "instructions": "Answer with one word.",
            "model": {"base_url": url, "model": "scripted", "seed": 0, "backoff": 0.01, "retries": 1},
            **context,
        },
        "log": {"dir": "run"},
    }


def grpo(url: str, **options: Any) -> dict[str, Any]:
    """A run of Training-Free GRPO in which each step sees half of the world."""
    return tables(
        url,
        "training_free_grpo",
        valid="rows.jsonl",
        training_free_grpo={"prompts_per_step": 3, "completions_per_prompt": 5, "epochs": 3, **options},
    )


def gepa(url: str, calls: int = 150, **options: Any) -> dict[str, Any]:
    """A run of GEPA."""
    return tables(url, "gepa", gepa={"max_metric_calls": calls, **options})


# --- the model ---------------------------------------------------------------------------------------


def answer(body: dict[str, Any], number: int = 0) -> Reply:
    """What the scripted model says to a request."""
    system = next((m["content"] for m in body["messages"] if m["role"] == "system"), "")
    user = next(m["content"] for m in body["messages"] if m["role"] == "user")
    said = _edited(system, blocks(user)) if "BEGIN" in user else _answered(system, user, body.get("seed"))
    return completion(said, usage={"prompt_tokens": 9, "completion_tokens": len(said.split())})


def blocks(text: str) -> dict[str, str]:
    """Name -> text of what an editor is shown."""
    return dict(re.findall(r"^(?:=== \w+ ===) BEGIN ([^\n]*)\n(.*?)\n=== \w+ === END \1$", text, re.S | re.M))


def rule(number: int) -> str:
    return f"number {number} is {WORDS[number]}"


def known(text: str) -> list[int]:
    """The rules that a text states."""
    return [i for i in range(len(WORDS)) if rule(i) in text]


def _answered(instructions: str, prompt: str, seed: int | None) -> str:
    asked = int(re.findall(r"number (\d+)", prompt)[-1])
    if asked in known(instructions):
        return WORDS[asked]
    lucky = hashlib.sha256(f"{seed} {prompt}".encode()).digest()[0] % 3 == 0
    return WORDS[asked] if lucky else "none"


def _edited(system: str, shown: dict[str, str]) -> str:
    if "Read one attempt" in system:
        return json.dumps({"summary": f"it said {shown['ATTEMPT']}"})
    if "several attempts" in system:
        asked = int(re.findall(r"number (\d+)", shown["PROMPT"])[-1])
        right = any(
            f"said {WORDS[asked]}" in text for name, text in shown.items() if name.startswith("ATTEMPT")
        )
        return json.dumps({"lessons": [rule(asked)] if right else []})
    if "NEW LESSONS" in shown:
        return _operations([i for i in known(shown["NEW LESSONS"]) if i not in known(shown["EXPERIENCES"])])
    if "PROPOSED OPERATIONS" in shown:
        return "Here is the plan:\n" + _operations(known(shown["PROPOSED OPERATIONS"]))
    return _rewritten(shown)


def _operations(numbers: list[int]) -> str:
    changes = [{"operation": "ADD", "id": None, "content": rule(i)} for i in numbers]
    return json.dumps({"operations": changes or [{"operation": "NONE", "id": None, "content": ""}]})


def _rewritten(shown: dict[str, str]) -> str:
    """A part learns from the first example that fell short; `even` and `odd` learn their numbers only."""
    (name, text), *_ = [
        (key.removeprefix("PART "), text) for key, text in shown.items() if key.startswith("PART ")
    ]
    for key, score in shown.items():
        if key.endswith(": SCORE") and float(score) < 1:
            example = key.removesuffix("SCORE")
            word = re.search(r'wants: "(\w+)"', shown[f"{example}HOW IT CAME ABOUT"])
            assert word is not None, "the feedback shows what was wanted"
            number = WORDS.index(word[1])
            if name in ("even", "odd") and (name == "even") != (number % 2 == 0):
                continue
            return json.dumps({"text": f"{text}\n{rule(number)}"})
    return json.dumps({"text": text})


@contextlib.contextmanager
def world(reply: Callable[[dict[str, Any], int], Reply] = answer) -> Iterator[Judge]:
    with serving(reply) as server:
        yield server
