"""The grammar of the command line."""

import json
from pathlib import Path

import pytest

from crosstie.cli import settings_file, view_arguments
from crosstie.config import Config

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")


def test_paths_of_views():
    assert view_arguments.paths_of(VIEWS) == {"rna": Path("rna.h5ad"), "adt": Path("adt.h5ad")}
    assert view_arguments.paths_of(["a=x=y.h5ad", "b 1.2+=z"]) == {"a": Path("x=y.h5ad"), "b 1.2+": Path("z")}
    assert view_arguments.paths_of(["some.h5mu"]) == {"": Path("some.h5mu")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rna.h5ad", "adt.h5ad"], "Write rna=rna.h5ad."),
        (["rna=", "adt=adt.h5ad"], "not of the form NAME=PATH"),
        (["=rna.h5ad", "adt=adt.h5ad"], "not of the form NAME=PATH"),
        (["rna=rna.h5ad"], "only one view"),
        (["rna=rna.h5ad", "rna=adt.h5ad"], "given twice"),
        (["../rna=rna.h5ad", "adt=adt.h5ad"], "Write rna=rna.h5ad."),
        (["a/b=rna.h5ad", "adt=adt.h5ad"], "cannot be used in file names"),
        ([".rna=rna.h5ad", "adt=adt.h5ad"], "cannot be used in file names"),
    ],
)
def test_wrong_views(words, said):
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        view_arguments.paths_of(words)


def test_options_by_view():
    views = ["rna", "adt"]
    assert view_arguments.by_view(None, "--slot", views) == {}
    assert view_arguments.by_view(["X", "adt=layers/a=b"], "--slot", views) == {"rna": "X", "adt": "layers/a=b"}
    assert view_arguments.by_view(["adt=layers/c", "X"], "--slot", views) == {"rna": "X", "adt": "layers/c"}
    with pytest.raises(KeyError, match="Did you mean 'adt'"):
        view_arguments.by_view(["adx=X"], "--slot", views)
    with pytest.raises(ValueError, match="NAME=WORD"):
        view_arguments.by_view(["adt="], "--slot", views)


def test_settings(tmp_path):
    assert settings_file.make_config("default", None, None) == Config()
    assert settings_file.make_config("scmodal", None, None) == Config.scmodal()
    changed = settings_file.make_config("trained", None, ["n_latent=7", "hidden=9", "betas=0.8,0.9", "alignment=none"])
    assert changed == Config(training="full", n_latent=7, hidden=9, betas=(0.8, 0.9), alignment="none")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"n_latent": 5, "entropy": 0.1}))
    assert settings_file.make_config("default", file, ["entropy=0.2"]) == Config(n_latent=5, entropy=0.2)


@pytest.mark.parametrize(
    ("preset", "words", "said"),
    [
        ("trainde", [], "Did you mean 'trained'"),
        ("default", ["n_latnet=3"], "Did you mean 'n_latent'"),
        ("default", ["n_latent"], "Write n_latent=VALUE"),
        ("default", ["n_latent=many"], "not a whole number"),
        ("default", ["n_latent=0"], "out of its range"),
        ("default", ["encoder=mpl"], "encoder is unknown"),
    ],
)
def test_wrong_settings(preset, words, said):
    with pytest.raises((ValueError, KeyError, TypeError), match=said):
        settings_file.make_config(preset, None, words)


def test_preset_and_config_exclude_each_other(tmp_path):
    with pytest.raises(ValueError, match="exclude each other"):
        settings_file.make_config("scmodal", tmp_path / "config.json", None)
