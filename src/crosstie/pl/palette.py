"""Colours that stay apart, also for colour-blind eyes: Okabe and Ito's for a few, their continuation for many."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
GREY = "#BDBDBD"
INK = "#222222"

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


@cache
def palette(n: int) -> tuple[str, ...]:
    """Colours for `n` classes, the first ones the same for every `n`.

    Six are the palette of Okabe and Ito without black, and without yellow, too pale for dots on white. Each further one
    is the colour of an RGB grid that lies farthest from all before it, in the perceptual space Oklab, as seen by normal
    and by green-blind eyes (the mean of both), among colours that are not near white, black or grey, and not glaring.

    References
    ----------
    Okabe and Ito 2008; Ottosson 2020 (Oklab); Machado et al., IEEE TVCG 2009 (deuteranopia).
    """
    levels = np.linspace(0, 1, 14)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _oklab(grid)
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    grid = grid[(light > 0.32) & (light < 0.86) & (chroma > 0.05) & (chroma < 0.2)]
    chosen = list(OKABE_ITO[:n])
    nearest = np.min([_difference(grid, to_rgb(colour)) for colour in (*OKABE_ITO, GREY)], axis=0)
    while len(chosen) < n:
        colour = grid[np.argmax(nearest)]
        chosen.append(to_hex(colour))
        nearest = np.minimum(nearest, _difference(grid, colour))
    return tuple(chosen)


def _difference(grid: NDArray[np.float64], colour: NDArray[np.float64] | tuple[float, float, float]) -> NDArray:
    one = np.asarray(colour)[None]
    normal = np.linalg.norm(_oklab(grid) - _oklab(one), axis=1)
    blind = np.linalg.norm(_oklab(_green_blind(grid)) - _oklab(_green_blind(one)), axis=1)
    return (normal + blind) / 2


def _green_blind(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(rgb @ _DEUTERANOPIA.T, 0, 1)


def _oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
