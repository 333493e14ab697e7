"""Views larger than the core: which cells are in it, how good it is, and a fit that goes on after a cut."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.data import stored
from crosstie.metrics import foscttm
from crosstie.model import placement
from crosstie.model.core import cell_ranks, core_rows
from crosstie.model.resume import ResumeFolder

CONFIG = xt.Config(n_core=300, n_components=30)


def folder_of(folder, model, seed):
    return ResumeFolder(folder, model.inputs, model.config, seed)


@pytest.fixture(scope="module")
def data():
    mdata = xt.datasets.simulate_citeseq(n_cells={"rna": 900, "adt": 700}, n_genes=150, n_proteins=30, seed=3)
    return {name: mdata[name] for name in ("rna", "adt")}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(stored, "MAX_BLOCK", 128)


@pytest.fixture(scope="module")
def fitted(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "MAX_BLOCK", 128)
        return xt.integrate(data, config=CONFIG)


def test_core_is_said_and_every_cell_is_placed(data, caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        model = xt.integrate(data, config=CONFIG)
    assert "a core of the cells (300 of 900 of rna, 300 of 700 of adt)" in caplog.text
    assert {name: len(z) for name, z in model.latents.items()} == {"rna": 900, "adt": 700}
    assert all(np.isfinite(z).all() for z in model.latents.values())
    for (a, b), found in model.anchors.items():
        assert set(found.source) <= set(model.core_rows[a])
        assert set(found.target) <= set(model.core_rows[b])


def test_core_is_nearly_as_good_as_all_cells(data, fitted):
    whole = xt.integrate(data, config=replace(CONFIG, n_core=10_000))
    assert not whole.core_rows
    cell = {name: a.obs["true_cell"].to_numpy() for name, a in data.items()}
    _, i, j = np.intersect1d(cell["rna"], cell["adt"], return_indices=True)
    score = [foscttm(m.latents["rna"][i], m.latents["adt"][j]) for m in (fitted, whole)]
    assert score[0] < score[1] + 0.03
    assert score[1] < 0.2


def test_core_itself_is_the_fit_of_its_cells(data, fitted):
    alone = xt.integrate(
        {n: a[fitted.core_rows[n]].copy() for n, a in data.items()}, config=replace(CONFIG, n_core=300)
    )
    for name, rows in fitted.core_rows.items():
        np.testing.assert_allclose(fitted.latents[name][rows], alone.latents[name], atol=1e-5)
        np.testing.assert_array_equal(fitted.core.latents[name], alone.latents[name])


def test_saved_and_loaded(fitted, data, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = xt.Model.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.embed("adt", data["adt"]), fitted.latents["adt"])
    assert all((loaded.core_rows[n] == rows).all() for n, rows in fitted.core_rows.items())
    again = loaded.with_data(data)
    assert again.core.views["rna"].n_cells == 300


def test_downstream_of_a_core(fitted):
    labels = xt.tl.transfer_labels(fitted, "rna", "adt", key="cell_type")
    assert len(labels) == 700
    assert xt.tl.impute(fitted, "rna", "adt").shape == (900, 29)  # of 30, one is a control
    assert len(xt.tl.relate(fitted, "rna", "adt", n_permutations=2)) > 0
    found = xt.trust.diagnose(fitted, n_stability=1)
    assert len(found.confidence["rna"]) == 900
    assert found.confidence["rna"].between(0, 1).all()


def test_extended_model(fitted, data):
    more = fitted.extend(data["rna"][:50].copy(), "rna", name="more")
    assert more.latents["more"].shape[0] == 50
    np.testing.assert_array_equal(more.latents["adt"], fitted.latents["adt"])
    assert more.core.latents["more"].shape[0] == 50


# Which cells are in the core.
def ranks(**sizes):
    return {view: cell_ranks(pd.Index([f"{view}{i}" for i in range(n)]), "0") for view, n in sizes.items()}


def test_core_rows():
    pairs = {("a", "b"): (np.arange(900, 1000), np.arange(100))}
    batches = {"a": np.repeat(["x", "y"], [990, 10])}
    rows = core_rows(ranks(a=1000, b=400, c=50), 200, pairs=pairs, batches=batches)
    assert [len(rows[v]) for v in "abc"] == [200, 200, 50]
    assert all((np.diff(r) > 0).all() for r in rows.values())
    assert set(range(900, 1000)) <= set(rows["a"])  # shared cells, with their partners
    assert set(range(100)) <= set(rows["b"])
    assert core_rows(ranks(a=1000), 1000, pairs={}, batches={}) == {}
    rare = core_rows(ranks(a=1000), 200, pairs={}, batches=batches)["a"]
    assert set(range(990, 1000)) <= set(rare)


def test_the_core_is_drawn_by_name():
    names = pd.Index([f"cell{i}" for i in range(2000)])
    order = np.random.default_rng(0).permutation(2000)
    drawn, again = (core_rows({"a": cell_ranks(n, "0")}, 300, pairs={}, batches={})["a"] for n in (names, names[order]))
    assert set(names[drawn]) == set(names[order][again])
    other = core_rows({"a": cell_ranks(names, "1")}, 300, pairs={}, batches={})["a"]
    assert len(set(drawn) & set(other)) < 100  # 45 expected of another seed
    assert abs(cell_ranks(names, "0").mean() - 0.5) < 0.03


def test_bridge_into_large_views(data):
    named = {name: a.copy() for name, a in data.items()}
    cells = pd.DataFrame({"source": named["rna"].obs_names[-20:], "target": named["adt"].obs_names[-20:]})
    links = [*xt.links.suggest(named), xt.links.paired(named, "rna", "adt", cells=cells)]
    model = xt.integrate(named, links, config=CONFIG)
    assert set(range(880, 900)) <= set(model.core_rows["rna"])
    anchors = model.anchors["rna", "adt"]
    known = dict(zip(anchors.source[anchors.weight == 1], anchors.target[anchors.weight == 1], strict=True))
    assert all(known[880 + i] == 680 + i for i in range(20))


# Cut off, and going on.
class CutError(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 5, 9])
def test_resumed_fit_ends_with_the_same_bits(data, fitted, tmp_path, monkeypatch, after):
    keep, done = ResumeFolder.keep, []

    def cut(self, view, bound, z):
        if len(done) == after:
            raise CutError
        done.append(bound)
        keep(self, view, bound, z)

    monkeypatch.setattr(ResumeFolder, "keep", cut)
    with pytest.raises(CutError):
        xt.integrate(data, config=CONFIG, resume=tmp_path / "work")
    monkeypatch.setattr(ResumeFolder, "keep", keep)
    worked = []
    placed = placement.placed
    monkeypatch.setattr(placement, "placed", lambda encoder, task: worked.append(task) or placed(encoder, task))
    model = xt.integrate(data, config=CONFIG, resume=tmp_path / "work")
    assert len(worked) == 14 - after
    for name, z in fitted.latents.items():
        np.testing.assert_array_equal(model.latents[name], z)
    assert not (tmp_path / "work").exists()


def test_progress_of_another_fit_is_refused(data, tmp_path):
    model = xt.Model(data, config=CONFIG)
    folder_of(tmp_path / "work", model, 0)
    with pytest.raises(ValueError, match=r"is of another fit(.|\n)*another seed(.|\n)*Give another folder"):
        folder_of(tmp_path / "work", model, 1)
    with pytest.raises(ValueError, match="another settings"):
        folder_of(tmp_path / "work", xt.Model(data, config=replace(CONFIG, pull=0.1)), 0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(ValueError, match="not a folder of an earlier fit"):
        folder_of(tmp_path / "mine", model, 0)


def test_damaged_block_is_done_again(data, tmp_path):
    kept = folder_of(tmp_path / "work", xt.Model(data, config=CONFIG), 0)
    kept.keep("rna", (0, 3), np.ones((3, 2), np.float32))
    np.testing.assert_array_equal(kept.find("rna", (0, 3)), np.ones((3, 2)))
    file = next((tmp_path / "work").glob("0_0_3.npy"))
    file.write_bytes(file.read_bytes()[:-5])
    assert kept.find("rna", (0, 3)) is None
    assert kept.find("adt", (0, 3)) is None
