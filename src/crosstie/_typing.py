"""Types that more than one room uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    Data: TypeAlias = MuData | Mapping[str, AnnData]

Array = NDArray[np.float32]
Floats = NDArray[np.floating]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Labels = NDArray[np.str_] | NDArray[np.object_]
Matrix = NDArray[np.floating] | sp.csr_matrix | sp.csr_array

Edge = tuple[str, str]  # two views that are linked
Tick = Callable[[int, int, dict[str, float]], None]  # called with step, number of steps, losses

Precision = Literal["float32", "bfloat16"]
Modality = Literal["rna", "protein", "atac", "activity", "cytometry", "none"]
