"""Simulated blood cells seen by several assays, with the truth kept (docs/simulator.md).

Every assay is one `Assay` of figures and goes through the same equation; another modality is another `Assay`.
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

TEASEQ_DEPTH = {"rna": 0.5, "adt": 0.7}  # of the counts that the same features have in CITE-seq (docs/simulator.md)


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
    """Simulate RNA, surface proteins and chromatin of human blood cells, handed out as if measured in different cells.

    Rows of the three views are shuffled separately; the truth is kept as in `simulate_citeseq`. Chromatin is a faint
    and blurred copy of expression: of a gene's log differences between states a fifth to two fifths are visible, of
    some genes none, and other genes' patterns stray in.

    Parameters
    ----------
    n_cells
        Cells of each view; a mapping such as `{"rna": 3000, "adt": 1000, "activity": 2000}` gives each its own number.
    n_genes, n_linked, overlap, drop_types, composition, n_batches, batch_effect, noise
        As in `simulate_citeseq`, for three views; chromatin has the genes of the RNA view.
    n_proteins
        Antibodies, of the panel `"pbmc_wnn"`.
    peaks
        Return chromatin as peaks (about five for each gene, named `chr1:100-200`, the gene in `var["linked_gene"]`),
        in a view `"atac"`. `gene_table` says where the genes lie.
    fidelity
        Multiplies what chromatin shows of the expression of its own gene, 0 to 2; at 0 links by name are worthless.
    coupling
        Multiplies the loadings of the continuous factors that all views share inside a state.
    seed
        The same seed and options give the same bits; cells are those of the same seed whatever `peaks` and `fidelity`.

    Returns
    -------
    MuData of `"rna"`, `"adt"` and `"activity"` (or `"atac"`): raw counts, float32 CSR.

    Raises
    ------
    InputError
        If a name is unknown or a number out of its range.

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
    """Return the pairs of a protein and a gene that codes for it, both simulated: columns `protein`, `gene`."""
    var = mdata["adt"].var
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
    """Draw the cells once and let every assay see its share of them."""
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
