"""Saved models that were cut, edited or mixed up."""

import hashlib
import json

import numpy as np
from safetensors.numpy import load, save

import crosstie as xt
from bad_inputs.case import Case, Given
from crosstie._errors import InputValueError
from crosstie.model.save import SETTINGS, WEIGHTS


def _edited(change):
    """Return a case's call: load after a change of the settings of a saved model."""

    def call(g: Given):
        file = g.saved() / SETTINGS
        found = json.loads(file.read_text(encoding="utf-8"))
        change(found)
        file.write_text(json.dumps(found), encoding="utf-8")
        return xt.Model.load(g.folder / "model")

    return call


def _arrays(change):
    """Return a case's call: load after a change of the arrays, with a checksum that fits them."""

    def call(g: Given):
        path = g.saved()
        arrays = load((path / WEIGHTS).read_bytes())
        change(arrays)
        text = save({name: np.ascontiguousarray(x) for name, x in arrays.items()})
        (path / WEIGHTS).write_bytes(text)
        found = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
        found["weights_sha256"] = hashlib.sha256(text).hexdigest()
        (path / SETTINGS).write_text(json.dumps(found), encoding="utf-8")
        return xt.Model.load(path)

    return call


def _file(name, change):
    """Return a case's call: load after a change of the bytes of one file; `None` removes it."""

    def call(g: Given):
        path = g.saved() / name
        new = change(path.read_bytes())
        path.unlink() if new is None else path.write_bytes(new)
        return xt.Model.load(g.folder / "model")

    return call


def _error(name, words, call):
    return Case("saved runs", name, InputValueError, words, call)


def _into_a_folder_of_others(g: Given):
    (g.folder / "mine").mkdir()
    (g.folder / "mine" / "thesis.txt").write_text("x")
    return g.model.save(g.folder / "mine")


def _into_a_file(g: Given):
    (g.folder / "mine").write_text("x")
    return g.model.save(g.folder / "mine")


