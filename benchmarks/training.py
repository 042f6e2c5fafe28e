"""`python -m benchmarks.training [ROUNDS]`: a training step against TRL's `GRPOTrainer`.

Both train the policy of `examples/tool_calling` on its prompts and its spec, with the same batch, lengths,
loss, optimizer and number of updates (one per step), in one process and on one thread. Rounds alternate
between the sides, each from the same weights; the first round, and the first step of each, are not counted.
TRL gets its fast settings: the loss takes its old log-probabilities from its own pass (`num_iterations` and
`steps_per_generation` of 1), no reference model, no gradient checkpointing, float32, fused AdamW, and no
logging, while ours writes its log. The third line is a trainer without all else: `generate` of transformers,
and one update on what it gave.

`forward` and `backward` are of the update, `other` is what is left of the step: loss, optimizer, records. On
a machine with other work the ratio of processor time says more than that of samples per second.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: as `threads = 1` in the run file

import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainerCallback
from transformers.models.llama.modeling_llama import LlamaModel
from trl import GRPOConfig, GRPOTrainer

import rewardkit as rk
from rewardkit.training import RunConfig, load_config, train
from rewardkit.training.data import read_rows
from rewardkit.training.progress import Silent
from rewardkit.training.records import StepRecord

ROUNDS = 5
TASK = Path(__file__).parent.parent / "examples" / "tool_calling"
PARTS = ("sampling", "scoring", "forward", "backward")


@dataclass(frozen=True)
class Setting:
    """A policy and a batch."""

    name: str
    warm: bool = True  #: after the supervised warm-up: completions end by themselves
    prompts: int = 16
    completions: int = 8
    new_tokens: int = 36
    steps: int = 8  #: in a round, after the first
    policy: dict[str, Any] = field(default_factory=dict)  #: other than in the run file

    @property
    def samples(self) -> int:
        return self.prompts * self.completions


SETTINGS = (
    Setting("warmed up, 16 x 8"),
    Setting("not warmed up, 16 x 8", warm=False),
    Setting("warmed up, 64 x 8", prompts=64, steps=3),
    Setting(
        "hidden 256, 4 layers, not warmed up, 16 x 8, 64 tokens",
        warm=False,
        new_tokens=64,
        steps=2,
        policy={"hidden": 256, "layers": 4, "mlp": 768, "max_length": 128},
    ),
)


class Clock:
    """Seconds per part, and what they were at the end of each step."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self.marks: list[dict[str, float]] = []

    def mark(self) -> None:
        self.marks.append({**self.parts, "step": time.perf_counter(), "processor": time.process_time()})

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self.parts[part] += time.perf_counter() - begun

        return run

    def per_step(self, steps: int) -> dict[str, float]:
        """Means over `steps` steps after the first."""
        first, last = self.marks[0], self.marks[steps]
        return {
            part: (last.get(part, 0) - first.get(part, 0)) / steps for part in ("step", "processor", *PARTS)
        }


@contextmanager
def measured(clock: Clock) -> Iterator[None]:
    """What both sides call by the same name: the model's pass with a gradient, and the one back."""
    plain = LlamaModel.forward
    timed = clock.timed("forward", plain)

    def forward(*args: Any, **options: Any) -> Any:
        return (timed if torch.is_grad_enabled() else plain)(*args, **options)

    with (
        patch.object(LlamaModel, "forward", forward),
        patch.object(torch.Tensor, "backward", clock.timed("backward", torch.Tensor.backward)),
    ):
        yield


def ours(setting: Setting, policy: Path, seed: int) -> Clock:
    clock = Clock()

    class Marks(Silent):
        def step(self, record: StepRecord) -> None:
            clock.parts["sampling"] += record.seconds["rollout"]
            clock.parts["scoring"] += record.seconds["score"]
            clock.mark()

    with tempfile.TemporaryDirectory() as folder, measured(clock):
        # the last step, which also saves a checkpoint, is left out
        overrides = {
            "train.steps": setting.steps + 2,
            "train.seed": seed,
            "log.dir": folder,
            "checkpoint.every": 10**6,
        }
        tables = load_config(TASK / "run.toml", overrides).model_dump(exclude_unset=True)
        tables["policy"] = {"path": str(policy), "device": "cpu"}
        tables["train"] |= {
            "normalizer": "grpo",
            "minibatches": 1,
            "prompts_per_step": setting.prompts,
            "completions_per_prompt": setting.completions,
            "max_new_tokens": setting.new_tokens,
        }
        del tables["warmup"]
        train(RunConfig.model_validate(tables), base=TASK, progress=Marks())
    return clock


