"""Wrong words on the command line, and finished runs that were spoilt."""

import shutil

from bad_inputs.case import Case, Given
from crosstie._errors import InputValueError


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
    _cli("output under a file", ("cannot be made", "not a writable folder"), _out_under_a_file),
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

CASES = COMMANDS
