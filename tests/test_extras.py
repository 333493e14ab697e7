"""What an extra would bring, and does not: one sentence that says what to install."""

import importlib.util

import pytest

import crosstie as xt
from crosstie import _extras
from crosstie._errors import InputError
from crosstie._extras import require


def test_what_is_there_is_no_error():
    if importlib.util.find_spec("umap"):
        require("umap", "drawing")


@pytest.mark.parametrize(
    ("extra", "package"),
    [("train", "torch"), ("umap", "umap-learn"), ("dask", "dask"), ("fcs", "flowio")],
    ids=["train", "umap", "dask", "fcs"],
)
@pytest.mark.parametrize("gone", [None, ImportError], ids=["not found", "refused"])
def test_what_is_missing_is_said(monkeypatch, extra, package, gone):
    def found(name):
        if gone:
            raise gone(name)

    monkeypatch.setattr(_extras, "find_spec", found)
    with pytest.raises(InputError) as error:
        require(extra, "this")
    assert isinstance(error.value, ImportError)
    assert str(error.value) == (
        f'this needs {package}, which is not installed.\n  Install it: pip install "crosstie[{extra}]"'
    )


@pytest.mark.trains
def test_trained_model_without_torch(monkeypatch, tmp_path):
    data = xt.datasets.simulate_citeseq(n_cells=100, n_genes=150, n_proteins=20, seed=0)
    config = xt.Config(training="full", n_steps=2, batch_size=32, n_rounds=1, n_sketches=1, fallback="none")
    xt.Model(data, config=config).fit().save(tmp_path / "model")
    monkeypatch.setattr(_extras, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"load: the trained model in '.*model' needs torch, which is not installed"):
        xt.Model.load(tmp_path / "model")
    with pytest.raises(InputError, match=r'fit: training networks \(training="full"\) needs torch'):
        xt.Model(data, config=config).fit()
