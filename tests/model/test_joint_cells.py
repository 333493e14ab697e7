import numpy as np
import pandas as pd

from crosstie.model.joint_cells import joint_cells


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def views(seed=0):
    rng = np.random.default_rng(seed)
    sizes = {"rna": 4, "adt": 3, "atac": 3}
    return {view: unit(rng.normal(size=(n, 5))) for view, n in sizes.items()}


CELLS = {"rna": pd.Index(list("abcd")), "adt": pd.Index(list("bxa")), "atac": pd.Index(list("pqa"))}


def test_shared_cells_are_one_and_lie_between_their_views():
    z = views()
    shared = {("rna", "adt"): (np.array([1]), np.array([0])), ("adt", "atac"): (np.array([0, 1]), np.array([1, 0]))}
    joint = joint_cells(z, CELLS, shared)
    assert joint.shape == (7, 5)
    assert joint.obs["views"].tolist() == ["rna", "rna+adt+atac", "rna", "rna", "adt+atac", "adt", "atac"]
    b = joint.X[1]
    expected = unit((z["rna"][1] + z["adt"][0] + z["atac"][1])[None])[0]
    np.testing.assert_allclose(b, expected, atol=1e-6)
    assert joint.obs.loc["b", ["rna", "adt", "atac"]].tolist() == ["b", "b", "q"]
    np.testing.assert_allclose(joint.X[0], z["rna"][0], atol=1e-6)
    # The same name, but nobody said that it is the same cell.
    assert joint.obs_names.tolist() == ["a-rna", "b", "c", "d", "x", "a-adt", "a-atac"]


def test_without_shared_cells_views_stand_one_behind_the_other():
    z = views()
    joint = joint_cells(z, CELLS, {})
    np.testing.assert_allclose(joint.X, np.vstack(list(z.values())), atol=1e-6)
    assert joint.obs["views"].tolist() == ["rna"] * 4 + ["adt"] * 3 + ["atac"] * 3


def test_lengths_are_kept_where_rows_are_not_of_length_one():
    z = {view: 3 * x for view, x in views().items()}
    joint = joint_cells(z, CELLS, {("rna", "adt"): (np.array([0]), np.array([2]))})
    np.testing.assert_allclose(np.linalg.norm(joint.X, axis=1), 3, rtol=1e-5)
