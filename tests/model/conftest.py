"""Products of tests are small: torch on one thread."""

import pytest

from torch_here import one_torch_thread


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with one_torch_thread():
        yield