SAVED = [
    _error(
        "no such folder", ("is not a saved model", "nothing of that name"), lambda g: xt.Model.load(g.folder / "none")
    ),
    _error(
        "file in place of the folder",
        ("is not a saved model", "a file"),
        lambda g: xt.Model.load(g.written("x", "model")),
    ),
    _error("empty folder", ("is not a saved model", f"no {SETTINGS} in it"), lambda g: xt.Model.load(g.folder)),
    _error(
        "arrays cut off",
        ("weights.safetensors' is damaged", "checksum", "Copy the folder again"),
        _file(WEIGHTS, lambda b: b[:-100]),
    ),
    _error("one bit changed", ("is damaged", "checksum"), _file(WEIGHTS, lambda b: b[:-1] + bytes([b[-1] ^ 1]))),
    _error(
        "arrays missing", ("weights.safetensors' is missing", "Save the model again"), _file(WEIGHTS, lambda b: None)
    ),
    _error("settings cut off", ("model.json' is damaged", "JSONDecodeError"), _file(SETTINGS, lambda b: b[:200])),
    _error(
        "settings that are garbage",
        ("model.json' is damaged", "UnicodeDecodeError"),
        _file(SETTINGS, lambda b: bytes(range(128, 256))),
    ),
    _error(
        "settings nested without end",
        ("model.json' is damaged", "RecursionError"),
        _file(SETTINGS, lambda b: b"[" * 100_000),
    ),
    _error("settings of a list", ("model.json' is damaged",), _file(SETTINGS, lambda b: b"[]")),
    _error(
        "of a later format",
        ("format that this version does not know", "format 99", "Install the version"),
        _edited(lambda s: s.update(format=99)),
    ),
    _error(
        "of another model's arrays",
        ("damaged, or of another model",),
        _edited(lambda s: s.update(weights_sha256="0" * 64)),
    ),
    _error("without a checksum", ("is damaged", "checksum"), _edited(lambda s: s.pop("weights_sha256"))),
    _error(
        "setting out of range",
        ("config: n_latent is out of its range",),
        _edited(lambda s: s["config"].update(n_latent=0)),
    ),
    _error("setting of a later version", ("'quantum'",), _edited(lambda s: s["config"].update(quantum=True))),
    _error(
        "unknown modality", ("unknown word", "'lipids'"), _edited(lambda s: s["views"][0].update(modality="lipids"))
    ),
    _error("two views of one name", ("'adt'", "twice"), _edited(lambda s: s["views"][0].update(name="adt"))),
    _error(
        "view without a recipe", ("model.json' is damaged", "recipe"), _edited(lambda s: s["views"][0].pop("recipe"))
    ),
    _error(
        "unknown step of a recipe",
        ("model.json'", "normalize", "'quantile'"),
        _edited(lambda s: s["views"][0]["recipe"]["steps"].update(normalize="quantile")),
    ),
    _error(
        "total that is not a number",
        ("target_sum", "nan"),
        _edited(lambda s: s["views"][0]["recipe"].update(target_sum=float("nan"))),
    ),
    _error(
        "slope beyond its range",
        ("slope", "1.5", "0 to 1"),
        _edited(lambda s: s["views"][0]["recipe"].update(slope=1.5)),
    ),
    _error(
        "features that are left out",
        ("recipes/0/kept", "point outside"),
        _edited(lambda s: s["views"][0]["recipe"]["features"].__delitem__(slice(5, None))),
    ),
    _error(
        "edge to no view",
        ("model.json' cannot be used", "an edge is not between two views", "[0, 7]"),
        _edited(lambda s: s.update(edges=[[0, 7]])),
    ),
    _error("link to no view", ("model.json'", "'atac'"), _edited(lambda s: s["links"][0].update(source="atac"))),
    _error("cells of one view are gone", ("obs_0.csv' is missing",), _file("obs_0.csv", lambda b: None)),
    _error(
        "cells of one view cut off",
        ("does not fit the others", "of shape (60, ", "expected: shape (4, "),
        _file("obs_0.csv", lambda b: b"\n".join(b.splitlines()[:5])),
    ),
    _error(
        "column of cells gone",
        ("obs_0.csv' does not fit", "columns"),
        _file("obs_0.csv", lambda b: b"\n".join(line.rsplit(b",", 1)[0] for line in b.splitlines())),
    ),
    _error("array gone", ("lacks an array", "'latents/1'"), _arrays(lambda a: a.pop("latents/1"))),
    _error("array too many", ("unknown arrays", "'extra'"), _arrays(lambda a: a.update(extra=np.ones(3)))),
    _error(
        "array of another shape",
        ("does not fit the others", "expected: shape ("),
        _arrays(lambda a: a.update({"latents/0": a["latents/0"][:, 1:]})),
    ),
    _error(
        "array not finite",
        ("'recipes/0/mean'", "not finite"),
        _arrays(lambda a: a.update({"recipes/0/mean": a["recipes/0/mean"] * np.nan})),
    ),
    _error(
        "array of another type",
        ("'latents/0'", "int32", "float32 or float64"),
        _arrays(lambda a: a.update({"latents/0": a["latents/0"].astype(np.int32)})),
    ),
    _error(
        "deviations of 0",
        ("'recipes/0/std'", "above 0"),
        _arrays(lambda a: a.update({"recipes/0/std": a["recipes/0/std"] * 0})),
    ),
    _error(
        "anchors beyond the cells",
        ("'anchors/0/source'", "point outside"),
        _arrays(lambda a: a.update({"anchors/0/source": a["anchors/0/source"] + 10**6})),
    ),
    _error(
        "saved into a folder of others",
        ("is not a saved model alone", "'thesis.txt'", "Choose another name"),
        _into_a_folder_of_others,
    ),
    _error("saved into a file", ("is not a saved model alone", "a file"), _into_a_file),
    _error("saved before it was fitted", ("not fitted",), lambda g: xt.Model(g.views).save(g.folder / "mine")),
]


CASES = SAVED
