"""Which features a view has: antibodies, their genes, and the genes that tell the most."""

from __future__ import annotations

from itertools import pairwise

import pytest

from crosstie.datasets import simulate_citeseq, true_links


@pytest.mark.parametrize("n_linked", [0, 5, 30])
def test_n_linked_counts_antibodies_with_a_gene(n_linked):
    mdata = simulate_citeseq(n_cells=30, n_genes=150, n_linked=n_linked)
    assert true_links(mdata)["protein"].nunique() == n_linked


def test_smaller_panels_are_the_first_of_larger_ones():
    names = [list(simulate_citeseq(n_cells=10, n_genes=150, n_proteins=n)["adt"].var_names) for n in (5, 15, 19)]
    assert all(b[: len(a)] == a for a, b in pairwise(names))
