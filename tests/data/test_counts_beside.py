"""Counts beside a normalised matrix."""

import numpy as np
import pytest
import scipy.sparse as sp
from anndata import AnnData

from crosstie.data import View
from crosstie.data.counts_beside import tell_of_counts

from .conftest import counts, make_adata

X = counts()
LOG = np.log1p(X)


def with_raw(x, raw):
    adata = make_adata(x)
    adata.raw = make_adata(raw)
    return adata


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_counts_are_found_and_usable(make, caplog):
    scaled = with_raw(LOG - LOG.mean(0), make(X))
    layer = AnnData(make(LOG), layers={"a": make(LOG), "spliced": make(X), "counts": make(X)})
    for adata, slot in ((with_raw(make(LOG), make(X)), "raw"), (scaled, "raw"), (layer, "layers/counts")):
        caplog.clear()
        assert tell_of_counts("v", adata, "X") == slot
        assert f"but {slot} holds counts; to use them, set slot={{'v': '{slot}'}}" in caplog.text
        assert caplog.records[0].cli % caplog.records[0].args == (
            f"v: X is not counts, but {slot} holds counts; to use them, write --slot v={slot}."
        )
        assert tell_of_counts("v", adata, slot) is None
        assert View.of("v", adata, modality="rna", slot=slot).values == "counts"


def test_nothing_is_said_without_reason(caplog):
    for adata in (make_adata(X), make_adata(LOG), with_raw(X, X), with_raw(LOG, LOG), with_raw(LOG, 0 * X)):
        assert tell_of_counts("v", adata, "X") is None
    assert tell_of_counts("v", AnnData(LOG, obsm={"x": LOG}, layers={"counts": X}), "obsm/x") is None
    assert caplog.text == ""


def test_raw_has_features_of_its_own():
    adata = with_raw(LOG, X)
    adata = adata[:, :5].copy()
    view = View.of("v", adata, modality="rna", slot="raw")
    assert view.n_features == 30
    assert list(view.features) == [f"g{j}" for j in range(30)]
    with pytest.raises(KeyError, match="Did you mean 'raw'"):
        View.of("v", adata, modality="rna", slot="raws")
