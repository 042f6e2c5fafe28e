"""The parts that a policy-gradient algorithm is made of, as keys of the run file's `[train]` table.

filter x normalizer x token shaper x objective (ratio, clip, aggregation) x KL, and a critic. A recipe
gives values to some of them; what the run file says itself lies over those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from rewardkit.runtime.configs import Table

from . import recipes

Plain = bool | int | float | str
Options = dict[str, Plain | list[Plain]]
Natural = Annotated[int, Field(ge=0, le=1_000_000_000)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]

#: what a recipe says of a part holds only as long as the part is the recipe's
_OPTIONS = {
    "filter": "filter_options",
    "normalizer": "normalizer_options",
    "shaper": "shaper_options",
    "objective": "objective_options",
}
_BELONGS = {
    "filter": ("max_resamples",),
    "objective": ("clip_low", "clip_high", "dual_clip"),
    "kl_in": ("kl_kind",),  # k1, right in the reward, teaches nothing in the loss
}


class CriticConfig(Table):
    """A value head on the policy, and advantages of single tokens by GAE (arXiv 1506.02438)."""

    gamma: Share = 1.0  #: discount of a later token's reward
    lam: Share = 0.95  #: lambda of GAE: 0 trusts the values, 1 the returns
    value_clip: Amount = 0.5  #: how far a value may move per update; 0 does not clip
    coefficient: Amount = 0.1  #: weight of the value loss; larger, and values unlearn the shared policy
    learning_rate: Rate = 1e-3  #: of the value head


class Algorithm(Table):
    """What a recipe may set."""

    recipe: str | None = None  #: a published algorithm, whose values lie under the ones here

    filter: str = "none"  #: which groups and completions count
    filter_options: Options = Field(default_factory=dict)
    max_resamples: Natural = 0  #: times that groups which a filter dropped are sampled anew in a step
    mask_truncated: bool = False  #: tokens of completions that were cut off carry no loss

    #: instead of the spec's `advantage` statement; "spec" is that statement, whatever the recipe says
    normalizer: str | None = None
    normalizer_options: dict[str, Plain] = Field(default_factory=dict)  #: of that normalizer
    shaper: str = "none"  #: how a completion's advantage is spread over its tokens
    shaper_options: Options = Field(default_factory=dict)

    #: the term, metrics too, that is above 0 for a right completion, where a shaper asks; else an advantage
    #: above 0 counts as right
    correct: str | None = None

    objective: str = "ppo_clip"  #: the policy loss
    objective_options: Options = Field(default_factory=dict)
    ratio: Literal["token", "sequence", "sequence_token"] = "token"
    clip: Amount = 0.2
    clip_low: Amount | None = None  #: `clip` unless given
    clip_high: Amount | None = None  #: `clip` unless given
    dual_clip: Rate | None = None
    aggregation: Literal["token_mean", "sequence_mean", "constant_length", "global_tokens"] = "token_mean"

    kl_coefficient: Amount = 0.0
    kl_kind: Literal["k1", "k2", "k3"] = "k3"
    kl_in: Literal["loss", "reward"] = "loss"
    #: advantages of single tokens from a value head, instead of a normalizer
    critic: CriticConfig | bool = False

    @property
    def value_head(self) -> CriticConfig | None:
        """The critic, if there is one."""
        return CriticConfig() if self.critic is True else self.critic or None

    @property
    def clip_range(self) -> tuple[float, float]:
        """How far the ratio may fall below and rise above 1."""
        low = self.clip if self.clip_low is None else self.clip_low
        high = self.clip if self.clip_high is None else self.clip_high
        return low, high

    @model_validator(mode="wrap")
    @classmethod
    def _lay_over_recipe(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(values, Mapping) or not isinstance(values.get("recipe"), str):
            return handler(values)
        given = dict(values)
        algorithm = handler(laid_over(given, recipes.find(given["recipe"]).values))
        # what the file does not say stays unsaid: a copy of the run may name another recipe
        algorithm.__pydantic_fields_set__.intersection_update(given)
        return algorithm

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        low, high = self.clip_range
        if low > 1:
            raise ValueError(f"`clip_low` ({low}) may be at most 1, since a ratio is never below 0")
        if self.dual_clip is not None and self.dual_clip <= 1 + high:
            raise ValueError(f"`dual_clip` ({self.dual_clip}) must be above 1 + `clip_high` ({1 + high})")
        if self.max_resamples and self.filter == "none":
            raise ValueError("`max_resamples` is for groups that a `filter` drops; name one")
        if self.critic and self.normalizer is not None:
            raise ValueError(
                "a `critic` makes the advantages itself; leave `normalizer` out, or `critic = false`"
            )
        return self


def laid_over(given: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a recipe, with those that are given in their place.

    What a recipe says of one of its parts goes with that part; single options may be given. A critic that is
    given takes the place of the recipe's normalizer.
    """
    under = dict(recipe)
    for part in _OPTIONS.keys() | _BELONGS.keys():
        if part in given and given[part] != recipe.get(part):
            for name in (_OPTIONS.get(part, ""), *_BELONGS.get(part, ())):
                under.pop(name, None)
    for options in _OPTIONS.values():
        if options in under and isinstance(given.get(options), Mapping):
            given = {**given, options: {**under[options], **given[options]}}
    if given.get("critic", False) is not False:
        under.pop("normalizer", None)
        under.pop("normalizer_options", None)
    if "clip" in given:  # said of both sides
        under.pop("clip_low", None)
        under.pop("clip_high", None)
    return {**under, **given}
