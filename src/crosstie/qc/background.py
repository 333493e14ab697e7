"""The background of proteins: from empty droplets, from isotype controls, or from a mixture per protein."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Floats, Matrix
from crosstie.data import View
from crosstie.data.normalize import target_sum_of, totals, typical_slope
from crosstie.data.stored import bounds_of, rows_of, take_rows
from crosstie.data.view import BACKGROUND, read_slot
from crosstie.links.antibody_names import controls

if TYPE_CHECKING:
    from anndata import AnnData

Source: TypeAlias = Literal["droplets", "isotypes", "mixture"]
SOURCES: tuple[Source, ...] = ("droplets", "isotypes", "mixture")
LEAST_COUNTS = 10  # of proteins in a droplet that tells the background: fewer are hardly more than sequencing errors
MOST_SHARE = 0.5  # of the median cell: a fuller droplet may hold a cell or a part of one
LEAST_DROPLETS = 100
MOST_DROPLETS = 50_000  # more are drawn at random
MOST_CELLS = 5_000  # that a mixture is fitted to
APART = 2.0  # standard deviations between the two parts of a mixture; closer ones are one population


def with_background(
    adata: AnnData, *, droplets: AnnData | None = None, source: Source | None = None, slot: str = "X", seed: int = 0
) -> AnnData:
    r"""Measure the counts that each antibody leaves in every droplet, to be taken off by the fit.

    The background is written into `var["crosstie_background"]`, where `xt.integrate` finds it; counts stay as they
    are. With :math:`y_{ij} = \log(1 + x_{ij})`, less the part of the cell's log total that the typical protein
    follows (section 1 of the method), and :math:`b_j` the background in counts, the fit uses :math:`\log(1 +
    e^{y_{ij}} / (1 + b_j))`: flat where counts are background, logarithmic above it. On the scale of :math:`y`, the
    background is

    - of `"droplets"`, the protein's mean over empty droplets: barcodes that are not among the cells, with at least 10
      counts of proteins and at most half of those of the median cell;
    - of `"isotypes"`, the mean of the isotype controls over all cells, the same for every protein;
    - of `"mixture"`, the mean of the lower of two normal distributions fitted to the protein, if they are at least two
      standard deviations apart; other proteins have none.

    Nothing is taken off by default: no source makes every match better (`docs/decisions.md`). The first step of
    dsb, which shifts and scales each protein by its droplets, would change nothing: every recipe centres and scales.

    Parameters
    ----------
    adata
        Cells × proteins: counts.
    droplets
        The unfiltered matrix of the same antibodies as X, with the barcodes of cells among the others, such as the
        view `"adt"` of Cell Ranger's `raw_feature_bc_matrix.h5`; it may be on disk.
    source
        Where the background is read; `None` takes droplets if they are given, then isotype controls if there are any,
        then a mixture.
    slot
        Where the counts of the cells are: `"X"` or `"layers/NAME"`.
    seed
        Seed of the cells and droplets that are drawn of very many.

    Returns
    -------
    A copy with `var["crosstie_background"]`, in counts of the median cell, missing for controls and proteins
    without a background, and `uns["crosstie_background"]`, which says where it comes from.

    Raises
    ------
    KeyError
        If the source is unknown.
    ValueError
        If the matrix is not counts, there are no isotype controls, droplets lack proteins, or fewer than 100 of them
        are empty.

    References
    ----------
    Mulè, Martins and Tsang, Nature Communications 2022 (dsb), for empty droplets and isotype controls.
    """
    if slot == "raw" or slot.startswith("obsm/"):
        raise value_error(
            "with_background: the slot cannot hold these proteins.", found=slot, expected="X or layers/NAME"
        )
    view = View.of("adt", adata, modality="protein", slot=slot)
    if view.values != "counts":
        do = "Point slot= at the counts; values that are normalised already need no correction."
        raise value_error("with_background: the matrix is not counts.", found=view.values, expected="counts", do=do)
    view = view.subset(np.arange(view.n_cells))
    kinds = controls(view.features)
    proteins = ~view.features.isin(list(kinds))
    isotypes = view.features.isin([name for name, kind in kinds.items() if kind == "isotype control"])
    if source is None:
        source = "droplets" if droplets is not None else "isotypes" if isotypes.any() else "mixture"
    if source not in SOURCES:
        raise unknown_name("with_background: source", source, SOURCES)
    level, counts = np.full(len(proteins), np.nan), _dense(view.loaded)
    y = np.log1p(counts) - _sizes(counts[:, proteins])[:, None]
    if source == "droplets":
        level[proteins] = _of_droplets(view, droplets, proteins, seed)
    elif source == "isotypes":
        level[proteins] = _of_isotypes(y[:, isotypes])
    else:
        level[proteins] = [_of_mixture(column, seed) for column in y[:, proteins].T]
    out = adata.copy()
    out.var[BACKGROUND] = np.expm1(np.maximum(level, 0))
    out.uns[BACKGROUND] = {"source": source, "n_proteins": int(np.isfinite(level).sum())}
    return out


def _dense(matrix: Matrix) -> Floats:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix, dtype=np.float64)


def _sizes(counts: Floats) -> Floats:
    """Return the part of each cell's log total, over that of the median cell, that the typical protein follows."""
    return typical_slope(counts) * (np.log1p(totals(counts)) - np.log1p(target_sum_of(counts)))


