"""Simulates blood cells measured by several assays, and keeps the truth (docs/simulator.md).

Every modality is an `Assay`, a set of parameters; all go through the same equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import mudata as md
import numpy as np
import pandas as pd

from crosstie._mudata import views_as_they_are
from crosstie.datasets.simulator import chromatin
from crosstie.datasets.simulator.cells import cell_numbers, draw_cells, shares_of
from crosstie.datasets.simulator.counts import view
from crosstie.datasets.simulator.features import antibodies, genes_for
from crosstie.datasets.simulator.options import check_integer_range, check_range
from crosstie.datasets.simulator.profile import Assay, Panel, Population, load_profile

TEASEQ_DEPTH = {"rna": 0.5, "adt": 0.7}  # relative to the same features in CITE-seq (docs/simulator.md)


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
    """Simulate RNA and surface proteins of human blood cells, presented as if measured in different cells.

    The cells of the two views are shuffled and named independently. The truth is in `.obs` of both views: `true_cell`
    (equal numbers are the same cell), `cell_type`, `state` and `batch`. The continuous state of each cell is in
    `.obsm["true_factors"]`. `true_links` returns the gene of each protein.

    Parameters
    ----------
    n_cells
        Number of cells of each view, at least 10; a mapping such as `{"rna": 3000, "adt": 1000}` sets each view
        separately.
    n_genes
        Number of genes: the genes of the antibodies, then the most informative of about 4,000.
    n_proteins
        Number of antibodies, the most useful first; one in twenty, at most four, is an isotype control. `None` gives
        84, or all 14 of the small panel.
    n_linked
        Number of antibodies whose gene is in the RNA view; the genes of the others are left out. `None` keeps all
        genes.
    panel
        Data set that the protein levels come from: `"pbmc_wnn"` (104 antibodies, with low background and few counts
        each) or `"pbmc10k"` (14 antibodies).
    overlap
        Share of the cells measured in both views, in [0, 1]; 0 gives two different samples of one population.
    drop_types
        Cell types (or states) missing from a view, such as `{"adt": ["NK cells"]}`.
    composition
        Factors on the proportions of cell types (or states) in a view, such as `{"adt": {"B cells": 0.1}}`.
    n_batches, batch_effect
        Number of batches in each view, and the standard deviation of their shifts of each feature, on the log scale (0
        to 3).
    coupling
        Factor, 0 to 3, on the loadings of the continuous factors that proteins and genes share within a state. At 0,
        the views share only the states.
    noise
        Factor, 0 to 10, on the dispersions and the ambient background; at 0, counts are Poisson.
    seed
        Seed of all random numbers; the same seed and options give identical data.

    Returns
    -------
    MuData of `"rna"` and `"adt"`: raw counts, float32 CSR.

    Raises
    ------
    InputError
        If a name is unknown, or a number is out of range.
    """
    population, rna, adt = load_profile(panel)
    adt = antibodies(adt, n_proteins)
    rna = genes_for(population, rna, adt, n_genes, n_linked)
    return _simulate(
        population, {"rna": rna, "adt": adt}, n_cells, overlap, drop_types, composition, n_batches, batch_effect,
        coupling, noise, seed,
    )  # fmt: skip


def simulate_teaseq(
    *,
    n_cells: int | Mapping[str, int] = 8000,
    n_genes: int = 2000,
    n_proteins: int = 46,
    n_linked: int | None = None,
    peaks: bool = False,
    fidelity: float = 1.0,
    overlap: float = 1.0,
    drop_types: Mapping[str, Iterable[str]] | None = None,
    composition: Mapping[str, Mapping[str, float]] | None = None,
    n_batches: int = 1,
    batch_effect: float = 0.3,
    coupling: float = 1.0,
    noise: float = 1.0,
    seed: int = 0,
) -> md.MuData:
    """Simulate RNA, surface proteins and chromatin of human blood cells, presented as if measured in different cells.

    The cells of the three views are shuffled independently; the truth is kept as in `simulate_citeseq`. Chromatin is a
    weak and blurred version of expression: it shows a fifth to two fifths of a gene's log differences between states,
    for some genes none, and also follows other genes.

    Parameters
    ----------
    n_cells
        Number of cells of each view; a mapping such as `{"rna": 3000, "adt": 1000, "activity": 2000}` sets each
        separately.
    n_genes, n_linked, overlap, drop_types, composition, n_batches, batch_effect, noise
        As in `simulate_citeseq`, for three views; chromatin has the same genes as the RNA view.
    n_proteins
        Number of antibodies, from the panel `"pbmc_wnn"`.
    peaks
        Whether to return chromatin as peaks in a view `"atac"`, about five per gene, named `chr1:100-200`, with their
        gene in `var["linked_gene"]`; `gene_table` has the coordinates of the genes. Otherwise the view `"activity"` has
        one column per gene.
    fidelity
        Factor, 0 to 2, on how closely chromatin follows the expression of its own gene; at 0, links by name carry no
        information.
    coupling
        Factor, 0 to 3, on the loadings of the continuous factors that all views share within a state.
    seed
        Seed of all random numbers; the same seed and options give identical data. `peaks` and `fidelity` do not change
        which cells are drawn.

    Returns
    -------
    MuData of `"rna"`, `"adt"` and `"activity"` (or `"atac"`): raw counts, float32 CSR.

    Raises
    ------
    InputError
        If a name is unknown, or a number is out of range.

    References
    ----------
    Swanson et al., eLife 2021 (TEA-seq).
    """
    check_range("fidelity", fidelity, 0, 2)
    population, all_genes, adt = load_profile("pbmc_wnn")
    adt = antibodies(adt, n_proteins)
    rna = genes_for(population, all_genes, adt, n_genes, n_linked)
    open_genes = chromatin.activity(population, all_genes, fidelity=fidelity)
    open_genes = open_genes.take(np.flatnonzero(np.isin(all_genes.feature, rna.feature)))
    assays = {"rna": rna.deeper(TEASEQ_DEPTH["rna"]), "adt": adt.deeper(TEASEQ_DEPTH["adt"])}
    assays |= {"atac": chromatin.peaks(open_genes)} if peaks else {"activity": open_genes}
    mdata = _simulate(
        population, assays, n_cells, overlap, drop_types, composition, n_batches, batch_effect, coupling, noise, seed
    )
    if peaks:
        mdata["atac"].var = mdata["atac"].var[["gene"]].rename(columns={"gene": "linked_gene"})
        with views_as_they_are():
            mdata.update()
    return mdata


def true_links(mdata: md.MuData) -> pd.DataFrame:
    """Return the table of simulated proteins and the simulated genes that encode them: columns `protein`, `gene`."""
    views = getattr(mdata, "mod", mdata)
    var = views["adt" if "adt" in views else "tissue"].var
    table = var["gene"].str.split("/").explode().rename_axis("protein").reset_index()
    return table[table["gene"].isin(mdata["rna"].var_names)].reset_index(drop=True)


def _simulate(
    population: Population,
    assays: Mapping[str, Assay],
    n_cells: int | Mapping[str, int],
    overlap: float,
    drop_types: Mapping[str, Iterable[str]] | None,
    composition: Mapping[str, Mapping[str, float]] | None,
    n_batches: int,
    batch_effect: float,
    coupling: float,
    noise: float,
    seed: int,
) -> md.MuData:
    """Draw the cells once, and measure each view's share of them with its assay."""
    n_in_view = cell_numbers(n_cells, assays)
    shares = shares_of(population, assays, drop_types, composition)
    check_range("overlap", overlap, 0, 1)
    check_range("batch_effect", batch_effect, 0, 3)
    check_range("coupling", coupling, 0, 3)
    check_range("noise", noise, 0, 10)
    check_integer_range("n_batches", n_batches, 1, 1000)
    check_integer_range("seed", seed, 0, 2**63)

    n_factors = next(iter(assays.values())).loadings.shape[1]
    cells, members = draw_cells(n_in_view, shares, overlap, n_batches, n_factors, seed)
    views = {}
    for name, assay in assays.items():
        tuned = replace(
            assay,
            loadings=assay.loadings * np.float32(coupling),
            dispersion=assay.dispersion * np.float32(noise),
            ambient=assay.ambient * np.float32(noise),
        )
        views[name] = view(name, tuned, population, cells, members[name], batch_effect if n_batches > 1 else 0.0, seed)
    with views_as_they_are():
        return md.MuData(views)
