"""Small problems: two or three views of noise around a shared signal, with anchors between cells of one number."""

from itertools import pairwise

import numpy as np
import pytest

from crosstie.anchors.pairs import Anchors
from crosstie.training.problem import Problem
from torch_here import HAS_TORCH, one_torch_thread

NEED_TORCH = (
    "adversary",
    "best_step",
    "checkpoint",
    "distributed",
    "loop",
    "minibatches",
    "networks",
    "parity",
    "terms",
)
collect_ignore = [] if HAS_TORCH else [f"test_{part}.py" for part in NEED_TORCH]


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with one_torch_thread():
        yield


def make_problem(views=("rna", "adt"), n_cells=60, n_latent=4, seed=0, **changes):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_cells, 3))
    inputs, linear, closed, shared = {}, {}, {}, {}
    for n, view in enumerate(views):
        width = 7 + 2 * n
        noise = rng.normal(size=(n_cells, width))
        inputs[view] = (signal @ rng.normal(size=(3, width)) + 0.5 * noise).astype(np.float32)
        linear[view] = (rng.normal(size=(width, n_latent)) / 3).astype(np.float32), np.full(n_latent, 0.1, np.float32)
        closed[view] = inputs[view] @ linear[view][0] + linear[view][1]
        shared[view] = (signal + 0.3 * rng.normal(size=signal.shape)).astype(np.float32)
    edges = tuple(pairwise(views))
    rows = np.arange(n_cells)
    arrays = {
        "inputs": inputs,
        "edges": edges,
        "anchors": {edge: Anchors(rows, rows, rng.uniform(0.1, 1, n_cells)) for edge in edges},
        "linked": {(i, j): (shared[i], shared[j]) for i, j in edges},
        "closed": closed,
        "linear": linear,
    }
    return Problem(**(arrays | changes))


@pytest.fixture(params=[("rna", "adt"), ("adt", "rna", "atac.1")], ids=["two views", "three views"])
def problem(request):
    return make_problem(request.param)


@pytest.fixture
def pair():
    return make_problem()
