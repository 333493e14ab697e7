"""Fetches data sets into a folder of the test, and compares them with what the files hold."""

from __future__ import annotations

import gzip

import numpy as np

from crosstie.datasets import fetch

TENX = "pbmc_10k_protein_v3"


def get(name, folder, **options):
    return fetch(name, cache=folder / "cache", progress=None, **options)


def write(files, folder, *, plain=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        if plain and name.endswith(".gz"):
            (folder / name.removesuffix(".gz")).write_bytes(gzip.decompress(body))
        else:
            (folder / name).write_bytes(body)


def same(mdata, views):
    assert list(mdata.mod) == [view for view in ("rna", "adt", "atac") if view in views]
    for view, adata in mdata.mod.items():
        np.testing.assert_array_equal(adata.X.toarray(), views[view].X.toarray(), err_msg=view)
        assert adata.X.format == "csr"
        assert adata.X.dtype == np.float32
        assert list(adata.obs_names) == list(mdata["rna"].obs_names)
        assert adata.var_names.is_unique
