"""A saved model comes back only if it is whole: every damage is seen and named."""

import hashlib
import json
import logging
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import crosstie as xt
from crosstie.model import save
from crosstie.tl.novelty import novelty

from .saved_models import CLOSED, TRAINED, reload, simulate

WITH_TORCH = pytest.param(TRAINED, marks=pytest.mark.trains)
OTHERS = "are not those of the model.json"  # networks are looked at before their arrays are


@pytest.fixture(scope="module")
def data():
    return simulate()


@pytest.fixture(scope="module")
def fitted(data):
    return xt.integrate(data, config=CLOSED)


def test_a_model_saved_before_recipes_had_slopes_loads(run):
    """Proteins were divided by their total then, and still are."""
    settings = json.loads((run / "model.json").read_text())
    for view in settings["views"]:
        del view["recipe"]["slope"]
        view["recipe"]["steps"]["normalize"] = "library"
    (run / "model.json").write_text(json.dumps(settings))
    loaded = xt.Model.load(run)
    assert loaded.recipes["adt"].slope == 0
    new = np.array([[3.0, 1.0] + [0.0] * 18, [30.0, 10.0] + [0.0] * 18], np.float32)
    once, tenfold = loaded.recipes["adt"].log_normalize(new)
    np.testing.assert_allclose(once, tenfold, rtol=1e-5)


def test_a_model_saved_before_links_told_of_lacking_types_loads(run):
    settings = json.loads((run / "model.json").read_text())
    of_links = [f"disagreement/{i}" for i in range(len(settings.pop("disagreement")))]
    weights = load_file(run / "weights.safetensors")
    assert all(name in weights for name in of_links)
    save_file({name: x for name, x in weights.items() if name not in of_links}, run / "weights.safetensors")
    settings["weights_sha256"] = hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()
    (run / "model.json").write_text(json.dumps(settings))
    loaded = xt.Model.load(run)
    assert loaded.fitted.disagreement == {}
    found = xt.tl.transfer_labels(loaded, "rna", "adt", key="cell_type")
    expected = novelty(loaded.latents["rna"], loaded.latents["adt"])
    np.testing.assert_allclose(found["novelty"], expected, atol=1e-5)


def test_a_loaded_model_cannot_be_fitted(fitted, tmp_path):
    with pytest.raises(ValueError, match="loaded from a file, without data"):
        reload(fitted, tmp_path).fit()


def change_settings(run, change):
    settings = json.loads((run / "model.json").read_text())
    change(settings)
    (run / "model.json").write_text(json.dumps(settings))


def change_arrays(run, change):
    """Change arrays and make the checksum fit, so that the arrays themselves are looked at."""
    arrays = load_file(run / "weights.safetensors")
    change(arrays)
    save_file(arrays, run / "weights.safetensors")
    checksum = hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()
    change_settings(run, lambda settings: settings.update(weights_sha256=checksum))


def test_changing_nothing_changes_nothing(run, fitted):
    change_arrays(run, lambda arrays: None)
    np.testing.assert_array_equal(xt.Model.load(run).embed("rna"), fitted.embed("rna"))


