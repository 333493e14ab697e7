"""Saved models that were cut, edited or mixed up, and wrong words on the command line."""

import hashlib
import json
import shutil

import numpy as np
from safetensors.numpy import load, save

import crosstie as xt
from bad_inputs.case import Case, Given
from crosstie._errors import InputValueError
from crosstie.model.checkpoint import SETTINGS, WEIGHTS


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


def _cli(name, words, call):
    return Case("commands", name, InputValueError, words, call)


def _on_run(*words, spoil=None):
    """Return a case's call: a command on a finished run, perhaps spoilt."""

    def call(g: Given):
        g.run()
        g.files()
        if spoil is not None:
            spoil(g.folder / "run")
        return g.cli(*words)

    return call


def _files(*words):
    def call(g: Given):
        g.files()
        return g.cli(*words)

    return call


def _out_is_a_file(g: Given):
    g.written("x", "out")
    return g.integrate_files()


def _out_holds_things(g: Given):
    (g.folder / "out").mkdir()
    (g.folder / "out" / "thesis.txt").write_text("x")
    return g.integrate_files()


def _out_overwrites_things(g: Given):
    (g.folder / "out").mkdir()
    (g.folder / "out" / "thesis.txt").write_text("x")
    return g.integrate_files("--overwrite")


def _out_under_a_file(g: Given):
    g.files()
    return g.cli("integrate", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "rna.h5ad/out")


def _integrate(*words):
    return lambda g: g.integrate_files(*words)


