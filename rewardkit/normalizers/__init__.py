"""Normalizers: from a matrix of term values to advantages, for numpy arrays and torch tensors alike."""

from rewardkit.normalizers.apply import advantage
from rewardkit.normalizers.gdpo import gdpo
from rewardkit.normalizers.grpo import dr_grpo, grpo
from rewardkit.normalizers.registry import NORMALIZERS, Normalizer, get
from rewardkit.normalizers.share import effective_share, group_deviations

__all__ = [
    "NORMALIZERS",
    "Normalizer",
    "advantage",
    "dr_grpo",
    "effective_share",
    "gdpo",
    "get",
    "group_deviations",
    "grpo",
]
