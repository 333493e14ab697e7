import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crosstie.data import View
from crosstie.trust.input_mistakes import copied, duplicated, organisms


def view(name, x, features=None, modality="rna"):
    features = [f"g{j}" for j in range(x.shape[1])] if features is None else features
    adata = ad.AnnData(np.asarray(x, np.float32), var=pd.DataFrame(index=features))
    return View.of(name, adata, modality=modality)


def both(*views):
    return {v.name: v for v in views}


def test_copies(rng):
    x = rng.poisson(2, size=(100, 40))
    order, features = rng.permutation(100), rng.permutation(40)
    assert copied(both(view("a", x), view("b", x[order]))) == {("a", "b"): 1}
    renamed = view("b", x[order][:, features], [f"p{j}" for j in range(40)])
    assert copied(both(view("a", x), renamed))["a", "b"] == 1
    other = view("b", rng.poisson(2, size=(100, 40)))
    assert copied(both(view("a", x), other))["a", "b"] < 0.5
    assert copied(both(view("a", x), view("b", np.vstack([x[:30], rng.poisson(2, size=(30, 40))]))))["a", "b"] == 0.5


@pytest.mark.parametrize(("n", "n_features", "mean"), [(300, 40, 0.1), (2000, 14, 1.0), (500, 500, 0.05)])
def test_independent_views_are_no_copies(n, n_features, mean, rng):
    a, b = (view(name, rng.poisson(mean, size=(n, n_features))) for name in "ab")
    assert copied(both(a, b))["a", "b"] < 0.4


def test_duplicates(rng):
    x = rng.poisson(2, size=(100, 60))
    assert duplicated(x) == 0
    assert duplicated(np.vstack([x, x[:25]])) == pytest.approx(50 / 125)
    assert duplicated(np.eye(50)) == 0  # too little to tell


def test_organisms(rng):
    x = rng.poisson(2, size=(20, 4))
    human = view("rna", x, ["CD19", "CD4", "CD8A", "MS4A1"])
    mouse = view("adt", x, ["Ly-6A/E", "CD90.2", "I-A/I-E", "CD45.1"], "protein")
    plain = view("few", x, ["CD4", "CD19", "CD8a", "CD3"], "protein")
    found = organisms(both(human, mouse, plain))
    assert found["rna"] == ("human", 4)
    assert found["adt"][0] == "mouse"
    assert "few" not in found  # antibodies that both organisms have
