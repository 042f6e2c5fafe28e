"""Published algorithms, each as one row: what it says of the parts that a run is made of.

A row holds values of the run file's `[train]` table. `recipe = "dapo"` lays them under the file's own, so
every part can be taken out of a recipe and another put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rewardkit.plugins import find as find_part
from rewardkit.plugins import names as part_names

#: the entry point group under which another package offers a `Recipe`
ENTRY_POINTS = "rewardkit.recipes"


@dataclass(frozen=True)
class Recipe:
    """A published algorithm."""

    source: str  #: the paper
    about: str  #: what sets it apart, in a few words
    values: Mapping[str, Any] = field(default_factory=dict)  #: of `[train]`, where they are not the defaults


RECIPES: Mapping[str, Recipe] = {
    "grpo": Recipe(
        "arXiv 2402.03300",
        "the weighted sum, normalized within each group; a KL to the first policy in the loss",
        {"normalizer": "grpo", "aggregation": "sequence_mean", "kl_coefficient": 0.04},
    ),
    "dr_grpo": Recipe(
        "arXiv 2503.20783",
        "no deviation and no length in any denominator, so neither difficulty nor length is rewarded",
        {"normalizer": "dr_grpo", "aggregation": "constant_length"},
    ),
    "gdpo": Recipe(
        "arXiv 2601.05242",
        "each term normalized on its own, then weighed, added up and whitened",
        {"normalizer": "gdpo"},
    ),
    "dapo": Recipe(
        "arXiv 2503.14476",
        "groups without signal are sampled anew, the ratio may rise further than fall, every token counts "
        "the same",
        {
            "filter": "dynamic_sampling",
            "max_resamples": 10,
            "normalizer": "grpo",
            "clip_low": 0.2,
            "clip_high": 0.28,
        },
    ),
    "gspo": Recipe(
        "arXiv 2507.18071",
        "one ratio for a whole completion, the geometric mean of its tokens' ratios",
        {
            "normalizer": "grpo",
            "ratio": "sequence",
            "clip_low": 3e-4,
            "clip_high": 4e-4,
            "aggregation": "sequence_mean",
            "minibatches": 4,
        },
    ),
    "gfpo": Recipe(
        "arXiv 2508.09726",
        "only the k shortest completions of a group are learned from",
        {
            "filter": "shortest",
            "normalizer": "grpo",
            "normalizer_options": {"ddof": 0},
            "kl_coefficient": 0.001,
        },
    ),
    "gfpo_adaptive": Recipe(
        "arXiv 2508.09726, algorithm 2",
        "as gfpo, with fewer completions kept the easier a prompt is",
        {
            "filter": "adaptive_difficulty",
            "normalizer": "grpo",
            "normalizer_options": {"ddof": 0},
            "kl_coefficient": 0.001,
        },
    ),
    "gvpo": Recipe(
        "arXiv 2504.19599",
        "a regression of the log-ratios of a group on its rewards, whose one optimum is known",
        {"normalizer": "dr_grpo", "objective": "gvpo"},
    ),
    "disco": Recipe(
        "arXiv 2505.12366",
        "right completions score above wrong ones, under a constraint on the KL of a step; no bias to "
        "a difficulty",
        {"normalizer": "dr_grpo", "objective": "disco"},
    ),
    "hicra": Recipe(
        "arXiv 2509.03646",
        "the advantage of planning tokens is raised",
        {"normalizer": "grpo", "shaper": "hicra"},
    ),
    "ppo": Recipe(
        "arXiv 1707.06347, 2203.02155",
        "a value head and generalized advantages, token by token; a KL in the reward",
        {"critic": True, "kl_in": "reward", "kl_coefficient": 0.001, "kl_kind": "k1"},
    ),
    "rloo": Recipe(
        "arXiv 2402.14740",
        "the mean of the others of a group as baseline; a KL in the reward",
        {
            "normalizer": "rloo",
            "aggregation": "constant_length",
            "kl_in": "reward",
            "kl_coefficient": 0.001,
            "kl_kind": "k1",
        },
    ),
    "reinforce_pp": Recipe(
        "arXiv 2501.03262",
        "no groups: the reward, normalized over the tokens of the batch; a KL in the reward",
        {"normalizer": "reinforce_pp", "kl_in": "reward", "kl_coefficient": 0.001, "kl_kind": "k1"},
    ),
    "cispo": Recipe(
        "arXiv 2506.13585",
        "the ratio is a clipped, constant weight of each token's log-probability: no token is dropped",
        {"normalizer": "grpo", "objective": "cispo", "clip_low": 1.0, "clip_high": 4.0},
    ),
}


def find(name: str) -> Recipe:
    """The recipe of that name; raises ValueError, listing the known names, where there is none."""
    found: object = find_part("recipe", ENTRY_POINTS, name, RECIPES)
    if not isinstance(found, Recipe):
        raise ValueError(
            f"recipe `{name}` is a {type(found).__name__}; "
            "its package must offer a `rewardkit.training.recipes.Recipe`"
        )
    return found


def names() -> list[str]:
    """All recipes: ours, then those of other packages."""
    return part_names(ENTRY_POINTS, RECIPES)
