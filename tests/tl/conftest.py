import pytest

import crosstie as xt
from torch_here import one_torch_thread


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with one_torch_thread():
        yield


@pytest.fixture(scope="session")
def data():
    """The same population in views of unequal size; proteins come first on purpose."""
    mdata = xt.datasets.simulate_citeseq(n_cells={"rna": 300, "adt": 240}, n_genes=200, n_proteins=40, seed=0)
    return {"adt": mdata["adt"], "rna": mdata["rna"]}


@pytest.fixture(scope="session")
def model(data):
    return xt.integrate(data)


@pytest.fixture(scope="session")
def bare(model, tmp_path_factory):
    """The model as it is after loading: without data."""
    folder = tmp_path_factory.mktemp("bare") / "model"
    model.save(folder)
    return xt.Model.load(folder)
