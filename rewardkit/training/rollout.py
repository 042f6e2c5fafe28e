"""Sampling completions, and the log-probabilities of given ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from .errors import TrainError
from .policy import Policy, max_length
from .sharding import is_sharded

#: finished rows leave the batch once they are this share of it; leaving costs a copy of the cache
LEAVE = 1 / 8
#: `by_length` cuts rows into at most so many pieces of at least so many rows
PIECES, PIECE_ROWS = 8, 16


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn."""

    completions: int = 1  #: per prompt
    max_new_tokens: int = 64
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None


@dataclass(frozen=True)
class Rollout:
    """N completions; those of one prompt are consecutive. T is the longest completion."""

    prompt_ids: Tensor  #: int64 (N, P), padded on the left
    prompt_mask: Tensor  #: bool (N, P): a token of the prompt
    completion_ids: Tensor  #: int64 (N, T), padded on the right
    mask: Tensor  #: bool (N, T): a token that the policy generated, its end token included
    logp: Tensor  #: float32 (N, T): log-probability at the sampling temperature; 0 outside `mask`
    texts: tuple[str, ...]  #: all that the policy said before its end token
    finished: Tensor  #: bool (N,): the policy ended its completion before `max_new_tokens`

    @property
    def tokens(self) -> Tensor:
        """int64 (N,): tokens that the policy generated. The end token counts: it was sampled, is trained
        on, and is in the counts of other trainers."""
        return self.mask.sum(dim=1)


def generate(
    policy: Policy, prompts: Sequence[Sequence[int]], sampling: Sampling, generator: torch.Generator
) -> Rollout:
    """Sample `sampling.completions` completions of each prompt (token ids), all in one batch.

    Each prompt passes through the model once; its cache is then repeated for its completions. Rows that
    are finished leave the batch once they are an eighth of it. `top_k` and `top_p` narrow what is drawn,
    while `logp` stays that of the whole distribution, which is what the policy is later updated by. The
    result is a function of the arguments and the generator's state. Raises `TrainError` where prompt and
    completion do not fit the model, and where the model's logits are not finite.
    """
    device = policy.model.device
    prompt_ids, prompt_mask = pad_left(prompts, policy.pad_id, device)
    check_length(policy, prompt_ids.shape[1], sampling.max_new_tokens)
    with torch.inference_mode():
        ids, mask, logp, finished = _sample(policy, prompt_ids, prompt_mask, sampling, generator)
    spoken = (mask & ~_is_end(ids, policy)).cpu().numpy()
    kept = [row[own] for row, own in zip(ids.cpu().numpy(), spoken, strict=True)]
    # Other special tokens stay in the text: what a reward cannot see, a policy can hide behind.
    texts = policy.tokenizer.batch_decode(kept, clean_up_tokenization_spaces=False)
    # Clones, since tensors made in inference mode cannot take part in a later backward pass.
    return Rollout(
        prompt_ids.repeat_interleave(sampling.completions, dim=0),
        prompt_mask.repeat_interleave(sampling.completions, dim=0),
        ids.clone(),
        mask.clone(),
        logp.clone(),
        tuple(texts),
        finished.clone(),
    )


def check_length(policy: Policy, prompt: int, completion: int) -> None:
    """Raise `TrainError` where so many tokens do not fit the model."""
    limit = max_length(policy)
    if limit is not None and prompt + completion > limit:
        raise TrainError(
            f"a prompt of {prompt} tokens and `max_new_tokens` = {completion} do not fit the policy, which "
            f"takes {limit} tokens"
        )


def token_logps(
    policy: Policy, prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor, temperature: float = 1.0
) -> Tensor:
    """Log-probability of each completion token at a temperature: float32 (B, T), with gradient.

    Shapes as in `Rollout`. Values on the right padding mean nothing.
    """

    def read(prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor) -> tuple[Tensor]:
        output = read_completions(policy, prompt_ids, prompt_mask, completion_ids)
        return (chosen_logps(policy, output.logits, completion_ids, temperature),)

    return by_length(read, policy, prompt_ids, prompt_mask, completion_ids)[0]


