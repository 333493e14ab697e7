"""What was saved comes back to the bit, and nothing else in the folder is lost."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.model import save
from crosstie.model.fitted import Fitted

from .saved_models import CLOSED, TRAINED, arrays, reload, simulate


@pytest.fixture(scope="module")
def data():
    return simulate()


@pytest.fixture(scope="module")
def fitted(data):
    return xt.integrate(data, config=CLOSED)


def check_same_arrays(one, other):
    assert one.keys() == other.keys()
    for name, x in one.items():
        assert x.dtype == other[name].dtype
        np.testing.assert_array_equal(x, other[name], err_msg=name)


# ---- there and back -------------------------------------------------------------------------------------------------


def test_everything_comes_back(model, tmp_path):
    loaded = reload(model, tmp_path)
    assert loaded.views == {}
    assert loaded.config == model.config
    assert loaded.modalities == model.modalities == {"rna": "rna", "adt": "protein"}
    assert loaded.slots == model.slots
    check_same_arrays(arrays(loaded), arrays(model))
    for view in model.latents:
        pd.testing.assert_frame_equal(loaded.obs[view], model.obs[view])
        a, b = loaded.recipes[view], model.recipes[view]
        assert (a.steps, a.values, a.target_sum, a.slope) == (b.steps, b.values, b.target_sum, b.slope)
        pd.testing.assert_index_equal(a.features, b.features)
    assert loaded.linkage.views == model.linkage.views
    for a, b in zip(loaded.linkage.links, model.linkage.links, strict=True):
        assert a.edge == b.edge
        pd.testing.assert_frame_equal(a.pairs, b.pairs.reset_index(drop=True))
        pd.testing.assert_frame_equal(a.report, b.report.reset_index(drop=True), check_dtype=False)
    assert list(loaded.anchors) == list(model.anchors)
    pd.testing.assert_frame_equal(loaded.history, model.history)
    assert (loaded.networks is None) == (model.networks is None)
    assert (loaded.closed_form is None) == (model.closed_form is None)


def test_new_cells_get_the_same_bits(model, data, tmp_path):
    loaded = reload(model, tmp_path)
    new = simulate(seed=1)
    for view in data:
        np.testing.assert_array_equal(loaded.embed(view), model.embed(view))
        for cells in (new[view], new[view][:7], data[view]):
            np.testing.assert_array_equal(loaded.embed(view, cells), model.embed(view, cells))
    for source, target in (("rna", "adt"), ("adt", "rna"), ("rna", "rna")):
        np.testing.assert_array_equal(
            loaded.translate(source, target, new[source]), model.translate(source, target, new[source])
        )
    loaded.write(data, key="X_loaded")
    np.testing.assert_array_equal(data["rna"].obsm.pop("X_loaded"), model.embed("rna"))


def test_a_loaded_model_can_be_saved(model, tmp_path):
    loaded = reload(model, tmp_path)
    loaded.save(tmp_path / "again")
    for file in (tmp_path / "run").iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_layout_of_arrays_comes_back(data, tmp_path):
    model = xt.integrate(data, config=CLOSED)
    decoders = {view: (np.asfortranarray(m), offset) for view, (m, offset) in model.decoders.items()}
    fitted = Fitted(replace(model.map, decoders=decoders), model.latents, model.anchors, model.history)
    save.save(model.inputs, fitted, tmp_path / "run")
    loaded = xt.Model.load(tmp_path / "run")
    for view, (matrix, _) in decoders.items():
        assert loaded.decoders[view][0].flags.f_contiguous
        np.testing.assert_array_equal(loaded.decoders[view][0], matrix)


def test_arrays_can_be_written_to(fitted, tmp_path):
    assert reload(fitted, tmp_path).latents["rna"].flags.writeable


@pytest.mark.trains
def test_names_of_views_are_in_no_path(data, tmp_path):
    names = {"rna": "../../up", "adt": "a/b {}\n\"'é"}
    model = xt.integrate(
        {names[view]: data[view] for view in data},
        modality={names["rna"]: "rna", names["adt"]: "protein"},
        config=TRAINED,
    )
    loaded = reload(model, tmp_path / "x")
    assert {p.name for p in tmp_path.rglob("*")} == {
        "x", "run", "model.json", "weights.safetensors", "obs_0.csv", "obs_1.csv", "history.csv",
    }  # fmt: skip
    np.testing.assert_array_equal(loaded.embed(names["adt"], data["adt"]), model.embed(names["adt"], data["adt"]))


@pytest.mark.trains
def test_three_views(data, tmp_path):
    second = simulate(seed=1)["rna"]
    model = xt.integrate(data | {"rna2": second}, config=TRAINED)
    loaded = reload(model, tmp_path)
    assert list(loaded.anchors) == [("rna", "adt"), ("rna", "rna2"), ("adt", "rna2")]
    check_same_arrays(arrays(loaded), arrays(model))


def test_obs_of_every_kind(data, tmp_path, caplog):
    n = 60
    text = ["plain", 'with "quotes", commas', "two\nlines", " spaces ", "NA", "é", "1", "nan", "", "True"] * 6
    columns = {
        "text": text,
        "missing": [None if t == "NA" else t or "x" for t in text],
        "category": pd.Categorical(text, categories=sorted(set(text))),
        "ordered": pd.Categorical([*"abc", None] * 15, categories=["c", "a", "b", "unused"], ordered=True),
        "numbered": pd.Categorical(np.arange(n) % 3),
        "bool": np.arange(n) % 2 == 0,
        "int": np.arange(n) - 5,
        "uint8": np.arange(n, dtype=np.uint8),
        "float": np.where(np.arange(n) % 7, np.arange(n) / 7, np.nan),
        "float32": (np.arange(n, dtype=np.float32) / 7),
        "infinite": np.where(np.arange(n) % 7, np.inf, -np.inf),
        "a, b": np.arange(n),
    }
    rna = data["rna"].copy()
    rna.obs_names = [f'cell {i}, "{i}"' for i in range(n)]
    rna.obs = pd.DataFrame(columns, index=rna.obs_names)
    rna.obs.index.name = "barcode"
    model = xt.integrate({"rna": rna, "adt": data["adt"]}, config=CLOSED)
    loaded = reload(model, tmp_path)
    pd.testing.assert_frame_equal(loaded.obs["rna"], model.obs["rna"].fillna({"missing": np.nan}))
    assert "saved as text" not in caplog.text


def test_other_kinds_of_obs_become_text_and_are_said(data, tmp_path, caplog):
    rna = data["rna"].copy()
    rna.obs["when"] = pd.date_range("2026-01-01", periods=60)
    loaded = reload(xt.integrate({"rna": rna, "adt": data["adt"]}, config=CLOSED), tmp_path)
    assert loaded.obs["rna"]["when"].iloc[0].startswith("2026-01-01")
    assert "save: view 'rna': 1 columns of obs are saved as text: 'when'" in caplog.text


def test_obs_without_columns(data, tmp_path):
    bare = {view: adata.copy() for view, adata in data.items()}
    for adata in bare.values():
        adata.obs = adata.obs[[]]
    model = xt.integrate(bare, config=CLOSED)
    pd.testing.assert_frame_equal(reload(model, tmp_path).obs["rna"], model.obs["rna"], check_column_type=False)


# ---- the folder -----------------------------------------------------------------------------------------------------


@pytest.mark.trains
def test_an_older_model_is_replaced(fitted, data, tmp_path):
    xt.integrate(data, config=TRAINED).save(tmp_path / "run")
    assert (tmp_path / "run" / "history.csv").exists()
    fitted.save(tmp_path / "run")
    assert not (tmp_path / "run" / "history.csv").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    np.testing.assert_array_equal(xt.Model.load(tmp_path / "run").embed("rna"), fitted.embed("rna"))


def test_folders_are_made(fitted, tmp_path):
    (tmp_path / "empty").mkdir()
    fitted.save(tmp_path / "empty")
    fitted.save(str(tmp_path / "new" / "run"))
    assert xt.Model.load(str(tmp_path / "new" / "run")).config == CLOSED


def test_nothing_else_is_replaced(fitted, tmp_path, run):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "history.csv").write_text("mine")
    (run / "notes.txt").write_text("mine")
    for name, found in (
        ("file", "a file"),
        ("folder", "a folder with 'notes.txt'"),
        ("tables", "a folder with 'history.csv' and no model.json"),
        ("run", "a folder with 'notes.txt'"),
    ):
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        with pytest.raises(ValueError, match=rf"exists and is not a saved model alone\.\n  found: {found}\n  Choose"):
            fitted.save(tmp_path / name)
        assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("when", ["writing", "renaming"])
def test_a_failure_leaves_what_was_there(fitted, data, run, monkeypatch, when):
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    if when == "writing":
        monkeypatch.setattr(save, "_as_text", lambda obs: 1 / 0)
    else:
        real = type(run).replace

        def replace(source, target):
            if source.name == "new":
                raise OSError("disk full")
            return real(source, target)

        monkeypatch.setattr(type(run), "replace", replace)
    with pytest.raises((ZeroDivisionError, OSError)):
        fitted.save(run)
    with pytest.raises((ZeroDivisionError, OSError)):
        fitted.save(run.with_name("other"))
    assert [p.name for p in run.parent.iterdir()] == ["run"]
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before


def test_positions_come_back(data, tmp_path):
    places = np.random.default_rng(0).random((data["adt"].n_obs, 2))
    adt = data["adt"].copy()
    adt.obsm["spatial"], adt.uns["spatial_unit"] = places, "µm"
    adt.obs["slide"] = [f"s{i % 3}" for i in range(adt.n_obs)]
    model = xt.integrate({"rna": data["rna"], "adt": adt}, config=CLOSED, section_key="slide")
    loaded = reload(model, tmp_path)
    here = loaded.positions["adt"]
    assert list(loaded.positions) == ["adt"]
    assert (here.xy == places).all()
    assert here.sections == ("s0", "s1", "s2")
    assert (here.section == np.arange(adt.n_obs) % 3).all()
    assert here.unit == "micrometre"
    assert "2D positions in µm, 3 sections" in repr(loaded)
    assert xt.Model.of(*(model.inputs, model.fitted)).positions["adt"] is model.positions["adt"]
