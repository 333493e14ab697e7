"""What an extra would bring, and does not: one sentence that says what to install."""

import importlib.util

import pytest

from crosstie import _extras
from crosstie._errors import InputError
from crosstie._extras import require


def test_what_is_there_is_no_error():
    if importlib.util.find_spec("umap"):
        require("umap", "drawing")


@pytest.mark.parametrize(
    ("extra", "package"), [("train", "torch"), ("umap", "umap-learn"), ("dask", "dask")], ids=["train", "umap", "dask"]
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