def test_not_a_saved_model(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for name, found in (("file", "a file"), ("folder", r"no model\.json in it"), ("x", "nothing of that name")):
        with pytest.raises(ValueError, match=rf"is not a saved model\.\n  found: {found}\n  expected: a folder that"):
            xt.Model.load(tmp_path / name)


@pytest.mark.parametrize("name", ["weights.safetensors", "obs_0.csv", "obs_1.csv"])
def test_missing_file(run, name):
    (run / name).unlink()
    with pytest.raises(ValueError, match=rf"{re.escape(name)}' is missing"):
        xt.Model.load(run)


@pytest.mark.trains
def test_missing_history(data, tmp_path):
    xt.integrate(data, config=TRAINED).save(tmp_path / "run")
    (tmp_path / "run" / "history.csv").unlink()
    with pytest.raises(ValueError, match=r"history\.csv' is missing"):
        xt.Model.load(tmp_path / "run")


@pytest.mark.parametrize("version", [2, 4, "3", None])
def test_unknown_format(run, version):
    change_settings(run, lambda settings: settings.update(format=version))
    words = rf"format {version!r}, written by crosstie {xt.__version__}\n  expected: format 3 \(this is crosstie"
    with pytest.raises(ValueError, match=words):
        xt.Model.load(run)


def truncate(run):
    weights = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(weights[: len(weights) // 2])


def flip(run):
    weights = bytearray((run / "weights.safetensors").read_bytes())
    weights[-100] ^= 1
    (run / "weights.safetensors").write_bytes(weights)


def of_another_model(run):
    other = xt.integrate(simulate(seed=1), config=CLOSED)
    other.save(run.with_name("other"))
    shutil.copy(run.with_name("other") / "weights.safetensors", run)


@pytest.mark.parametrize("spoil", [truncate, flip, of_another_model])
def test_damaged_weights(run, spoil):
    spoil(run)
    with pytest.raises(
        ValueError, match=r"weights\.safetensors' is damaged, or of another model(.|\n)*Copy the folder"
    ):
        xt.Model.load(run)


def test_no_safetensors(run):
    (run / "weights.safetensors").write_bytes(b"pickle?")
    checksum = hashlib.sha256(b"pickle?").hexdigest()
    change_settings(run, lambda settings: settings.update(weights_sha256=checksum))
    with pytest.raises(ValueError, match=r"weights\.safetensors' is not a safetensors file\.\n  found: "):
        xt.Model.load(run)


@pytest.mark.parametrize("config", [CLOSED, WITH_TORCH], ids=["closed form", "trained"])
def test_each_array_is_missed_and_measured(data, tmp_path, config):
    model = xt.integrate(data, config=config)
    model.save(tmp_path / "whole")
    names = sorted(save._arrays(model.fitted))
    assert len(names) > 20
    for number, name in enumerate(names):
        for change, words in (
            (lambda arrays, name=name: arrays.pop(name), rf"lacks an array\.\n  found: no '{name}'"),
            (lambda arrays, name=name: arrays.update({name: arrays[name][:-1]}), "does not fit the others"),
            (lambda arrays, name=name: arrays.update({name: arrays[name][None]}), rf"does not fit(.|\n)*'{name}'"),
            (lambda arrays, name=name: arrays.update({name: arrays[name] > 0}), rf"does not fit(.|\n)*'{name}'.*bool"),
        ):
            if name == "closed_form/strength" and words == "does not fit the others":
                continue  # no other array has as many entries as there are shared directions
            run = shutil.copytree(tmp_path / "whole", tmp_path / f"run{number}", dirs_exist_ok=True)
            change_arrays(run, change)
            with pytest.raises(ValueError, match=f"{words}|{OTHERS}" if name.startswith("networks/") else words):
                xt.Model.load(run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.update(surplus=np.ones(3)), "holds unknown arrays.\n  found: 'surplus'"),
        (lambda a: a["latents/1"].__setitem__((3, 2), np.nan), "array 'latents/1' .* not finite"),
        (
            lambda a: a["recipes/0/kept"].__setitem__(0, 100),
            "'recipes/0/kept' .*outside.\n  found: .*to 100\n.*0 to 99",
        ),
        (lambda a: a["anchors/0/target"].__setitem__(0, -1), "'anchors/0/target' .*outside.\n  found: -1 to"),
    ],
)
def test_arrays_that_make_no_sense(run, change, words):
    change_arrays(run, change)
    with pytest.raises(ValueError, match=words):
        xt.Model.load(run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("views"), "is damaged.\n  found: KeyError: .*views"),
        (lambda s: s["config"].update(colour="red"), "is damaged(.|\n)*unknown name 'colour'"),
        (lambda s: s["config"].update(n_rounds=-1), "cannot be used: config: n_rounds is out of its range"),
        (lambda s: s["views"][0]["recipe"]["steps"].update(colour="red"), "is damaged.\n  found: TypeError: .*colour"),
        (lambda s: s["views"][0]["recipe"].update(values="red"), "cannot be used: an unknown word.\n  found: 'red'"),
        (lambda s: s["views"][0].update(modality="red"), "cannot be used: an unknown word.\n  found: 'red'"),
        (lambda s: s["views"][0]["recipe"]["features"].pop(), "'recipes/0/kept' .*outside"),
        (lambda s: s["links"].clear(), "cannot be used: links: the 2 views are not connected"),
        (lambda s: s["links"][0]["pairs"]["columns"].pop(), "is damaged"),
        (lambda s: s.update(edges=[[0, 7]]), "cannot be used: an edge is not between two views"),
        (lambda s: s.update(trained=True), "lacks an array"),
        (lambda s: s.update(closed_form=False), "holds unknown arrays"),
        (lambda s: s.update(weights_sha256="0"), "is damaged, or of another model"),
    ],
)
def test_settings_that_make_no_sense(run, change, words):
    change_settings(run, change)
    with pytest.raises(ValueError, match=words):
        xt.Model.load(run)


@pytest.mark.parametrize("text", ["", "{", "[]", '"format"', "null"])
def test_settings_that_are_no_settings(run, text):
    (run / "model.json").write_text(text)
    with pytest.raises(ValueError, match=r"model\.json' is damaged"):
        xt.Model.load(run)


@pytest.mark.parametrize("kind", ["U2000000", "O", "datetime64[ns]", "f8,f8", "S9"])
def test_columns_are_of_numbers_or_text(run, kind):
    """A column of text could be as wide as the memory; only kinds that `save` writes are read."""
    about = json.loads((run / "model.json").read_text())
    columns = [c for view in about["views"] for c in view["obs"]["columns"]]
    columns[0]["kind"] = kind
    (run / "model.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="an unknown word"):
        xt.Model.load(run)


def test_damaged_obs(run):
    lines = (run / "obs_0.csv").read_text().splitlines(keepends=True)
    (run / "obs_0.csv").write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match=r"'closed_form/0/reference' of shape \(60, 8\)(.|\n)*\(59, "):
        xt.Model.load(run)
    (run / "obs_0.csv").write_text("".join(line.split(",", 1)[1] for line in lines))
    with pytest.raises(ValueError, match=r"obs_0\.csv' does not fit the model\.json beside it\.\n  found: 4 columns"):
        xt.Model.load(run)
    (run / "obs_0.csv").write_text("")
    with pytest.raises(ValueError, match=r"obs_0\.csv' is damaged"):
        xt.Model.load(run)


def test_errors_are_of_the_user(run):
    (run / "weights.safetensors").unlink()
    with pytest.raises(xt._errors.InputError):
        xt.Model.load(run)


def test_nothing_is_said_when_all_is_well(run, caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        xt.Model.load(run)
    assert not caplog.text
