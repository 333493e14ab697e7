"""Tissue: positions of cells, their neighbours within a section, and what neighbours say about a cell."""

from crosstie.space.context import in_context
from crosstie.space.neighbours import neighbours
from crosstie.space.positions import Positions
from crosstie.space.smoothing import smoothed

__all__ = ["Positions", "in_context", "neighbours", "smoothed"]