def by_length(
    read: Callable[[Tensor, Tensor, Tensor], Sequence[Tensor]],
    policy: Policy,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    completion_ids: Tensor,
) -> list[Tensor]:
    """What `read` gives of prompt ids, prompt mask and completion ids: tensors (B, T), of no meaning on the
    right padding.

    Rows are read in pieces of about equal length, without the padding that the longest row asks of all.
    Under FSDP it is one piece: the processes, which may hold different numbers of rows, must call the model
    equally often.
    """
    rows, width = completion_ids.shape
    pieces = 1 if is_sharded(policy.model) or not width else min(PIECES, rows // PIECE_ROWS)
    if pieces < 2:
        return list(read(prompt_ids, prompt_mask, completion_ids))
    places = torch.arange(1, width + 1, device=completion_ids.device)
    lengths = (places * (completion_ids != policy.pad_id)).amax(dim=1).cpu()
    # where one token is both padding and end, the first after the text may be an end
    lengths = (lengths + (policy.pad_id in policy.end_ids)).clamp(1, width)
    order = lengths.argsort(stable=True)
    parts = []
    for piece in order.tensor_split(pieces):
        length = int(lengths[piece[-1]])
        values = read(prompt_ids[piece], prompt_mask[piece], completion_ids[piece, :length])
        parts.append([pad(value, (0, width - length)) for value in values])
    back = order.argsort()
    return [torch.cat(column)[back] for column in zip(*parts, strict=True)]


def read_completions(
    policy: Policy, prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor, **options: Any
) -> Any:
    """The model's output where it predicts the completions' tokens: `logits` (B, T, V), unless `options` of
    the model ask for others. Shapes as in `Rollout`."""
    # The last token predicts nothing that is asked for. Padding on the right needs no mask: attention is
    # causal, so no token of the completion sees it.
    ids = torch.cat([prompt_ids, completion_ids[:, :-1]], dim=1)
    attention = None
    if not bool(prompt_mask.all()):
        attention = torch.cat([prompt_mask, torch.ones_like(completion_ids[:, :-1], dtype=torch.bool)], dim=1)
    return policy.model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=None if attention is None else _positions(attention),
        use_cache=False,
        **{"logits_to_keep": completion_ids.shape[1], **options},
    )


