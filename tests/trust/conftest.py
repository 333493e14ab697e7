"""Small simulated runs: a good one, the same with links at random, three views, and one that was loaded."""

from dataclasses import replace

import numpy as np
import pytest

import crosstie as xt
from torch_here import one_torch_thread


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with one_torch_thread():
        yield


@pytest.fixture(scope="session")
def data():
    mdata = xt.datasets.simulate_citeseq(n_cells={"rna": 500, "adt": 420}, n_genes=500, n_proteins=60, seed=3)
    return {"adt": mdata["adt"], "rna": mdata["rna"]}


@pytest.fixture(scope="session")
def link(data):
    return xt.links.by_table(data, "adt", "rna")


def at_random(link, seed=0):
    """The same link, its columns joined at random."""
    pairs = link.pairs.copy()
    names = pairs["source"].unique()
    pairs["source"] = pairs["source"].map(dict(zip(names, np.random.default_rng(seed).permutation(names), strict=True)))
    return replace(link, pairs=pairs)


@pytest.fixture(scope="session")
def model(data, link):
    return xt.integrate(data, link)


@pytest.fixture(scope="session")
def good(model):
    return xt.trust.diagnose(model)


@pytest.fixture(scope="session")
def bad(data, link):
    return xt.trust.diagnose(xt.integrate(data, at_random(link)))


@pytest.fixture(scope="session")
def loaded(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "model"
    model.save(folder)
    return xt.Model.load(folder)
