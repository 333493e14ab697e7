"""Products of tests are small: torch on one thread. Small models; files that need others have their own `data`."""

import pytest

import crosstie as xt
from torch_here import one_torch_thread

from .saved_models import CONFIGS
from .small_models import CLOSED, TRAINED, simulate


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with one_torch_thread():
        yield


@pytest.fixture(scope="module")
def data():
    return simulate()


@pytest.fixture(scope="module")
def fitted(data):
    return xt.integrate(data, config=CLOSED)


@pytest.fixture(scope="module")
def trained(data):
    return xt.integrate(data, config=TRAINED)


@pytest.fixture(
    scope="module",
    params=[pytest.param(key, marks=pytest.mark.trains if key != "closed form" else ()) for key in CONFIGS],
)
def model(data, request):
    return xt.integrate(data, config=CONFIGS[request.param])


@pytest.fixture
def run(fitted, tmp_path):
    """A saved model, to be spoilt."""
    fitted.save(tmp_path / "run")
    return tmp_path / "run"
