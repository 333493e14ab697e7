"""Types that more than one room uses."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float32]
Floats = NDArray[np.floating]
Index = NDArray[np.int64]
Matrix = NDArray[np.floating] | sp.csr_matrix | sp.csr_array

Modality = Literal["rna", "protein", "atac", "activity", "cytometry", "none"]
