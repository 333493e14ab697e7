"""Shared by all plots: axes of a new figure, and a title."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes


def new_axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure of this size, in inches, with room for legends beside them."""
    axes: Axes = plt.subplots(figsize=(width, height), dpi=150, layout="constrained")[1]
    return axes


def entitle(ax: Axes, title: str | None) -> None:
    """Write the title, if there is one, above the left end of the plot."""
    if title:
        ax.set_title(title, fontsize=10, loc="left")
