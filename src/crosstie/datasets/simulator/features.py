"""Selects the features of a simulated view: the most useful antibodies, their genes, and the most informative genes."""

from __future__ import annotations

import numpy as np

from crosstie.datasets.simulator.options import check_integer_range
from crosstie.datasets.simulator.profile import Assay, Population


def antibodies(adt: Assay, n_proteins: int | None) -> Assay:
    """Keep the first antibodies, and the first isotype controls (antibodies without a gene)."""
    assert adt.gene is not None
    n_proteins = min(84, len(adt.feature)) if n_proteins is None else n_proteins
    check_integer_range("n_proteins", n_proteins, 2, len(adt.feature))
    controls = np.flatnonzero(adt.gene == "")
    others = np.flatnonzero(adt.gene != "")
    n_controls = max(min(len(controls), n_proteins // 20), n_proteins - len(others))
    return adt.take(np.concatenate([others[: n_proteins - n_controls], controls[:n_controls]]))


def genes_for(population: Population, rna: Assay, adt: Assay, n_genes: int, n_linked: int | None) -> Assay:
    """Keep the genes of `n_linked` antibodies, drop the genes of the others, and fill up with informative genes."""
    assert adt.gene is not None
    known = set(rna.feature)
    wanted = [known & set(genes.split("/")) for genes in adt.gene]
    possible = sum(map(bool, wanted))
    n_linked = possible if n_linked is None else n_linked
    check_integer_range("n_linked", n_linked, 0, possible)
    linked: set[str] = set()
    for genes in wanted:
        if sum(bool(w & (linked | genes)) for w in wanted) <= n_linked:
            linked |= genes
    left_out = set().union(*wanted) - linked
    usable = np.array([g not in left_out for g in rna.feature])
    hint = (
        f"The genes of the {n_linked} linked antibodies are always kept: lower n_linked or n_proteins for fewer genes."
    )
    check_integer_range("n_genes", n_genes, max(len(linked), 20), int(usable.sum()), do=hint)

    mean = 600 * rna.rate  # counts of a typical cell
    middle = population.proportion @ mean
    between = population.proportion @ (mean - middle) ** 2
    spread = np.append(np.square(rna.loadings).sum(axis=1), np.zeros((1, len(middle))), axis=0)[population.lineage]
    within = population.proportion @ (mean**2 * spread)
    score = (between + within) / (middle + rna.dispersion[0] * middle**2)
    score[~usable] = -1
    score[np.isin(rna.feature, sorted(linked))] = np.inf
    return rna.take(np.sort(np.argsort(-score, kind="stable")[:n_genes]))
