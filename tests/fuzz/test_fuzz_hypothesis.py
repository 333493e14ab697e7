"""Properties that hold for whatever is drawn: a result that keeps its promises, or one of our own errors.

The default run draws 500 examples in all; `CROSSTIE_FUZZ_EXAMPLES=20000 python -m pytest tests/fuzz` goes deeper.
"""

import logging
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENES, PROTEINS, columns_of, coordinates, link_tables, share_of, views
from targets import in_our_words

import crosstie as xt
from crosstie.data import Recipe, View
from crosstie.data.peaks import parse_peaks
from crosstie.links import antibody_names

SMALL = {"n_components": 6, "n_latent": 4, "n_rounds": 2, "n_sketch": 16, "n_neighbors": 3, "n_smooth": 3}


@pytest.fixture(autouse=True)
def quiet():
    """No log, and no warnings of AnnData about names that are not unique: that is what is tried."""
    logging.getLogger("crosstie").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@share_of(0.12)
@given(
    views(GENES),
    views(PROTEINS),
    st.none() | views(GENES),
    st.sampled_from([None, "batch", {"rna": "batch"}, {"adt": "batch"}]),
    st.sampled_from([{}, {}, {"adt": "cytometry"}, {"adt": "none"}, {"rna": "activity"}]),
    st.booleans(),
)
def test_integrate_gives_finite_coordinates_or_says_why_not(rna, adt, third, batch_key, modality, paired):
    data = {"rna": rna, "adt": adt} | ({} if third is None else {"rna2": third})

    def integrated():
        links = [xt.links.paired(data, "rna", "adt")] if paired else []
        links = [*xt.links.suggest(data), *links] if paired else None
        return xt.integrate(data, links, batch_key=batch_key, modality=modality, config=xt.Config(**SMALL))

    model = in_our_words(integrated)
    if model is None:
        return
    for name, adata in data.items():
        z = model.latents[name]
        assert z.shape == (adata.n_obs, model.n_latent)
        assert z.dtype == np.float32
        assert np.isfinite(z).all()
        assert np.allclose(np.linalg.norm(z, axis=1), 1, atol=1e-3)
        again = in_our_words(lambda name=name, adata=adata: model.embed(name, adata))
        assert again.shape == z.shape
        assert np.isfinite(again).all()
    for (a, b), anchors in model.anchors.items():
        assert anchors.source.max(initial=0) < data[a].n_obs
        assert anchors.target.max(initial=0) < data[b].n_obs
    labels = in_our_words(lambda: xt.tl.transfer_labels(model, "rna", "adt", key="batch"))
    if labels is not None:
        assert labels["confidence"].between(0, 1).all()
        assert labels["novelty"].between(0, 1).all()
    imputed = in_our_words(lambda: xt.tl.impute(model, "rna", "adt", method="both"))
    assert np.isfinite(imputed.X).all()
    assert len(xt.tl.match_cells(model, "rna", "adt").source) == min(rna.n_obs, adt.n_obs)


@share_of(0.18)
@given(views(GENES), st.sampled_from([None, "rna", "protein", "cytometry", "none", "activity"]), st.integers(1, 40))
def test_a_recipe_gives_finite_components_and_goes_back(adata, modality, n_components):
    view = in_our_words(lambda: View.of("v", adata, modality=modality))
    if view is None:
        return
    assert view.features.is_unique
    recipe = in_our_words(lambda: Recipe.fit(view, n_components=n_components))
    if recipe is None:
        return
    x = recipe.transform(view.matrix)
    assert x.shape == (adata.n_obs, recipe.n_components)
    assert recipe.n_components <= n_components
    assert np.isfinite(x).all()
    assert np.isfinite(recipe.inverse(x)).all()
    assert np.allclose(recipe.loadings.T @ recipe.loadings, np.eye(recipe.n_components), atol=1e-2)


@share_of(0.14)
@given(views(PROTEINS), views(GENES), st.none() | link_tables(), st.sampled_from(["keep", "drop"]))
def test_a_table_links_what_is_there(adt, rna, table, isoforms):
    data = {"adt": adt, "rna": rna}
    before = None if table is None else table.copy()
    link = in_our_words(lambda: xt.links.by_table(data, "adt", "rna", table, isoforms=isoforms))
    if before is not None:
        pd.testing.assert_frame_equal(table, before)
    _check_link(link, data)


