"""A CITE-seq simulator: blood cells seen by two assays, with the truth kept (docs/simulator.md).

Every assay is one `Assay` of figures and goes through the same equation; another modality is another `Assay`.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import mudata as md
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie._typing import Array, Floats, Index
from crosstie.datasets.profile import Assay, Panel, Population, load_profile

BLOCK = 1024  # rows drawn from one generator: part of what a seed means


@dataclass(frozen=True)
class Cells:
    """The cells behind all views; row `i` is cell `i` wherever it is seen."""

    state: Index
    batch: Index
    size: Array
    factors: Array  # (n_cells, n_factors)


def simulate_citeseq(
    *,
    n_cells: int | Mapping[str, int] = 2000,
    n_genes: int = 2000,
    n_proteins: int | None = None,
    n_linked: int | None = None,
    panel: Panel = "pbmc_wnn",
    overlap: float = 1.0,
    drop_types: Mapping[str, Iterable[str]] | None = None,
    composition: Mapping[str, Mapping[str, float]] | None = None,
    n_batches: int = 1,
    batch_effect: float = 0.3,
    coupling: float = 1.0,
    noise: float = 1.0,
    seed: int = 0,
) -> md.MuData:
    """Simulate RNA and surface proteins of human blood cells, handed out as if measured in different cells.

    Rows of the two views are shuffled separately and carry names of their own. The truth is kept in `.obs` of
    both: `true_cell` (equal numbers are one cell), `cell_type`, `state` and `batch`; the continuous state of each cell
    is `.obsm["true_factors"]`. `true_links` returns which protein is the product of which gene.

    Parameters
    ----------
    n_cells
        Cells of each view; a mapping such as `{"rna": 3000, "adt": 1000}` gives each view its own number.
    n_genes
        Genes of the RNA view: those of the antibodies, then the most informative of about 4,000.
    n_proteins
        Antibodies of the protein view, the most useful first; one in twenty, at most four, is an isotype control. By
        default 84, or all 14 of the small panel.
    n_linked
        Antibodies whose gene is among the genes; the genes of the others are left out. By default every gene known.
    panel
        Whose levels the antibodies have: `"pbmc_wnn"` (104, a low background and few counts each) or `"pbmc10k"` (14).
    overlap
        Share of the cells that are seen in both views; 0 makes two samples of one population.
    drop_types
        Cell types (or states) that a view lacks: `{"adt": ["NK cells"]}`.
    composition
        Factors on the proportions of cell types (or states) in a view, renormalised: `{"adt": {"B cells": 0.1}}`.
    n_batches, batch_effect
        Batches in each view, and the deviation of their shifts of each feature, on the log scale.
    coupling
        Multiplies the loadings of the continuous factors that proteins and genes share inside a state. At 0 only
        the states are common to both views.
    noise
        Multiplies the dispersions and the ambient background. At 0 counts are Poisson.
    seed
        The same seed and options give the same bits.

    Returns
    -------
    MuData of `"rna"` and `"adt"`: raw counts, float32 CSR.

    Raises
    ------
    InputError
        If a name is unknown or a number out of its range.
    """
    population, rna, adt = load_profile(panel)
    adt = _antibodies(adt, n_proteins)
    rna = _genes(population, rna, adt, n_genes, n_linked)
    assays = {"rna": rna, "adt": adt}

    n_in_view = _cell_numbers(n_cells, assays)
    shares = _shares(population, assays, drop_types, composition)
    _check("overlap", overlap, 0, 1)
    _check("batch_effect", batch_effect, 0, 3)
    _check("coupling", coupling, 0, 3)
    _check("noise", noise, 0, 10)
    _check_whole("n_batches", n_batches, 1, 1000)
    _check_whole("seed", seed, 0, 2**63)

    cells, members = _draw_cells(n_in_view, shares, overlap, n_batches, rna.loadings.shape[1], seed)
    views = {}
    for name, assay in assays.items():
        tuned = replace(
            assay,
            loadings=assay.loadings * np.float32(coupling),
            dispersion=assay.dispersion * np.float32(noise),
            ambient=assay.ambient * np.float32(noise),
        )
        views[name] = _view(name, tuned, population, cells, members[name], batch_effect if n_batches > 1 else 0.0, seed)
    with md.set_options(pull_on_update=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "var_names are not unique")  # CD4 is a gene and a protein, in life as here
        return md.MuData(views)


def true_links(mdata: md.MuData) -> pd.DataFrame:
    """Return the pairs of a protein and a gene that codes for it, both simulated: columns `protein`, `gene`."""
    var = mdata["adt"].var
    table = var["gene"].str.split("/").explode().rename_axis("protein").reset_index()
    return table[table["gene"].isin(mdata["rna"].var_names)].reset_index(drop=True)


# ---- which features -------------------------------------------------------------------------------------------------


def _antibodies(adt: Assay, n_proteins: int | None) -> Assay:
    """Keep the first antibodies and the first isotype controls (those without a gene)."""
    assert adt.gene is not None
    n_proteins = min(84, len(adt.feature)) if n_proteins is None else n_proteins
    _check_whole("n_proteins", n_proteins, 2, len(adt.feature))
    controls = np.flatnonzero(adt.gene == "")
    antibodies = np.flatnonzero(adt.gene != "")
    n_controls = max(min(len(controls), n_proteins // 20), n_proteins - len(antibodies))
    return adt.take(np.concatenate([antibodies[: n_proteins - n_controls], controls[:n_controls]]))


def _genes(population: Population, rna: Assay, adt: Assay, n_genes: int, n_linked: int | None) -> Assay:
    """Keep the genes of `n_linked` antibodies, leave out those of the others, and fill up with informative genes."""
    assert adt.gene is not None
    known = set(rna.feature)
    wanted = [known & set(genes.split("/")) for genes in adt.gene]
    possible = sum(map(bool, wanted))
    n_linked = possible if n_linked is None else n_linked
    _check_whole("n_linked", n_linked, 0, possible)
    linked: set[str] = set()
    for genes in wanted:
        if sum(bool(w & (linked | genes)) for w in wanted) <= n_linked:
            linked |= genes
    left_out = set().union(*wanted) - linked
    usable = np.array([g not in left_out for g in rna.feature])
    hint = f"The genes of the {n_linked} linked antibodies are always in: lower n_linked or n_proteins for fewer genes."
    _check_whole("n_genes", n_genes, max(len(linked), 20), int(usable.sum()), do=hint)

    mean = 600 * rna.rate  # counts of a usual cell
    middle = population.proportion @ mean
    between = population.proportion @ (mean - middle) ** 2
    spread = np.append(np.square(rna.loadings).sum(axis=1), np.zeros((1, len(middle))), axis=0)[population.lineage]
    within = population.proportion @ (mean**2 * spread)
    score = (between + within) / (middle + rna.dispersion[0] * middle**2)
    score[~usable] = -1
    score[np.isin(rna.feature, sorted(linked))] = np.inf
    return rna.take(np.sort(np.argsort(-score, kind="stable")[:n_genes]))


# ---- which cells ----------------------------------------------------------------------------------------------------


def _cell_numbers(n_cells: int | Mapping[str, int], views: Mapping[str, Assay]) -> dict[str, int]:
    if isinstance(n_cells, Mapping):
        _check_views("n_cells", n_cells, views)
        if missing := set(views) - set(n_cells):
            raise value_error(f"n_cells: no number for {sample(missing)}.", expected=f"one for each of {sample(views)}")
        numbers = dict(n_cells)
    else:
        numbers = dict.fromkeys(views, n_cells)
    for n in numbers.values():
        _check_whole("n_cells", n, 10, 10**9)
    return numbers


def _shares(
    population: Population,
    views: Mapping[str, Assay],
    drop_types: Mapping[str, Iterable[str]] | None,
    composition: Mapping[str, Mapping[str, float]] | None,
) -> dict[str, Floats]:
    """Return each view's share of every state."""
    drop_types, composition = drop_types or {}, composition or {}
    _check_views("drop_types", drop_types, views)
    _check_views("composition", composition, views)
    shares = {}
    for view in views:
        weight = population.proportion.copy()
        dropped = drop_types.get(view, ())
        if isinstance(dropped, str):
            what = f"drop_types[{view!r}] must be a list of names."
            raise type_error(what, found=repr(dropped), expected=f"[{dropped!r}]")
        dropped = list(dropped)
        factors = [*composition.get(view, {}).items(), *((name, 0.0) for name in dropped)]
        for name, factor in factors:
            rows = (population.cell_type == name) | (population.state == name)
            if not rows.any():
                known = [*dict.fromkeys(population.cell_type), *population.state]
                option = "drop_types" if name in dropped else "composition"
                raise unknown_name(f"{option}[{view!r}]", name, known)
            _check(f"composition[{view!r}][{name!r}]", factor, 0, 1e6)
            weight[rows] *= factor
        if weight.sum() == 0:
            raise value_error(f"no cell type is left in view {view!r}.", do="Drop fewer types.")
        shares[view] = weight / weight.sum()
    return shares