def chosen_logps(policy: Policy, logits: Tensor, completion_ids: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probability of each token (B, T) under logits (B, T, V) at a temperature: float32 (B, T)."""
    scaled = _scale(policy, logits, temperature)
    logp: Tensor = scaled.gather(2, completion_ids.unsqueeze(2)).squeeze(2) - scaled.logsumexp(dim=2)
    return logp


def pad_left(rows: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of token ids as one int64 matrix, and a bool matrix that is true on them."""
    width = max(map(len, rows))
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return ids, torch.arange(width, device=device) >= width - lengths[:, None]


def _sample(
    policy: Policy, prompt_ids: Tensor, prompt_mask: Tensor, sampling: Sampling, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Token ids, mask, log-probabilities (N, T) and finished (N,)."""
    device = prompt_ids.device
    rows, steps = len(prompt_ids) * sampling.completions, sampling.max_new_tokens
    ids = torch.full((rows, steps), policy.pad_id, device=device)
    logp = torch.zeros((rows, steps), device=device)
    policy = replace(policy, barred=policy.barred.to(device))  # once, not at each token

    padded = not bool(prompt_mask.all())
    output = policy.model(
        input_ids=prompt_ids,
        attention_mask=prompt_mask if padded else None,
        position_ids=_positions(prompt_mask) if padded else None,
        use_cache=True,
        logits_to_keep=1,
    )
    cache = output.past_key_values
    cache.batch_repeat_interleave(sampling.completions)
    logits = output.logits[:, -1].repeat_interleave(sampling.completions, dim=0)
    given = prompt_mask.repeat_interleave(sampling.completions, dim=0)
    seen = torch.cat([given, given.new_ones(rows, steps)], dim=1)
    lengths = given.sum(dim=1, keepdim=True)

    batch = torch.arange(rows, device=device)  # the rows still in the batch
    alive = torch.ones(rows, dtype=torch.bool, device=device)  # which of them are not finished
    for step in range(steps):
        logps = _scale(policy, logits, sampling.temperature).log_softmax(dim=-1)
        tokens = _draw(_narrow(logps.exp(), sampling.top_k, sampling.top_p), generator)
        ids[batch, step] = tokens[:, 0]
        logp[batch, step] = logps.gather(1, tokens)[:, 0]
        alive = alive & ~_is_end(tokens[:, 0], policy)
        left = int(alive.sum())
        if left == 0 or step == steps - 1:
            break
        if len(batch) - left >= LEAVE * len(batch):
            stay = alive.nonzero()[:, 0]
            cache.batch_select_indices(stay)
            batch, alive, tokens = batch[stay], alive[stay], tokens[stay]
            seen, lengths = seen[stay], lengths[stay]
        logits = policy.model(
            input_ids=tokens,
            attention_mask=seen[:, : prompt_ids.shape[1] + step + 1] if padded else None,
            position_ids=lengths + step if padded else None,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
    ids, logp = ids[:, : step + 1], logp[:, : step + 1]
    # What finished rows drew while they were still in the batch is no part of them.
    ends = _is_end(ids, policy)
    mask = ends.cumsum(dim=1) - ends.long() == 0
    return ids.masked_fill(~mask, policy.pad_id), mask, logp.masked_fill(~mask, 0.0), ends.any(dim=1)


def _scale(policy: Policy, logits: Tensor, temperature: float) -> Tensor:
    """Logits (..., V) of what is drawn from, in float32; the same for sampled and recomputed tokens."""
    return (logits.float() / temperature).index_fill_(-1, policy.barred.to(logits.device), float("-inf"))


def _draw(chances: Tensor, generator: torch.Generator) -> Tensor:
    """A token for each row, int64 (n, 1), in proportion to its chances (n, V)."""
    if chances.device.type != "cpu":
        return torch.multinomial(chances, 1, generator=generator)
    # `multinomial` draws a random number for each token, this one for each row: a tenth of its time. In
    # float64 no chance is lost in the sums, which a CPU takes in order, so a chance of 0 is never met.
    sums = chances.cumsum(dim=1, dtype=torch.float64)
    if not bool(sums[:, -1].isfinite().all()):
        raise TrainError("the policy's logits are not finite; try a lower `learning_rate`")
    at = torch.rand(len(sums), 1, dtype=torch.float64, generator=generator) * sums[:, -1:]
    return torch.searchsorted(sums, at, right=True)


def _narrow(chances: Tensor, top_k: int | None, top_p: float | None) -> Tensor:
    """Set to 0 what may not be drawn; chances (n, V) need not sum to 1 afterwards."""
    if top_k is not None and top_k < chances.shape[1]:
        least = chances.topk(top_k, dim=1).values[:, -1:]
        chances = chances.masked_fill(chances < least, 0.0)
    if top_p is not None and top_p < 1:
        ordered, order = chances.sort(dim=1, descending=True)
        ordered = ordered / ordered.sum(dim=1, keepdim=True)
        # A token stays if those above it do not yet reach `top_p`, so the likeliest always stays.
        ordered = ordered.masked_fill(ordered.cumsum(dim=1) - ordered >= top_p, 0.0)
        chances = torch.zeros_like(chances).scatter(1, order, ordered)
    return chances


def _positions(mask: Tensor) -> Tensor:
    """Position of each token when the padding on the left does not count."""
    return (mask.long().cumsum(dim=1) - 1).clamp(min=0)


def _is_end(ids: Tensor, policy: Policy) -> Tensor:
    ends = [ids == end for end in policy.end_ids]
    return torch.stack(ends).any(dim=0) if len(ends) > 1 else ends[0]
