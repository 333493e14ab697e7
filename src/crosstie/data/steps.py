"""The settings of a recipe, and their defaults for each modality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import numpy as np

from crosstie._errors import check_integer, type_error, value_error
from crosstie._typing import Modality

LARGEST = 1e30  # largest setting that is multiplied in 32 bits


@dataclass(frozen=True)
class Steps:
    """The settings of a recipe.

    Parameters
    ----------
    normalize
        `"library"`: divide by the cell's total, multiply by the median total of the fitted cells, log1p. `"binary"`:
        the same after setting all counts above 0 to 1. `"partial"`: log1p, minus the part of the cell's log total
        that the typical feature follows. `"clr"`: log1p minus its mean over the cell's features. `"arcsinh"`: divide
        by the cofactor, arcsinh. `"none"`: no normalisation.
    n_top
        Number of most variable features to keep; `None` keeps all.
    clip
        Scaled values are clipped at plus and minus this many standard deviations; `None` does not clip.
    min_share
        Features detected in less than this share of the cells, in [0, 1], or in fewer than five cells, are left out; 0
        keeps all features.
    cofactor
        Divisor before `"arcsinh"`, above 0: roughly the intensity below which signal is noise.
    weigh_by_signal
        Whether a feature's scaled values are multiplied by the root of the share of its variance that is not counting
        noise (`signal_shares`). Only for counts.
    """

    normalize: Literal["library", "binary", "partial", "clr", "arcsinh", "none"] = "library"
    n_top: int | None = None
    clip: float | None = 10.0
    min_share: float = 0.0
    cofactor: float = 5.0
    weigh_by_signal: bool = False

    def __post_init__(self) -> None:
        words = get_args(get_type_hints(Steps)["normalize"])
        if self.normalize not in words:
            raise value_error("steps: normalize is unknown.", found=repr(self.normalize), expected=f"one of {words}")
        if self.n_top is not None:
            check_integer("steps: n_top", self.n_top, least=1)
        if not isinstance(self.weigh_by_signal, bool):
            found = repr(self.weigh_by_signal)
            raise type_error("steps: weigh_by_signal is not a truth value.", found=found, expected="True or False")
        for name, value, low, high in (
            ("clip", 1.0 if self.clip is None else self.clip, 0.0, LARGEST),
            ("min_share", self.min_share, -math.ulp(0), 1.0),
            ("cofactor", self.cofactor, 0.0, LARGEST),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise type_error(f"steps: {name} is not a number.", found=repr(value), expected="a number")
            if not low < value <= high:
                raise value_error(
                    f"steps: {name} is out of its range.", found=repr(value), expected=f"above 0, up to {high:g}"
                )


# Where a few proteins make up most of a total, it does not measure the size of a cell: the other proteins show how far
# it does. What is mostly counting noise should not weigh as much as CD3. For peaks, scaling to unit variance
# was better than every TF-IDF, and clipping hurts where most values are 0 (docs/decisions.md).
STEPS: dict[Modality, Steps] = {
    "rna": Steps(n_top=3000, weigh_by_signal=True),
    "protein": Steps(normalize="partial", weigh_by_signal=True),
    "activity": Steps(n_top=3000),
    "atac": Steps(normalize="binary", clip=None, min_share=0.001),
    "cytometry": Steps(normalize="arcsinh"),
    "none": Steps(normalize="none"),
}
# Of mass cytometers, and of flow cytometers with four decades, 99.9 % of the intensities are below 2,200; of those with
# 18 bits or more, above 10,000, with a background of about 100 (docs/decisions.md).
FLUORESCENCE, FLUORESCENCE_SHARE, FLUORESCENCE_COFACTOR = 2.0**12, 0.999, 150.0
