import numpy as np
import pytest
import torch

from crosstie.config import Config
from crosstie.training.networks import Critic, Networks, draw_weights
from oracles import mlp

from .conftest import make_problem


def start(problem, seed=0, **settings):
    return Networks.start(problem, Config(n_latent=4, hidden=16, **settings), torch.Generator().manual_seed(seed))


def test_residual_starts_exactly_at_the_closed_form(problem):
    net = start(problem)
    for view, x in problem.inputs.items():
        matrix, offset = problem.linear[view]
        x = torch.tensor(x)
        weight = torch.tensor(np.ascontiguousarray(matrix.T))  # another layout, other last bits
        expected = torch.nn.functional.linear(x, weight, torch.tensor(offset))
        assert torch.equal(net.encode(view, x), expected)
        np.testing.assert_allclose(net.encode_array(view, x.numpy()), problem.closed[view], rtol=1e-5, atol=1e-5)
        z = net.encode(view, x).detach()
        design = np.c_[z.numpy().astype(float), np.ones(len(z))]
        best = design @ np.linalg.lstsq(design, x.numpy().astype(float), rcond=None)[0]
        np.testing.assert_allclose(net.decode(view, z).detach(), best, atol=1e-3)


def test_plain_networks_are_two_layers(pair):
    net = start(pair, encoder="mlp", decoder="mlp").double()
    x = pair.inputs["rna"].astype(float)
    weights = [w.detach().numpy() for w in net.encoder["rna"].parameters()]
    assert len(weights) == 4
    np.testing.assert_allclose(net.encode("rna", torch.tensor(x)).detach(), mlp(x, weights), rtol=1e-12)


@pytest.mark.parametrize("linear", ["frozen", "trained"])
def test_which_weights_are_trained(pair, linear):
    net = start(pair, linear=linear)
    trained = {name for name, weight in net.named_parameters() if weight.requires_grad}
    assert ("encoders.0.linear.weight" in trained) == (linear == "trained")
    assert "encoders.0.last.weight" in trained
    assert "encoders.0.linear.weight" in net.state_dict()


def test_any_name_of_a_view_will_do():
    problem = make_problem(("values", "protein.1"))
    net = start(problem)
    assert net.encode_array("protein.1", problem.inputs["protein.1"]).shape == (60, 4)


def test_state_round_trip(problem):
    config = Config(n_latent=4, hidden=16)
    one = Networks.start(problem, config, torch.Generator().manual_seed(3))
    two = Networks(problem.n_inputs, config)
    two.load_state_dict(one.state_dict())
    for view, x in problem.inputs.items():
        assert (one.encode_array(view, x) == two.encode_array(view, x)).all()


def test_chunks_do_not_matter(pair):
    net, x = start(pair), pair.inputs["rna"]
    np.testing.assert_allclose(net.encode_array("rna", x, chunk=7), net.encode_array("rna", x), rtol=1e-5, atol=1e-6)
    assert net.encode_array("rna", x).dtype == np.float32
    assert net.encode_array("rna", x[:0]).shape == (0, 4)


def test_first_weights_follow_the_seed_and_leave_torch_alone(pair):
    state = torch.get_rng_state()
    one, two, other = (start(pair, seed, encoder="mlp") for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.encoder["rna"].first.weight, other.encoder["rna"].first.weight)


def test_first_weights_of_scmodal():
    layer = torch.nn.Linear(400, 300)
    draw_weights(layer, torch.Generator().manual_seed(0), "normal")
    for weight in layer.parameters():
        assert abs(float(weight.detach().mean())) < 0.02
        assert float(weight.detach().std()) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("n_cells", "n_inputs", "kind"), [(50, 400, "mlp"), (50, 10, "mlp"), (50, 400, "residual")])
def test_there_and_back_is_decoding_and_encoding(n_cells, n_inputs, kind):
    net = Networks({"rna": n_inputs}, Config(n_latent=4, hidden=16, encoder=kind, decoder=kind)).double()
    draw_weights(net, torch.Generator().manual_seed(0), "normal")
    z = torch.randn(n_cells, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    products = []
    for step in (lambda: net.encode("rna", net.decode("rna", z)), lambda: net.there_and_back("rna", z)):
        net.zero_grad()
        out = step()
        out.square().sum().backward()
        products.append([out.detach(), *(w.grad for w in net.parameters() if w.requires_grad)])
    for expected, found in zip(*products, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_first_weights_are_torchs_own_rule():
    layer = torch.nn.Linear(400, 300)
    draw_weights(layer, torch.Generator().manual_seed(0), "uniform")
    for weight in layer.parameters():
        assert weight.detach().abs().max() <= 0.05
        assert float(weight.detach().std()) == pytest.approx(0.1 / 12**0.5, rel=0.1)


def test_critic_layers_and_clamp():
    critic = Critic(Config(n_latent=4, critic_hidden=8, critic_layers=3, critic_clamp=0.5)).double()
    draw_weights(critic, torch.Generator().manual_seed(0), "uniform")
    z = 100 * torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weights = [w.detach().numpy() for w in critic.parameters()]
    assert len(weights) == 8
    scores = mlp(z.numpy(), weights)
    assert (abs(scores) > 0.5).any()
    np.testing.assert_allclose(critic(z).detach(), np.clip(scores, -0.5, 0.5), rtol=1e-12)


def test_bfloat16_multiplies_in_it_and_keeps_the_rest_single():
    pair = make_problem(n_cells=200)
    single, half = (start(pair, encoder="mlp", decoder="mlp", precision=p) for p in ("float32", "bfloat16"))
    x = torch.tensor(pair.inputs["rna"])
    exact, rough = single.encode("rna", x), half.encode("rna", x)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    torch.testing.assert_close(rough, exact, rtol=0, atol=0.02 * float(exact.detach().abs().max()))
    z = exact.detach()
    assert pair.inputs["adt"].shape[1] * (2 * len(z) - 16) > len(z) * 16, "through the product of two layers"
    for way in ("decode", "there_and_back"):
        rounded = getattr(half, way)("adt", z)
        assert rounded.dtype == torch.float32
        assert not torch.equal(rounded, getattr(single, way)("adt", z))
    critics = [Critic(Config(n_latent=4, precision=p)) for p in ("float32", "bfloat16")]
    draw_weights(critics[0], torch.Generator().manual_seed(0), "uniform")
    critics[1].load_state_dict(critics[0].state_dict())
    one, other = (critic(z) for critic in critics)
    assert other.dtype == torch.float32
    assert not torch.equal(one, other)
    rough.square().sum().backward()
    assert {weight.grad.dtype for weight in half.encoder["rna"].parameters()} == {torch.float32}
    # What a user gets is computed in single precision, whatever the training was.
    assert (half.encode_array("rna", pair.inputs["rna"]) == single.encode_array("rna", pair.inputs["rna"])).all()
