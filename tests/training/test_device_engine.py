"""torch computes what faiss and NumPy compute; the CPU stands for any device, and a card is asked if there is one."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import crosstie as xt  # noqa: E402
from crosstie.anchors.engine import computing_with, engine_in_use  # noqa: E402
from crosstie.anchors.linear import unit_rows  # noqa: E402
from crosstie.anchors.neighbours import nearest  # noqa: E402
from crosstie.anchors.transport import composed_plan, transport_plan  # noqa: E402
from crosstie.training import device_engine  # noqa: E402
from crosstie.training.device import on_device  # noqa: E402
from crosstie.training.device_engine import TorchEngine  # noqa: E402

CARDS = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}


@pytest.fixture(params=["cpu", *(pytest.param(card, marks=pytest.mark.gpu) for card in CARDS)])
def engine(request):
    if not CARDS.get(request.param, lambda: True)():
        pytest.skip(f"no {request.param} on this machine")
    return TorchEngine(torch.device(request.param))


@pytest.mark.parametrize("block", [device_engine.BLOCK, 4096 * 7])
@pytest.mark.parametrize("k", [1, 9, 1000])
@pytest.mark.parametrize("shift", [0, 300])
def test_the_same_neighbours(engine, block, k, shift, monkeypatch):
    rng = np.random.default_rng(0)
    base = rng.normal(shift, 1, (1000, 6)).astype(np.float32)
    query = rng.normal(shift, 1, (5000, 6)).astype(np.float32)
    query[:3] = base[:3]
    expected = nearest(base, query, k)
    monkeypatch.setattr(device_engine, "BLOCK", block)
    with computing_with(engine):
        distance, row = nearest(base, query, k)
    assert (distance.dtype, row.dtype) == (np.float32, np.int64)
    assert (distance >= 0).all()
    np.testing.assert_allclose(distance, expected[0], rtol=1e-3, atol=1e-4)
    assert (row == expected[1]).mean() > 0.99  # equal distances come in any order


def test_few_queries_and_none(engine):
    base = np.eye(3, dtype=np.float32)
    with computing_with(engine):
        np.testing.assert_array_equal(nearest(base, base[1:2], 1)[1], [[1]])
        assert nearest(base, base[:0], 2)[1].shape == (0, 2)


@pytest.mark.parametrize("balance", [1.0, 0.6])
def test_the_same_plan(engine, balance):
    rng = np.random.default_rng(1)
    x, y = (unit_rows(rng.normal(size=(n, 4)).astype(np.float32)) for n in (70, 50))
    options = {"entropy": 0.05, "balance": balance, "source_share": np.arange(1.0, 71.0)}
    expected = transport_plan(x, y, **options)
    with computing_with(engine):
        plan = transport_plan(x, y, **options)
    assert plan.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(plan, expected, rtol=1e-3, atol=1e-9)
    expected = composed_plan(x, y, entropy=0.05, balance=balance)
    with computing_with(engine):
        np.testing.assert_allclose(composed_plan(x, y, entropy=0.05, balance=balance), expected, rtol=2e-3, atol=1e-9)


def test_a_whole_fit_with_its_labels(engine, monkeypatch):
    data = dict(xt.datasets.simulate_citeseq(n_cells=400, n_genes=60, n_proteins=20, seed=3).mod)
    asked = {"key": "cell_type", "source": "rna", "target": "adt"}
    model = xt.integrate(data, config=xt.Config(n_core=300))
    labels = xt.tl.transfer_labels(model, **asked)
    monkeypatch.setattr("crosstie.training.device.choose_device", lambda word: engine.device)
    fitted = xt.integrate(data, config=xt.Config(n_core=300), device="cuda")
    assert engine_in_use() is None
    for view in data:
        np.testing.assert_allclose(fitted.embed(view), model.embed(view), atol=2e-3)
    with on_device("cuda"):
        assert engine_in_use() == engine
        again = xt.tl.transfer_labels(fitted, **asked)
    assert (again["label"] == labels["label"]).mean() > 0.99
    np.testing.assert_allclose(again["confidence"], labels["confidence"], atol=0.05)
