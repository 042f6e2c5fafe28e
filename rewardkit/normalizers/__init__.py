"""Normalizers: from a matrix of term values to advantages, for numpy arrays and torch tensors alike."""

from rewardkit.normalizers.apply import AdvantageError, advantage
from rewardkit.normalizers.gdpo import gdpo
from rewardkit.normalizers.grpo import batch, dr_grpo, grpo
from rewardkit.normalizers.registry import NORMALIZERS, Normalizer, get
from rewardkit.normalizers.reinforce_pp import reinforce_pp
from rewardkit.normalizers.rloo import rloo
from rewardkit.normalizers.share import effective_share, group_deviations

__all__ = [
    "NORMALIZERS",
    "AdvantageError",
    "Normalizer",
    "advantage",
    "batch",
    "dr_grpo",
    "effective_share",
    "gdpo",
    "get",
    "group_deviations",
    "grpo",
    "reinforce_pp",
    "rloo",
]
