import warnings

import numpy as np
import pytest

from crosstie._errors import InputKeyError, InputValueError
from crosstie.pl import joint_umap


@pytest.mark.parametrize("method", ["crosstie", pytest.param("umap-learn", marks=pytest.mark.slow)])
def test_umap_keeps_clusters_together_and_repeats(method):
    if method == "umap-learn":
        pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    code = {"rna": np.arange(60) % 2, "adt": np.arange(40) % 2}
    latents = {view: 20 * c[:, None] + rng.normal(size=(len(c), 6)) for view, c in code.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        coords = joint_umap(latents, seed=1, method=method)
    assert {view: xy.shape for view, xy in coords.items()} == {"rna": (60, 2), "adt": (40, 2)}
    xy, c = np.vstack(list(coords.values())), np.concatenate(list(code.values()))
    between = np.linalg.norm(xy[c == 0].mean(axis=0) - xy[c == 1].mean(axis=0))
    assert between > 2 * max(xy[c == i].std(axis=0).max() for i in (0, 1))
    for view, again in joint_umap(latents, seed=1, method=method).items():
        np.testing.assert_array_equal(again, coords[view])


@pytest.mark.parametrize("sizes", [(1, 0), (1, 1), (2, 2), (3, 2), (8, 4)])
def test_umap_of_few_cells(sizes):
    rng = np.random.default_rng(0)
    coords = joint_umap({str(i): rng.normal(size=(n, 3)) for i, n in enumerate(sizes)})
    assert [len(xy) for xy in coords.values()] == list(sizes)
    assert all(np.isfinite(xy).all() for xy in coords.values())
    assert all(xy.shape[1] == 2 for xy in coords.values())


def test_umap_explains_wrong_latents():
    with pytest.raises(InputValueError, match=r"do not form one space(.|\n)*'a': \(5, 3\), 'b': \(5, 2\)"):
        joint_umap({"a": np.zeros((5, 3)), "b": np.zeros((5, 2))})
    with pytest.raises(InputValueError, match=r"do not form one space(.|\n)*no view"):
        joint_umap({})
    with pytest.raises(InputValueError, match="view 'a': latent coordinates are not finite"):
        joint_umap({"a": np.full((5, 3), np.nan)})
    with pytest.raises(InputKeyError, match="joint_umap, method: unknown name 'umap'"):
        joint_umap({"a": np.zeros((5, 3))}, method="umap")
