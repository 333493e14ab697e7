"""Every term against its naive formula, in float64, for two views and for three."""

import numpy as np
import pytest
import torch

import oracles
from crosstie.config import Config
from crosstie.training import terms
from crosstie.training.minibatches import Batch
from crosstie.training.networks import Networks, draw_weights

CONFIG = Config(n_latent=4, hidden=16, geometry_clamp=0.9, geometry_bandwidth=0.7, anchor_k=5, hold=1)


class Case:
    """Networks with random weights, a minibatch of the whole problem, and the same as numpy functions and arrays."""

    def __init__(self, problem):
        self.views, self.edges = problem.views, problem.edges
        self.net = Networks.start(problem, CONFIG, torch.Generator().manual_seed(0)).double()
        draw_weights(self.net, torch.Generator().manual_seed(1), "uniform")
        self.x = {view: x[:40].astype(float) for view, x in problem.inputs.items()}
        self.closed = {view: z[:40].astype(float) for view, z in problem.closed.items()}
        self.linked = {e: (a[:40].astype(float), b[:40].astype(float)) for e, (a, b) in problem.linked.items()}
        self.pairs = {(i, j): (self.x[i][:15], self.x[j][15:30]) for i, j in self.edges}
        self.encode = {view: self.function(self.net.encoder[view]) for view in self.views}
        self.decode = {view: self.function(self.net.decoder[view]) for view in self.views}
        self.z = {view: self.encode[view](x) for view, x in self.x.items()}

    def function(self, network):
        arrays = {name: weight.detach().numpy() for name, weight in network.named_parameters()}
        layers = [arrays[name] for name in ("first.weight", "first.bias", "last.weight", "last.bias")]
        return lambda x: oracles.mlp(x, layers) + x @ arrays["linear.weight"].T + arrays["linear.bias"]

    def term(self, kind, config=CONFIG):
        def tensors(arrays):
            return {e: (torch.tensor(a), torch.tensor(b)) for e, (a, b) in arrays.items()}

        batch = Batch(
            x={view: torch.tensor(x) for view, x in self.x.items()},
            pairs=tensors(self.pairs),
            linked=tensors(self.linked),
            closed={view: torch.tensor(z) for view, z in self.closed.items()},
        )
        z = {view: self.net.encode(view, x) for view, x in batch.x.items()}
        return kind(self.views, self.edges, config)(self.net, batch, z)


@pytest.fixture
def case(problem):
    return Case(problem)


def same(found, expected, tolerance=1e-10):
    assert found.shape == ()
    assert found.requires_grad
    assert float(found.detach()) == pytest.approx(expected, rel=tolerance, abs=1e-12)


def test_reconstruction(case):
    same(case.term(terms.Reconstruction), oracles.reconstruction(case.x, case.z, case.decode))


def test_cycle(case):
    same(case.term(terms.Cycle), oracles.cycle(case.z, case.encode, case.decode, case.edges))


def test_geometry(case):
    cosines = [oracles.geometry({i: case.x[i]}, {i: case.z[i]}, 0.7, 1.0) for i in case.views]
    clamped = oracles.geometry(case.x, case.z, 0.7, 0.9)
    assert sum(cosines) < clamped  # the clamp is at work in this case
    same(case.term(terms.Geometry), clamped)


def test_geometry_of_a_rotation_is_perfect(pair):
    case = Case(pair)
    x = torch.tensor(case.x["rna"])
    turn = torch.linalg.qr(torch.randn(7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).Q
    rows = terms.row_cosines(terms.kernel(x, 1.0), terms.kernel(x @ turn + 3, 1.0))
    torch.testing.assert_close(rows, torch.ones_like(rows))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_as_a_product(dtype):
    x = np.random.default_rng(0).normal(size=(50, 6)) + 2
    tolerance = 1e-12 if dtype == torch.float64 else 5e-6
    found = terms.kernel(torch.tensor(x, dtype=dtype), 0.8).numpy()
    np.testing.assert_allclose(found, oracles.kernel(x, 0.8), atol=tolerance)


def test_squared_distances():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    found = terms.squared_distances(torch.tensor(x), torch.tensor(y)).numpy()
    np.testing.assert_allclose(found, ((x[:, None] - y[None]) ** 2).mean(2), atol=1e-12)
    assert (terms.squared_distances(torch.tensor(x), torch.tensor(x)) >= 0).all()


def test_global_anchors(case):
    same(case.term(terms.GlobalAnchors), oracles.global_anchors(case.pairs, case.encode))


@pytest.mark.parametrize("k", [1, 5, 100])
def test_batch_anchors(case, k):
    config = Config(n_latent=4, hidden=16, anchor_k=k)
    same(case.term(terms.BatchAnchors, config), oracles.batch_anchors(case.linked, case.z, k))


@pytest.mark.parametrize(("n", "m", "k"), [(30, 20, 1), (30, 20, 4), (5, 40, 30)])
def test_mutual_neighbours(n, m, k):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    found = terms.mutual_neighbours(torch.tensor(x), torch.tensor(y), k)
    assert found.shape == (n, m)
    assert found.nonzero().tolist() == [list(p) for p in oracles.mutual_neighbours(x, y, k)]
    swapped = terms.mutual_neighbours(torch.tensor(y), torch.tensor(x), k)
    assert torch.equal(found, swapped.T)


def test_batch_anchors_of_empty_profiles_are_finite(pair):
    case = Case(pair)
    case.linked = {edge: (np.zeros((40, 3)), np.zeros((40, 3))) for edge in case.edges}
    assert case.term(terms.BatchAnchors).isfinite()


def test_hold(case):
    same(case.term(terms.Hold), oracles.hold(case.z, case.closed))


@pytest.mark.parametrize(
    "kind", [terms.Reconstruction, terms.Cycle, terms.Geometry, terms.GlobalAnchors, terms.BatchAnchors, terms.Hold]
)
def test_gradient_is_the_slope(pair, kind):
    case = Case(pair)
    weight = case.net.encoder["rna"].last.weight
    gradient = torch.autograd.grad(case.term(kind), weight)[0]
    direction = torch.randn(weight.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ends = []
    with torch.no_grad():
        for step in (1e-5, -2e-5):
            weight += step * direction
            ends.append(float(case.term(kind)))
    assert float((gradient * direction).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9)


def test_order_of_cells_does_not_matter(pair):
    case = Case(pair)
    before = {kind: float(case.term(kind).detach()) for kind in (terms.Geometry, terms.BatchAnchors, terms.Cycle)}
    order = {view: np.random.default_rng(n).permutation(40) for n, view in enumerate(case.views)}
    case.x = {view: x[order[view]] for view, x in case.x.items()}
    case.linked = {(i, j): (a[order[i]], b[order[j]]) for (i, j), (a, b) in case.linked.items()}
    for kind, value in before.items():
        same(case.term(kind), value)


def test_terms_of_weight_zero_are_left_out():
    names = set(terms.make_terms(("a", "b"), (("a", "b"),), Config(cycle=0)))
    assert names == {"reconstruction", "anchors", "hold"}
    made = terms.make_terms(("a", "b"), (("a", "b"),), Config(geometry=1, anchor_scope="batch"))
    assert isinstance(made["anchors"], terms.BatchAnchors)
    assert set(made) == {"reconstruction", "cycle", "geometry", "anchors", "hold"}