def _of_isotypes(y: Floats) -> float:
    if not y.size:
        do = "Take another source: mixture, or droplets with the unfiltered matrix."
        raise value_error("with_background: there are no isotype controls.", found="proteins only", do=do)
    return float(y.mean())


def _of_droplets(view: View, droplets: AnnData | None, proteins: np.ndarray, seed: int) -> Floats:
    """Return the mean of each protein's log counts in empty droplets."""
    if droplets is None:
        do = "Give droplets=, the unfiltered matrix, or take another source."
        raise value_error("with_background: there are no droplets.", found="source='droplets' alone", do=do)
    matrix, features = read_slot(droplets, "X", view="droplets")
    at = features.get_indexer(view.features[proteins])
    if (at < 0).any():
        lacking = view.features[proteins][at < 0]
        raise value_error(
            "with_background: the droplets lack proteins of the cells.",
            found=f"{len(lacking)} missing: {sample(lacking, 3)}",
            expected="the unfiltered matrix of the same antibodies",
            cli={"do": "Give the raw_feature_bc_matrix of the same run: --droplets FILE."},
        )
    cells = view.cells.astype(str)
    names = pd.Index(droplets.obs_names).astype(str)
    if not names.isin(cells).any():
        log.warning(
            "with_background: no droplet has the name of a cell (%s; cells: %s); all of %d are taken for empty.",
            *(sample(names, 2), sample(cells, 2), len(names)),
        )
    empty = np.flatnonzero(~names.isin(cells))
    total = _totals(matrix, empty, at)
    most = MOST_SHARE * float(np.median(totals(_dense(view.loaded)[:, proteins])))
    chosen = empty[(total >= LEAST_COUNTS) & (total <= most)]
    if len(chosen) < LEAST_DROPLETS:
        raise value_error(
            "with_background: too few empty droplets tell the background.",
            found=f"{len(chosen):,} of {len(names):,} barcodes with {LEAST_COUNTS} to {most:,.0f} counts of proteins",
            expected=f"at least {LEAST_DROPLETS} barcodes that are not cells",
            do="Give the unfiltered matrix (raw_feature_bc_matrix), or take another source.",
        )
    if len(chosen) > MOST_DROPLETS:
        chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:MOST_DROPLETS])
    log.info("%s: background from %d empty droplets of %d barcodes.", view.name, len(chosen), len(names))
    return np.mean(np.log1p(_dense(take_rows(matrix, chosen)[:, at])), axis=0)


def _totals(matrix: Any, rows: np.ndarray, columns: np.ndarray) -> Floats:
    """Return the total of the wanted columns in some rows, read block by block."""
    out = np.zeros(matrix.shape[0])
    for start, stop in bounds_of(matrix):
        out[start:stop] = totals(rows_of(matrix, start, stop)[:, columns])
    return out[rows]


def _of_mixture(values: Floats, seed: int) -> float:
    """Return the mean of the lower of two normal distributions; missing where they are not apart."""
    from sklearn.mixture import GaussianMixture

    if len(values) > MOST_CELLS:
        values = values[np.random.default_rng(seed).permutation(len(values))[:MOST_CELLS]]
    start = np.quantile(values, [0.25, 0.9])
    if start[1] <= start[0]:
        return float("nan")
    found = GaussianMixture(2, means_init=start[:, None], reg_covar=1e-3, random_state=seed).fit(values[:, None])
    mean, spread = found.means_.ravel(), np.sqrt(found.covariances_.ravel())
    low, high = np.argsort(mean)
    apart = mean[high] - mean[low] > APART * np.sqrt((spread**2).mean())
    return float(mean[low]) if apart else float("nan")