TRANSFER = ("transfer", "run", "rna", "adt", "--label-key", "cell_type")
COMMANDS = [
    _cli("unknown verb", ("No such command", "integrat"), _files("integrat", "rna=rna.h5ad")),
    _cli("unknown option", ("No such option", "--outt"), _integrate("--outt", "x")),
    _cli("no views", ("Missing argument", "NAME=PATH"), _files("integrate", "--out", "out")),
    _cli("no output", ("Missing option", "--out"), _files("integrate", "rna=rna.h5ad", "adt=adt.h5ad")),
    _cli(
        "view without a name",
        ("not of the form NAME=PATH", "Write rna=rna.h5ad"),
        _files("integrate", "rna.h5ad", "adt=adt.h5ad", "--out", "out"),
    ),
    _cli(
        "view given twice",
        ("view 'rna' is given twice", "rna.h5ad and adt.h5ad"),
        _files("integrate", "rna=rna.h5ad", "rna=adt.h5ad", "--out", "out"),
    ),
    _cli(
        "one view alone",
        ("there is only one view", "at least two"),
        _files("integrate", "rna=rna.h5ad", "--out", "out"),
    ),
    _cli(
        "view named as a path",
        ("view name '../rna'", "Write rna=rna.h5ad"),
        _files("integrate", "../rna=rna.h5ad", "adt=adt.h5ad", "--out", "out"),
    ),
    _cli("output that exists", ("is not empty", "'thesis.txt'", "--overwrite"), _out_holds_things),
    _cli(
        "output of others, to be replaced",
        ("is not the folder of an earlier run", "'thesis.txt'"),
        _out_overwrites_things,
    ),
    _cli("output that is a file", ("is a file", "a folder, new or empty"), _out_is_a_file),
    _cli("output under a file", ("cannot be made", "not a folder"), _out_under_a_file),
    _cli("seed of text", ("--seed", "integer"), _integrate("--seed", "lucky")),
    _cli("seed below 0", ("--seed", "greater than or equal to 0"), _integrate("--seed", "-1")),
    _cli("preset that there is not", ("--preset", "'fast'"), _integrate("--preset", "fast")),
    _cli(
        "preset beside settings",
        ("--preset and --config exclude each other",),
        _integrate("--preset", "scmodal", "--config", "s.json"),
    ),
    _cli("setting that there is not", ("--set", "'latent'"), _integrate("--set", "latent=3")),
    _cli(
        "setting without a value",
        ("not of the form KEY=VALUE", "Write n_latent=VALUE"),
        _integrate("--set", "n_latent"),
    ),
    _cli("setting not a number", ("config: pull is out of its range", "nan"), _integrate("--set", "pull=NaN")),
    _cli("modality that there is not", ("modality", "'lipids'"), _integrate("--modality", "rna=lipids")),
    _cli(
        "modality of a view that there is not",
        ("--modality gex=rna: view", "'gex'"),
        _integrate("--modality", "gex=rna"),
    ),
    _cli("slot that there is not", ("slot", "'layers/counts'"), _integrate("--slot", "rna=layers/counts")),
    _cli("slot of nothing", ("not of the form NAME=WORD",), _integrate("--slot", "rna=")),
    _cli(
        "label column that there is not",
        ("--label-key", "'celltype'", "Did you mean 'cell_type'"),
        _integrate("--label-key", "celltype"),
    ),
    _cli("pairs by a column that there is not", ("--pairs", "'twin'"), _integrate("--pairs", "twin")),
    _cli("pairs of which one occurs twice", ("--pairs", "occur more than once"), _integrate("--pairs", "cell_type")),
    _cli("paired with one view", ("not of the form NAME,NAME", "Write rna,adt"), _integrate("--paired", "rna")),
    _cli("names in a column that there is not", ("column of rna.var", "'symbol'"), _integrate("--names", "rna=symbol")),
    _cli(
        "genes for no peaks",
        ("--genes: no view holds peaks", "rna: rna, adt: protein"),
        _integrate("--genes", "rna.h5ad"),
    ),
    _cli(
        "links shown of nothing",
        ("--only", "'some'"),
        _files("links", "rna=rna.h5ad", "adt=adt.h5ad", "--only", "some"),
    ),
    _cli(
        "links written into no folder",
        ("cannot be written", "no folder"),
        _files("links", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "none/links.csv"),
    ),
    _cli(
        "links written onto a folder",
        ("cannot be written", "a folder"),
        _files("links", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "."),
    ),
    _cli(
        "folder of no run",
        ("is not the folder of a run", "no run.json in it", "crosstie integrate"),
        _files("report", "."),
    ),
    _cli("run that is not there", ("is not the folder of a run", "no such folder"), _files("diagnose", "nowhere")),
    _cli(
        "run without its model",
        ("is not a saved model",),
        _on_run(*TRANSFER, "--out", "l.csv", spoil=lambda p: shutil.rmtree(p / "model")),
    ),
    _cli(
        "run without its data",
        ("lacks integrated.h5mu", "Copy integrated.h5mu there"),
        _on_run("impute", "run", "rna", "adt", "--out", "i.h5ad", spoil=lambda p: (p / "integrated.h5mu").unlink()),
    ),
    _cli(
        "run with data cut off",
        ("integrated.h5mu cannot be read",),
        _on_run(
            "impute",
            "run",
            "rna",
            "adt",
            "--out",
            "i.h5ad",
            spoil=lambda p: (p / "integrated.h5mu").write_bytes((p / "integrated.h5mu").read_bytes()[:9000]),
        ),
    ),
    _cli(
        "run whose story is garbage",
        ("run.json", "damaged"),
        _on_run("report", "run", spoil=lambda p: (p / "run.json").write_text("{")),
    ),
    _cli(
        "view of no run",
        ("view", "'gex'"),
        _on_run("transfer", "run", "gex", "adt", "--label-key", "cell_type", "--out", "l.csv"),
    ),
    _cli("source is target", ("are one view", "rna"), _on_run("match", "run", "rna", "rna", "--out", "m.csv")),
    _cli(
        "labels that the run has not",
        ("--label-key, a column of obs of 'rna'", "'donor'"),
        _on_run("transfer", "run", "rna", "adt", "--label-key", "donor", "--out", "l.csv"),
    ),
    _cli("result of another ending", ("cannot be written", "'.txt'", "'.csv'"), _on_run(*TRANSFER, "--out", "l.txt")),
    _cli("result into no folder", ("cannot be written", "no folder"), _on_run(*TRANSFER, "--out", "none/l.csv")),
    _cli(
        "confidence above 1",
        ("--abstain-at", "less than or equal to 1"),
        _on_run(*TRANSFER, "--out", "l.csv", "--abstain-at", "1.5"),
    ),
    _cli("neighbours below 1", ("--k", "greater than or equal to 1"), _on_run(*TRANSFER, "--out", "l.csv", "--k", "0")),
    _cli(
        "imputed by no known way",
        ("method", "'magic'"),
        _on_run("impute", "run", "rna", "adt", "--method", "magic", "--out", "i.h5ad"),
    ),
    _cli(
        "query onto itself",
        ("is the query itself", "another name"),
        _on_run("map", "run", "rna.h5ad", "--like", "rna", "--out", "rna.h5ad"),
    ),
    _cli(
        "query of other features",
        ("used features are there",),
        _on_run("map", "run", "adt.h5ad", "--like", "rna", "--out", "m.h5ad"),
    ),
    _cli(
        "query that is not there",
        ("no such file", "new.h5ad"),
        _on_run("map", "run", "new.h5ad", "--like", "rna", "--out", "m.h5ad"),
    ),
    _cli(
        "query named as a view",
        ("the run has a view of this name",),
        _on_run("map", "run", "rna.h5ad", "--like", "rna", "--name", "adt", "--out", "m.h5ad"),
    ),
    _cli(
        "labels from a view, but none asked for",
        ("--from is about labels", "Write --label-key"),
        _on_run("map", "run", "rna.h5ad", "--like", "rna", "--from", "adt", "--out", "m.h5ad"),
    ),
    _cli("public data that there are not", ("'pbmc'",), _files("fetch", "pbmc")),
    _cli("demo of no cells", ("--n-cells", "0"), _files("demo", "--n-cells", "0", "--out", "demo")),
]

CASES = [*SAVED, *COMMANDS]
