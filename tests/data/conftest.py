"""One matrix of counts in every kind that AnnData holds: a test that takes `kind` runs over all of them."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from crosstie.data import View

KINDS = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_matrix, "csr_array": sp.csr_array}


@pytest.fixture(params=KINDS)
def kind(request):
    """From a dense array to a matrix of one kind."""
    return KINDS[request.param]


def counts(n_cells=80, n_features=30, seed=0):
    """Counts of three groups of cells; feature 3 is all zero."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 2.0, size=(3, n_features))[rng.integers(3, size=n_cells)]
    x = rng.poisson(rate * rng.uniform(0.5, 2, size=(n_cells, 1))).astype(np.float32)
    x[:, 3] = 0
    return x


def make_adata(x, names=None):
    names = [f"g{j}" for j in range(x.shape[1])] if names is None else names
    return AnnData(x, obs=pd.DataFrame(index=[f"c{i}" for i in range(x.shape[0])]), var=pd.DataFrame(index=names))


def make_view(x, modality="rna", name="v", **options):
    return View.of(name, make_adata(x), modality=modality, **options)


def dense(matrix):
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)