@share_of(0.14)
@given(views(PROTEINS), views(GENES), st.data())
def test_names_and_columns_link_what_is_there(adt, rna, data):
    rna.var["linked_gene"] = data.draw(st.lists(st.sampled_from([*PROTEINS, None, ".", "CD4;CD19"]),
                                                min_size=rna.n_vars, max_size=rna.n_vars))  # fmt: skip
    both = {"adt": adt, "rna": rna}
    _check_link(in_our_words(lambda: xt.links.by_name(both, "adt", "rna")), both)
    _check_link(in_our_words(lambda: xt.links.by_var(both, "rna", "adt")), both)
    shared = in_our_words(lambda: xt.links.paired(both, "adt", "rna"))
    if shared is not None:
        here, there = shared.rows(adt.obs_names, rna.obs_names)
        assert list(adt.obs_names[here]) == list(rna.obs_names[there])


def _check_link(link, data):
    if link is None:
        return
    link.check_features({name: adata.var_names for name, adata in data.items()})
    assert (link.pairs["weight"] > 0).all()
    maps = link.projections(*(data[v].var_names.unique() for v in link.edge))
    for m in maps:
        assert m.shape[1] == link.n_columns
        assert np.allclose(m.sum(0), 1)
    assert link.reversed().reversed().pairs.equals(link.pairs)


@share_of(0.14)
@given(st.text(max_size=300) | st.text(alphabet="alphbetgmCD13.-_ ()αβγΩﬁßﷺ٣", max_size=60))
def test_the_normal_form_of_a_name_is_its_own(label):
    normal = antibody_names.key(label)
    assert antibody_names.key(normal) == normal
    assert antibody_names.key(label.upper().lower()) == antibody_names.key(label.lower()) or not label.isascii()
    assert (entry := antibody_names.lookup(label)) is None or entry in antibody_names.entries()


@share_of(0.2)
@given(coordinates(), coordinates(), st.data(), st.integers(-1, 40), st.none() | st.integers(-1, 20))
def test_scores_lie_in_their_range(x, y, data, k, max_cells):
    labels = data.draw(columns_of(len(x)))
    most = max(len(x) + len(y) - 1, 1) / max(min(len(x), len(y)), 1)  # where all neighbours are of the larger view
    scores = [
        (0, 1, lambda: xt.metrics.foscttm(x, y[: len(x)], max_cells=max_cells)),
        (0, 1, lambda: xt.metrics.foscttm_one_sided(x, y[: len(x)], max_cells=max_cells)),
        (0, 1, lambda: xt.metrics.mixing({"a": x, "b": y}, k=k, max_cells=max_cells)),
        (0, most, lambda: xt.metrics.alignment({"a": x, "b": y}, k=k, max_cells=max_cells)),
        (-1, 1, lambda: xt.metrics.silhouette(x, labels, max_cells=max_cells)),
        (1, 5, lambda: xt.metrics.ilisi(x, labels, k=k, perplexity=max(1, k / 3))),
        (0, 1, lambda: xt.metrics.transfer_accuracy(labels, list(labels)[::-1])),
        (0, 1, lambda: xt.metrics.balanced_accuracy(labels, list(labels)[::-1])),
        (0, 1, lambda: xt.metrics.macro_f1(labels, list(labels)[::-1])),
        (-0.5, 1, lambda: xt.metrics.ari(labels, list(labels)[::-1])),
    ]
    for low, high, call in scores:
        found = in_our_words(call)
        assert found is None or low - 1e-9 <= found <= high + 1e-9
    table = in_our_words(lambda: xt.metrics.evaluate({"a": x, "b": y}, {"a": labels}, k=k, max_cells=max_cells))
    assert table is None or np.isfinite(table["value"]).all()


@share_of(0.08)
@given(st.data(), st.integers(1, 6))
def test_peaks_read_are_intervals(data, n):
    number = st.integers(-5, 10**13) | st.floats() | st.sampled_from(["", "1e3", None, "chr1", " 7", True])
    name = st.from_regex(r"chr[0-9XY]{1,2}[:_-][0-9]{1,14}[_-][0-9]{1,14}", fullmatch=True) | st.text(max_size=20)
    var = pd.DataFrame(index=pd.Index(data.draw(st.lists(name, min_size=n, max_size=n)), dtype=object))
    if data.draw(st.booleans()):
        for column in ("seqnames", "chromStart", "End"):
            var[column] = pd.Series(data.draw(st.lists(number, min_size=n, max_size=n)), var.index, dtype=object)
    found = in_our_words(lambda: parse_peaks(var))
    if found is not None:
        good = found[(found["start"] >= 0).to_numpy()]
        assert len(good)
        assert (good["start"] < good["end"]).all()
        assert len(found) == n
