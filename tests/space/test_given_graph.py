"""Neighbours that the data bring along, as squidpy writes them, take the place of ours, and are checked."""

import logging

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.space import Positions, neighbours
from crosstie.space.given_graph import connected, given_graph


def tissue(graph, section=None):
    n = len(graph) if isinstance(graph, np.ndarray) else graph.shape[0]
    adata = ad.AnnData(np.ones((n, 2), np.float32), obsm={"spatial": np.random.default_rng(0).random((n, 2))})
    adata.obs["section"] = ["a"] * n if section is None else section
    adata.obsp["spatial_connectivities"] = sp.csr_matrix(graph)
    return adata


def edges_of(graph):
    return {(int(i), int(j)) for i, j in zip(*graph.nonzero(), strict=True)}


def test_it_is_used_instead_of_ours():
    chain = sp.diags([np.full(9, 0.7), np.full(9, 0.7)], [1, -1], shape=(10, 10))  # strengths do not count
    here = Positions.of("codex", tissue(chain.tocsr()))
    found = neighbours(here, 3)
    assert edges_of(found) == {(i, j) for i in range(10) for j in (i - 1, i + 1) if 0 <= j < 10}
    assert set(found.data) == {1}
    assert found.dtype == np.int8
    some = here.take(np.array([4, 2, 3]))
    assert edges_of(some.graph) == {(0, 2), (2, 0), (1, 2), (2, 1)}
    assert Positions.of("codex", tissue(chain.tocsr())[:, :0]).graph.nnz == 18


def test_edges_between_sections_are_dropped_and_counted(caplog):
    ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    with caplog.at_level(logging.WARNING, logger="crosstie"):
        graph = given_graph("codex", tissue(ring), np.array([0, 0, 0, 1, 1, 1]))
    assert edges_of(graph) == {(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3), (4, 5), (5, 4)}
    assert "codex: 4 of 12 edges" in caplog.text


def test_one_way_edges_go_both_ways_and_cells_are_no_neighbours_of_themselves(caplog):
    one_way = np.eye(4)
    one_way[0, 1] = one_way[2, 1] = one_way[1, 2] = 1
    with caplog.at_level(logging.INFO, logger="crosstie"):
        graph = given_graph("codex", tissue(one_way), np.zeros(4, np.int64))
    assert edges_of(graph) == {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert "1 edges" in caplog.text
    assert given_graph("codex", ad.AnnData(np.ones((4, 1), np.float32)), np.zeros(4, np.int64)) is None
    assert connected(np.empty(0, np.int64), np.empty(0, np.int64), 3).nnz == 0


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_what_is_no_graph_ends_in_one_message(value):
    graph = np.zeros((5, 5))
    graph[1, 2] = graph[2, 1] = value
    with pytest.raises(ValueError, match=r"view 'codex': obsp\['spatial_connectivities'\] is no graph"):
        Positions.of("codex", tissue(graph))


def test_labels_follow_it_and_it_is_saved_with_the_model(tmp_path):
    """With the true type's cells as neighbours, labels get better; after loading they are the same."""
    mdata = xt.datasets.simulate_tissue(n_cells=600, n_rna=400, n_genes=200, layout="mixed", noise=1.5, seed=0)
    code = mdata["tissue"].obs["cell_type"].cat.codes.to_numpy()
    rng = np.random.default_rng(0)
    pairs = [rng.choice(rows, (2, 5 * len(rows))) for rows in (np.flatnonzero(code == c) for c in np.unique(code))]
    graph = connected(*np.concatenate(pairs, axis=1), len(code))
    links = xt.links.by_table(mdata, "rna", "tissue", xt.datasets.true_links(mdata)[["gene", "protein"]])
    plain = xt.integrate(mdata, links)
    mdata["tissue"].obsp["spatial_connectivities"] = graph
    model = xt.integrate(mdata, links)
    truth = mdata["tissue"].obs["cell_type"].astype(str)
    before, after = (xt.tl.transfer_labels(m, "rna", "tissue", key="cell_type") for m in (plain, model))
    assert (after["label"].astype(str) == truth).mean() > (before["label"].astype(str) == truth).mean() + 0.02
    model.save(tmp_path / "model")
    loaded = xt.Model.load(tmp_path / "model")
    assert (loaded.positions["tissue"].graph != model.positions["tissue"].graph).nnz == 0
    assert xt.tl.transfer_labels(loaded, "rna", "tissue", key="cell_type").equals(after)
