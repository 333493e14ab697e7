import numpy as np
import pytest

import crosstie as xt
from crosstie.pl import linked


@pytest.fixture(scope="module")
def model():
    data = xt.datasets.simulate_citeseq(n_cells=250, seed=2)
    return xt.integrate(data, config=xt.Config(n_rounds=2, n_sketches=1))


@pytest.fixture
def coords(model):
    return {view: z[:, :2] for view, z in model.latents.items()}


def values(ax):
    """Return places and shown numbers of the cells of a panel, in the order of the places."""
    dots = ax.collections[0]
    return np.asarray(dots.get_offsets())


def test_a_gene_lies_beside_its_protein_in_each_class(model, coords):
    labels = {view: obs["cell_type"].to_numpy() for view, obs in model.obs.items()}
    axes = linked(model, "rna", "adt", features=["CD19", "CD14"], labels=labels, coords=coords)
    assert axes.shape == (2, 3)
    titles = [[ax.get_title(loc="left") for ax in line[:2]] for line in axes]
    assert titles == [["CD19, rna", "CD19, adt"], ["CD14, rna", "CD14, adt"]]
    for ax, view in zip(axes[0], ("rna", "adt"), strict=False):
        assert {*map(tuple, values(ax))} == {*map(tuple, coords[view])}
    # B cells lie on top in both panels of CD19: high values are drawn last.
    for ax, view in zip(axes[0], ("rna", "adt"), strict=False):
        of = dict(zip(map(tuple, coords[view]), labels[view], strict=True))
        last = [of[tuple(place)] for place in values(ax)[-8:]]
        assert last.count("B cells") >= 6
    classes = [text.get_text() for text in axes[-1, 2].get_xticklabels()]
    assert len(classes) == len(set(labels["rna"]))
    assert classes.index("CD4+ T cells") < classes.index("CD14+ monocytes")
    assert [text.get_text() for text in axes[0, 2].get_legend().get_texts()] == ["rna", "adt"]


def test_by_default_the_links_that_agree_best(model, coords):
    axes = linked(model, "adt", "rna", n=3, coords=coords)
    assert axes.shape == (3, 2)
    labels = {view: obs["cell_type"].to_numpy() for view, obs in model.obs.items()}
    shown = [ax.get_ylabel() for ax in linked(model, "rna", "adt", n=80, labels=labels, coords=coords)[:, 2]]
    found = [float(text.split()[2]) for text in shown]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.5


def test_some_cells_only(model, coords):
    rows = {view: np.arange(0, len(z), 3) for view, z in model.latents.items()}
    some = {view: xy[rows[view]] for view, xy in coords.items()}
    axes = linked(model, "rna", "adt", n=1, coords=some, rows=rows)
    assert len(values(axes[0, 0])) == len(rows["rna"])


def test_wrong_words(model, coords, tmp_path):
    with pytest.raises(KeyError, match="linked: a linked feature: unknown name 'CD1'"):
        linked(model, "rna", "adt", features=["CD1"], coords=coords)
    with pytest.raises(KeyError, match="unknown name 'atac'"):
        linked(model, "rna", "atac", coords=coords)
    with pytest.raises(ValueError, match="at least 1"):
        linked(model, "rna", "adt", n=0, coords=coords)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="loaded without its data"):
        linked(xt.Model.load(tmp_path / "model"), "rna", "adt", coords=coords)
