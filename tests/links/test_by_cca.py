"""Links learned from anchors: against a naive correlation, and used for what they are for."""

from dataclasses import replace

import numpy as np
import pytest

import crosstie as xt
from crosstie.links import by_cca, by_table
from crosstie.metrics import foscttm


@pytest.fixture(scope="module")
def views():
    mdata = xt.datasets.simulate_citeseq(n_cells=500, n_genes=600, seed=1)
    return dict(mdata.mod)


@pytest.fixture(scope="module")
def few(views):
    link = by_table(views, "adt", "rna")
    return replace(link, pairs=link.pairs[link.pairs["column"].isin(link.pairs["column"].unique()[:12])])


@pytest.fixture(scope="module")
def model(views, few):
    return xt.integrate(views, few)


def naive(model, p, g, seed=0):
    """The smaller of two weighted correlations of rebuilt features, pair by pair."""
    rng = np.random.default_rng(seed)
    half = [rng.permutation(model.views[v].n_cells) % 2 for v in ("adt", "rna")]
    x, y = (
        model.recipes[v].inverse(model.recipes[v].transform(model.views[v].matrix), scaled=True) for v in ("adt", "rna")
    )
    a, b = (x[:, list(model.recipes["adt"].names).index(p)], y[:, list(model.recipes["rna"].names).index(g)])
    found, out = model.anchors["adt", "rna"], []
    for side in (0, 1):
        rows = [
            (a[i], b[j], w)
            for i, j, w in zip(found.source, found.target, found.weight, strict=True)
            if half[0][i] == side and half[1][j] == side
        ]
        s, t, w = np.array(rows, dtype=float).T
        cov = np.cov(s, t, aweights=w, ddof=0)
        out.append(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]))
    return min(out)


def test_weights_are_held_out_correlations(model):
    link = by_cca(model, "adt", "rna")
    for row in link.pairs.iloc[:: max(1, len(link.pairs) // 10)].itertuples():
        assert row.weight == pytest.approx(naive(model, row.source, row.target), abs=2e-3)
    assert (link.pairs["weight"] >= 0.5).all()
    assert link.pairs.groupby("column").size().max() <= 3


def test_only_features_without_a_link_are_linked(model, few):
    link = by_cca(model, "adt", "rna")
    assert not set(link.pairs["source"]) & set(few.pairs["source"])
    status = link.report.set_index("feature")["status"]
    assert set(status[status == "already linked"].index) == set(few.pairs["source"])
    assert set(status[status == "linked"].index) == set(link.pairs["source"])


def test_either_direction_gives_the_same_pairs(model):
    # The halves are drawn for the source first: equal only up to the split, but the strongest pairs agree.
    there, back = by_cca(model, "adt", "rna", n_links=5), by_cca(model, "rna", "adt", n_links=5)
    assert set(back.pairs.columns) == set(there.pairs.columns)
    assert set(back.pairs["target"]) <= set(model.recipes["adt"].names)
    assert len(set(there.pairs["source"]) & set(back.pairs["target"])) >= 3


def test_learned_links_do_no_harm(views, few, model):
    learned = by_cca(model, "adt", "rna")
    again = xt.integrate(views, [few, learned])
    order = [np.argsort(views[v].obs["true_cell"].to_numpy()) for v in ("adt", "rna")]
    first, second = (foscttm(m.latents["adt"][order[0]], m.latents["rna"][order[1]]) for m in (model, again))
    assert second < first + 0.01


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_correlation": 1.0}, "out of range"),
        ({"n_links": 0}, "out of range"),
        ({"min_correlation": 0.999}, "no unlinked feature of 'adt' correlates with a feature of 'rna'"),
    ],
)
def test_settings(model, options, words):
    with pytest.raises(ValueError, match=words):
        by_cca(model, "adt", "rna", **options)


def test_views_without_anchors(model):
    with pytest.raises(ValueError, match=r"adt and atac have no anchors.\n  found: anchors of 'adt -> rna'"):
        by_cca(model, "adt", "atac")


def test_a_loaded_model_has_no_data(model, tmp_path):
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="loaded without its data"):
        by_cca(xt.Model.load(tmp_path / "model"), "adt", "rna")


def test_words(model, few, caplog):
    with caplog.at_level("INFO", "crosstie"):
        link = by_cca(model, "adt", "rna", n_links=1, n_partners=2)
    assert link.n_columns == 1
    assert link.origin == "correlation"
    n_features = len(model.recipes["adt"].names)
    assert caplog.messages[-1] == f"adt -> rna: 1 of {n_features} features of adt linked by correlation"
    rows = {row.feature: tuple(row)[2:] for row in link.report.itertuples()}
    assert rows[few.pairs["source"].iloc[0]] == ("already linked", "", "", "it is in another link")
    best = link.pairs["weight"].max()
    partners = "/".join(link.pairs["target"])
    assert rows[link.pairs["source"].iloc[0]] == ("linked", "", partners, f"correlation {best:.2f} on held-out anchors")
    without = next(row for row in rows.values() if row[0] == "no partner")
    assert without[1:3] == ("", "")
    assert without[3].startswith("highest correlation 0.")
    with pytest.raises(ValueError, match=r"anchors of 'adt -> rna'\n  First fit a model in which they are linked\.$"):
        by_cca(model, "adt", "atac")
