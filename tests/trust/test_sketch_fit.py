import numpy as np
import pytest

import crosstie as xt
from crosstie.trust.match_stability import moved
from crosstie.trust.sketch_fit import Sketch, sketch_rows, without_share


def test_the_refit_is_the_model(model):
    sketch = Sketch.of(model, seed=0)
    fit = sketch.fit()
    for view in model.latents:
        np.testing.assert_allclose(fit.place(view), model.closed_form.reference[view], atol=2e-3)
    rows = np.array([3, 1])
    np.testing.assert_allclose(fit.place("rna", rows), fit.place("rna")[rows], atol=1e-6)


def test_a_model_with_its_data_back(model, loaded, data):
    again = loaded.with_data(data)
    assert not loaded.views
    one, two = (Sketch.of(m, seed=0).fit() for m in (model, again))
    z, y = ((fit.place("rna"), fit.place("adt")) for fit in (one, two))
    assert moved(z, y).mean() < 1e-3


def test_links_that_read_another_matrix(data, tmp_path):
    cells = data["rna"].obs_names
    other = data["rna"].copy()
    other.var_names = [f"peak{j}" for j in range(other.n_vars)]
    genes = data["rna"].copy()
    link = xt.links.by_table({"adt": data["adt"], "rna": genes}, "adt", "rna")
    views = {"adt": data["adt"], "rna": other}
    xt.integrate(views, link, link_data={"rna": genes}).save(tmp_path / "model")
    loaded = xt.Model.load(tmp_path / "model")
    with pytest.raises(ValueError, match=r"links read features that view 'rna' lacks[\s\S]*link_data=\{'rna': "):
        loaded.with_data(views)
    again = loaded.with_data(views, {"rna": genes})
    assert list(again.link_views["rna"].cells) == list(cells)
    z = Sketch.of(again, seed=0).fit().place("rna")
    assert np.abs(z - loaded.closed_form.reference["rna"]).mean() < 1e-3  # cells in another order: not to the bit


def test_sketch(rng):
    pairs = {("a", "b"): (np.arange(400), np.arange(400)[::-1])}
    rows = sketch_rows({"a": 5000, "b": 800, "c": 50}, pairs, rng, n=500)
    assert len(rows["a"]) == len(rows["b"]) == 500
    assert len(rows["c"]) == 50
    shared = set(rows["a"]) & set(range(400))
    assert {399 - i for i in shared} <= set(rows["b"])
    assert all((np.diff(r) > 0).all() for r in rows.values())


def test_without_share(rng):
    rows = without_share({"a": np.arange(100), "b": np.arange(3)}, 0.2, rng)
    assert len(rows["a"]) == 80
    assert len(rows["b"]) == 2
