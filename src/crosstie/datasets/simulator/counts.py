"""Draws the counts of a view: one equation for every modality (docs/simulator.md, eq. 1-3)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from crosstie._typing import Array, Index
from crosstie.datasets.simulator.cells import Cells, generator
from crosstie.datasets.simulator.profile import Assay, Population

BLOCK = 1024  # rows drawn from one generator; changing it changes the result of a seed


def view(
    name: str, assay: Assay, population: Population, cells: Cells, rows: Index, batch_effect: float, seed: int
) -> AnnData:
    """Return one view of the cells in `rows`, in that order."""
    rng = generator(seed, name)
    n_batches, n_features = int(cells.batch.max(initial=0)) + 1, len(assay.feature)
    shift = batch_effect * rng.standard_normal((n_batches, n_features), dtype=np.float32)
    depth_shift = batch_effect * rng.standard_normal(n_batches, dtype=np.float32)
    blocks = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        rng = generator(seed, name, start // BLOCK)
        blocks.append(_counts(rng, assay, population.lineage, cells, block, shift, depth_shift))
    state, batch = cells.state[rows], cells.batch[rows]
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(population.cell_type[state]),
            "state": pd.Categorical(population.state[state]),
            "batch": pd.Categorical([f"batch{b + 1}" for b in batch]),
            "true_cell": rows,
        },
        index=[f"{name}-{i}" for i in range(len(rows))],
    )
    var = pd.DataFrame(index=assay.feature.astype(str))
    if assay.gene is not None:
        var["gene"] = assay.gene.astype(str)
        var["isotype_control"] = assay.gene == ""
    adata = AnnData(sp.vstack(blocks, format="csr"), obs=obs, var=var)
    adata.obsm["true_factors"] = cells.factors[rows]
    return adata


def _counts(
    rng: np.random.Generator, assay: Assay, lineage: Index, cells: Cells, rows: Index, shift: Array, depth_shift: Array
) -> sp.csr_matrix:
    """Draw counts of a block of cells: a negative binomial as a Poisson of gammas (docs/simulator.md, eq. 1-3)."""
    state, batch = cells.state[rows], cells.batch[rows]
    mean = assay.rate[state]  # (n_block, n_features)
    for k, w in enumerate(assay.loadings):
        at = lineage[state] == k
        if at.any() and w.any():
            mean[at] *= np.exp(cells.factors[rows[at]] @ w - np.square(w).sum(axis=0) / 2)
    if shift.any():
        mean *= np.exp(shift[batch])
    rho = assay.depth_correlation
    own = rng.standard_normal(len(rows), dtype=np.float32)
    log_depth, spread = assay.depth[state].T
    depth = np.exp(log_depth + depth_shift[batch] + spread * (rho * cells.size[rows] + np.sqrt(1 - rho**2) * own))
    mean += assay.ambient
    mean *= depth[:, None]
    shape = 1 / np.maximum(assay.dispersion, 1e-6)
    shape = shape[state] if len(shape) > 1 else np.broadcast_to(shape, mean.shape)
    mean *= rng.standard_gamma(shape, dtype=np.float32) / shape
    counts: sp.csr_matrix = sp.csr_matrix(rng.poisson(mean).astype(np.float32))
    counts.indices, counts.indptr = counts.indices.astype(np.int32), counts.indptr.astype(np.int32)
    return counts
