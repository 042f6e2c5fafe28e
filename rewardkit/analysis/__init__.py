"""Looking into a spec and its scores."""

from rewardkit.analysis.explain import Part, explain, render

__all__ = ["Part", "explain", "render"]
