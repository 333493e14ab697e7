"""Detects the kind of numbers in a matrix (counts, normalised, log scale), and rejects unusable ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Floats, Matrix
from crosstie.data.panels import MUST_BE_SEEN

Values = Literal["counts", "normalized", "log", "intensity", "any"]
Expected = Literal["counts", "proteins", "intensities", "any"]

# Log-transformed counts stay far below this; normalised counts exceed it.
MAX_LOG = 25.0
MAX_VALUE = 1e15  # no measurement is larger, and sums of squares would overflow
MAX_ARCSINH = 15.0  # arcsinh of a million is 13 with the usual cofactor


def describe_values(matrix: Matrix, view: str, *, expected: Expected = "counts") -> Values:
    """Return the kind of numbers in a matrix, and raise if they are unusable.

    Parameters
    ----------
    matrix
        Cells × features, dense or CSR.
    view
        Name of the view, for messages.
    expected
        Kind of numbers that the modality should have: `"counts"`, `"proteins"` (counts, or normalised to values around
        zero), `"intensities"`, or `"any"` finite number.

    Returns
    -------
    If counts are expected: `"counts"` (whole numbers), `"normalized"` (fractions, too large for a logarithm) or `"log"`
    (small fractions). Proteins may also be `"any"`: negative values, as CLR and dsb give them. If intensities are
    expected: `"intensity"`, or `"any"` if they are so small that they must have been transformed. The log warns about
    unexpected values.

    Raises
    ------
    ValueError
        If a value is not finite, a value is negative where counts are expected, or all values are zero.
    """
    stored = _finite(matrix, view)
    if not stored.size or not np.any(stored):
        raise value_error(
            f"view {view!r}: all values are zero.",
            do="Point slot= at the matrix that holds the data.",
            cli={"do": "Point --slot at the matrix that holds the data."},
        )
    if expected == "any":
        return "any"
    if expected == "intensities":
        high = float(stored.max())
        if high > MAX_ARCSINH:
            return "intensity"
        log.warning("%s: intensities up to %.3g: taken as transformed (arcsinh), left on their scale.", view, high)
        return "any"
    if expected == "proteins" and stored.min() < 0:
        text = "%s: negative values (%.3g to %.3g): taken as normalised proteins (CLR, dsb), left on their scale."
        log.warning(f"{text} Counts are better.", view, float(stored.min()), float(stored.max()))
        return "any"
    _check_not_negative(stored, view)
    if _whole(stored):
        return "counts"
    high = float(stored.max())
    values: Values = "log" if high <= MAX_LOG else "normalized"
    done = "taken as log-normalised, left on its scale" if values == "log" else "normalised again and logarithm taken"
    log.warning("%s: the matrix is not counts (fractions, up to %.3g): %s. Counts are better.", view, high, done)
    return values


def check_values(matrix: Matrix, view: str, values: Values) -> None:
    """Raise if new cells cannot hold the kind of numbers that a view was fitted on.

    The kind is not detected again, because a few cells may happen to hold only whole numbers or zeros.

    Parameters
    ----------
    matrix
        New cells × features, dense or CSR.
    view
        Name of the view, for messages.
    values
        Kind of numbers that the view was fitted on.

    Raises
    ------
    ValueError
        If a value is not finite, a value is negative (unless the kind allows it), or a count is a fraction.
    """
    stored = _finite(matrix, view)
    if values not in ("intensity", "any") and stored.size:
        _check_not_negative(stored, view)
    if values == "counts" and not _whole(stored):
        raise value_error(
            f"view {view!r}: the new cells hold fractions, but the view was fitted on counts.",
            found=f"{float(stored[stored != np.rint(stored)][0]):.3g}, and values up to {float(stored.max()):.3g}",
            expected="whole numbers",
            do="Put the counts of the new cells into the slot that held the counts of the fitted cells.",
        )


def _finite(matrix: Matrix, view: str) -> Floats:
    """Return the stored values, or raise if one is not finite or too large."""
    stored: Floats = matrix.data if sp.issparse(matrix) else matrix
    bad = int(stored.size - np.isfinite(stored).sum())
    if bad:
        panels = bool((np.isnan(stored).sum(0) >= MUST_BE_SEEN).any()) if stored.ndim == 2 else False
        do = "Remove or fill them first, or point {} at another matrix." + panels * (
            " If some batches did not measure these features, make a view of each panel: {}."
        )
        raise value_error(
            f"view {view!r}: the matrix holds values that are not finite.",
            found=f"{bad:,} NaN or infinite values, or numbers that need more than 32 bits",
            expected="finite numbers",
            do=do.format("slot=", "crosstie.data.split_by_panel"),
            cli={"do": do.format("--slot", f"--panel-key {view}=COLUMN")},
        )
    high = max(abs(float(stored.min())), abs(float(stored.max()))) if stored.size else 0.0
    if high > MAX_VALUE:
        raise value_error(
            f"view {view!r}: the matrix holds values that are too large.",
            found=f"up to {high:.3g}",
            expected=f"counts, or other measurements up to {MAX_VALUE:g}",
            do="Check how the file was written, or point slot= at another matrix.",
            cli={"do": "Check how the file was written, or point --slot at another matrix."},
        )
    return stored


def _check_not_negative(stored: Floats, view: str) -> None:
    if stored.min() < 0:
        raise value_error(
            f"view {view!r}: the matrix holds negative values.",
            found=f"values from {float(stored.min()):.3g} to {float(stored.max()):.3g} (scaled or centred data?)",
            expected="raw counts",
            do='Point slot= at the counts, e.g. slot="layers/counts".',
            cli={"do": "Point --slot at the counts, e.g. --slot layers/counts."},
        )


def _whole(stored: Floats) -> bool:
    return np.array_equal(stored, np.rint(stored))