def trl(setting: Setting, policy: Path, seed: int) -> Clock:
    clock, spec = Clock(), rk.load(TASK / "tool_calling.rwd")

    def reward(prompts: Any, completions: Any, completion_ids: Any, gold: Any, **_: Any) -> list[float]:
        tokens = [len(ids) for ids in completion_ids]
        rows = {"prompt": prompts, "gold": gold, "completion": completions, "completion_tokens": tokens}
        total: list[float] = spec(rows, group=setting.completions).total.tolist()
        return total

    class Marks(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.mark()

    model, tokenizer = load(policy)
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            folder,
            max_steps=setting.steps + 1,
            seed=seed,
            per_device_train_batch_size=setting.samples,
            num_generations=setting.completions,
            max_completion_length=setting.new_tokens,
            temperature=1.0,
            learning_rate=3e-4,
            lr_scheduler_type="constant",
            adam_beta2=0.95,
            optim="adamw_torch_fused",
            max_grad_norm=1.0,
            epsilon=0.2,
            beta=0.0,
            loss_type="dapo",  # the mean over the batch's tokens
            num_iterations=1,
            steps_per_generation=1,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            dataloader_num_workers=0,
            dataloader_pin_memory=False,
            report_to="none",
            logging_strategy="no",
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model,
            clock.timed("scoring", reward),
            config,
            Dataset.from_dict(dict(rows())),
            processing_class=tokenizer,
            callbacks=[Marks()],
        )
        trainer.remove_callback(PrinterCallback)
        model.generate = clock.timed("sampling", model.generate)
        with measured(clock):
            trainer.train()
    return clock


def plain(setting: Setting, policy: Path, seed: int) -> Clock:
    clock = Clock()
    model, tokenizer = load(policy)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), fused=True)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    generate, prompts = clock.timed("sampling", model.generate), rows()["prompt"]
    with measured(clock):
        for _ in range(setting.steps + 1):
            chosen = torch.randint(len(prompts), (setting.prompts,), generator=generator).tolist()
            given = tokenizer(
                [prompts[i] for i in chosen for _ in range(setting.completions)],
                return_tensors="pt",
                padding=True,
                return_token_type_ids=False,
            )
            with torch.no_grad():
                ids = generate(
                    **given,
                    do_sample=True,
                    top_k=0,
                    max_new_tokens=setting.new_tokens,
                    eos_token_id=tokenizer.eos_token_id,
                    pad_token_id=tokenizer.pad_token_id,
                )
            said = ids[:, given["input_ids"].shape[1] :]
            ended = (said == tokenizer.eos_token_id).cumsum(dim=1)
            mask = (ended - (said == tokenizer.eos_token_id).long()) == 0
            seen = torch.cat([given["attention_mask"], mask.long()], dim=1)
            logits = model(input_ids=ids, attention_mask=seen, logits_to_keep=said.shape[1] + 1).logits
            logp = -torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), said, reduction="none")
            loss = -((logp - logp.detach()).exp() * torch.randn(len(said), 1) * mask).sum() / mask.sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            clock.mark()
    return clock


SIDES = {"rewardkit": ours, "TRL": trl, "generate + update": plain}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        for number, setting in enumerate(SETTINGS):
            compare(setting, make_policy(setting, Path(folder) / str(number)), rounds)


def compare(setting: Setting, policy: Path, rounds: int) -> None:
    times: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
    for seed in range(rounds + 1):
        for name, side in SIDES.items():
            times[name].append(side(setting, policy, seed).per_step(setting.steps))
    print(f"\n{setting.name}: medians of {rounds} rounds of {setting.steps} steps, milliseconds per step")
    columns = ("samples/s", "step", *PARTS, "other")
    print(f"{'':<18}" + "".join(f"{column:>10}" for column in columns))
    for name, measured in times.items():
        show(name, setting, measured[1:])
    for name in list(SIDES)[1:]:
        pairs = list(zip(times["rewardkit"][1:], times[name][1:], strict=True))
        wall, processor = (ratios(pairs, part) for part in ("step", "processor"))
        print(f"to {name}: {wall} times the samples per second; by processor time {processor}", flush=True)


def show(name: str, setting: Setting, times: Sequence[dict[str, float]]) -> None:
    median = {part: statistics.median(time[part] for time in times) for part in ("step", *PARTS)}
    other = median["step"] - sum(median[part] for part in PARTS)
    cells = "".join(f"{1e3 * seconds:>10.1f}" for seconds in (*median.values(), other))
    print(f"{name:<18}{setting.samples / median['step']:>10.0f}{cells}")


def ratios(pairs: Sequence[tuple[dict[str, float], dict[str, float]]], part: str) -> str:
    """Median, lowest and highest over the rounds."""
    each = [theirs[part] / ours[part] for ours, theirs in pairs]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


def make_policy(setting: Setting, folder: Path) -> Path:
    """The policy that each round starts from."""
    tables = load_config(TASK / "run.toml").model_dump(exclude_unset=True)
    tables["train"]["steps"] = 0
    tables["log"]["dir"] = str(folder)
    tables["policy"]["config"] |= setting.policy
    if not setting.warm:
        del tables["warmup"]
    return train(RunConfig.model_validate(tables), base=TASK, progress=False).policy


def load(policy: Path) -> tuple[Any, Any]:
    model: Any = AutoModelForCausalLM.from_pretrained(str(policy), dtype=torch.float32)
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(str(policy), padding_side="left")
    return model, tokenizer


def rows() -> Any:
    return read_rows(TASK / "rows.jsonl").columns


if __name__ == "__main__":
    main()
