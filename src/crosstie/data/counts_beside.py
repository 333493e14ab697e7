"""Finds counts that a data set keeps beside a normalised matrix, in `raw` or in a layer, and says how to use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from crosstie._log import log

if TYPE_CHECKING:
    from anndata import AnnData

_LOOKED_AT = 200  # cells


def tell_of_counts(view: str, adata: AnnData, slot: str) -> str | None:
    """Log where counts are, if the matrix of a slot is not counts and another of the data set is.

    Parameters
    ----------
    view
        Name of the view, for the message.
    adata
        The data, in memory or on disk; a few cells are read.
    slot
        The slot that is used.

    Returns
    -------
    The slot with counts, or `None` where there is nothing to say.
    """
    if slot.startswith("obsm/") or _holds_counts(_matrix(adata, slot)):
        return None
    others = ["raw", *sorted((f"layers/{name}" for name in adata.layers), key=lambda name: "count" not in name)]
    found = next((at for at in others if at != slot and _holds_counts(_matrix(adata, at))), None)
    if found is not None:
        log.warning(
            "%s: %s is not counts, but %s holds counts; to use them, set slot={%r: %r}.",
            *(view, slot, found, view, found),
            extra={"cli": "%s: %s is not counts, but %s holds counts; to use them, write --slot %s=%s."},
        )
    return found


def _matrix(adata: AnnData, slot: str) -> Any:
    if slot == "X":
        return adata.X
    if slot == "raw":
        return None if adata.raw is None else adata.raw.X
    return adata.layers.get(slot.partition("/")[2])


def _holds_counts(matrix: Any) -> bool:
    """Whether the first cells of a matrix hold whole numbers of zero and more, and not zeros alone."""
    if matrix is None or len(matrix.shape) != 2:
        return False
    part = matrix[:_LOOKED_AT]
    part = part.compute(scheduler="synchronous") if hasattr(part, "compute") else part
    values = part.data if sp.issparse(part) else np.asarray(part)
    if values.dtype.kind not in "biuf" or not values.size or not np.isfinite(values).all():
        return False
    return bool((values >= 0).all() and (values == np.rint(values)).all() and values.any())