def _draw_cells(
    n_in_view: dict[str, int],
    shares: dict[str, Floats],
    overlap: float,
    n_batches: int,
    n_factors: int,
    seed: int,
) -> tuple[Cells, dict[str, Index]]:
    """Draw the cells, and which of them each view sees, in its own order.

    Views of unequal composition can share no more cells of a state than the poorest of them has.
    """
    rng = _generator(seed, "cells")
    expected = {v: n_in_view[v] * shares[v] for v in shares}
    common = np.min(list(expected.values()), axis=0)
    n_common = round(overlap * common.sum())
    blocks = [_draw_states(rng, n_common, common)]
    members, start = {}, n_common
    for view, want in expected.items():
        n_own = n_in_view[view] - n_common
        own = np.maximum(want - n_common * common / max(common.sum(), 1e-300), 0)
        blocks.append(_draw_states(rng, n_own, own if own.sum() > 1e-9 else want))
        members[view] = np.concatenate([np.arange(n_common), np.arange(start, start + n_own)])
        start += n_own
    state = np.concatenate(blocks)
    number = rng.permutation(len(state))  # so that a cell's number tells nothing
    members = {v: rng.permutation(number[rows]) for v, rows in members.items()}
    state[number] = state.copy()
    cells = Cells(
        state=state,
        batch=rng.integers(n_batches, size=len(state)),
        size=rng.standard_normal(len(state), dtype=np.float32),
        factors=rng.standard_normal((len(state), n_factors), dtype=np.float32),
    )
    return cells, members


