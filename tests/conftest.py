"""What tests of several rooms share."""

import pytest

from fault_server import Server


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that stands in for all sources, with no wait between attempts."""
    made = Server()
    monkeypatch.setenv("CROSSTIE_MIRROR", made.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("crosstie.datasets.download.LONGEST_WAIT", 0.01)
    yield made
    made.close()
