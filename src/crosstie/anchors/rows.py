"""Rows of length 1: what all common coordinates are."""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats


def unit_rows(x: Floats) -> Array:
    """Return rows scaled to length 1; rows of zeros stay zero."""
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)