def _draw_states(rng: np.random.Generator, n: int, weight: Floats) -> Index:
    if n == 0:
        return np.empty(0, dtype=np.int64)
    return np.repeat(np.arange(len(weight)), rng.multinomial(n, weight / weight.sum()))


# ---- what an assay sees ---------------------------------------------------------------------------------------------


def _view(
    name: str, assay: Assay, population: Population, cells: Cells, rows: Index, batch_effect: float, seed: int
) -> AnnData:
    """Return one view of the cells in `rows`, in that order."""
    rng = _generator(seed, name)
    n_batches, n_features = int(cells.batch.max(initial=0)) + 1, len(assay.feature)
    shift = batch_effect * rng.standard_normal((n_batches, n_features), dtype=np.float32)
    depth_shift = batch_effect * rng.standard_normal(n_batches, dtype=np.float32)
    blocks = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        rng = _generator(seed, name, start // BLOCK)
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


def _generator(seed: int, *path: str | int) -> np.random.Generator:
    """A generator of its own for every part, so that adding a view changes none of the others."""
    return np.random.default_rng([seed, *(zlib.crc32(p.encode()) if isinstance(p, str) else p for p in path)])


# ---- checks ---------------------------------------------------------------------------------------------------------


def _check(name: str, value: float, low: float, high: float) -> None:
    if not isinstance(value, int | float | np.integer | np.floating):
        raise type_error(f"{name} must be a number.", found=repr(value))
    if not low <= value <= high:
        raise value_error(f"{name} is out of range.", found=repr(value), expected=f"{low:,} to {high:,}")


def _check_whole(name: str, value: int, low: int, high: int, *, do: str = "") -> None:
    if not isinstance(value, int | np.integer):
        raise type_error(f"{name} must be a whole number.", found=repr(value))
    if not low <= value <= high:
        raise value_error(f"{name} is out of range.", found=repr(value), expected=f"{low:,} to {high:,}", do=do)


def _check_views(option: str, given: Mapping[str, object], views: Mapping[str, Assay]) -> None:
    for view in given:
        if view not in views:
            raise unknown_name(option, view, views, do="The simulated views are rna and adt.")
