"""Anchors: weighted pairs of cells of two views, as index arrays. Matches of cells use the same type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crosstie._errors import value_error
from crosstie._typing import Array, Floats, Index


@dataclass(frozen=True)
class Anchors:
    """Weighted pairs of cells.

    Parameters
    ----------
    source, target
        Row numbers in the source and in the target view, shape `(n_pairs,)`.
    weight
        Confidence in each pair, in (0, 1], shape `(n_pairs,)`.
    """

    source: Index
    target: Index
    weight: Floats

    def __repr__(self) -> str:
        median = f", median weight {np.median(self.weight):.2f}" if len(self) else ""
        return f"Anchors: {len(self):,} pairs of cells{median}"

    def __post_init__(self) -> None:
        shapes = {np.shape(self.source), np.shape(self.target), np.shape(self.weight)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise value_error(
                "anchors: source, target and weight must be vectors of one length.",
                found=f"shapes {sorted(shapes)}",
                expected="(n_pairs,)",
            )

    def __len__(self) -> int:
        return len(self.source)

    def reversed(self) -> Anchors:
        """Return the same pairs with source and target swapped."""
        return Anchors(self.target, self.source, self.weight)

    def to_frame(self) -> pd.DataFrame:
        """Return a table with columns `source`, `target` (row numbers) and `weight`."""
        return pd.DataFrame({"source": self.source, "target": self.target, "weight": self.weight})


def kernel_weights(squared_distance: Floats) -> Array:
    r"""Return weights of pairs that decrease with the distance of their cells.

    Parameters
    ----------
    squared_distance
        Squared distance of the two cells of each pair, shape `(n_pairs,)`, at least one pair.

    Returns
    -------
    :math:`\exp(-d^2 / 2h^2)` with :math:`h^2` the median squared distance, shape `(n_pairs,)`. Weights are
    at least 1e-6, so that no pair vanishes, and all 1 if the median is 0.
    """
    middle = float(np.median(squared_distance))
    weight = np.exp(-squared_distance / (2 * middle)) if middle > 0 else np.ones(len(squared_distance))
    return np.maximum(weight, 1e-6).astype(np.float32)
