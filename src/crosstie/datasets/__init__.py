"""Data to try things on: a simulator whose truth is known."""

from crosstie.datasets.simulate import simulate_citeseq, true_links

__all__ = ["simulate_citeseq", "true_links"]
