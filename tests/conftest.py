"""What tests of several rooms share."""

import logging
import signal

import numpy as np
import pytest

from faults.server import Server
from torch_here import HAS_TORCH

signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background shells ignore it, and children too


def pytest_collection_modifyitems(items):
    """Where torch is not installed, all that does not train must work."""
    for item in items:
        if not HAS_TORCH and item.get_closest_marker("trains"):
            item.add_marker(pytest.mark.skip(reason="trains networks: needs torch"))


@pytest.fixture(autouse=True)
def log_as_it_was():
    """Fuzzing silences the log of the whole process; the next test hears it again."""
    yield
    logging.getLogger("crosstie").setLevel(logging.NOTSET)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that stands in for all sources, with no wait between attempts."""
    made = Server()
    monkeypatch.setenv("CROSSTIE_MIRROR", made.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("crosstie.datasets.download.download.LONGEST_WAIT", 0.01)
    yield made
    made.close()
