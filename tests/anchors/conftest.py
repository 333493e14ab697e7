"""A generator of random numbers for tests of arrays."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)
