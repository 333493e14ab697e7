import dataclasses

import numpy as np
import pytest
import torch

from crosstie.anchors.pairs import Anchors
from crosstie.config import Config
from crosstie.training.minibatches import Balanced, Batches, Independent, Pairs, Shuffled

from .conftest import make_problem


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_an_epoch_has_every_row_once():
    shuffled = Shuffled(12, 4, generator())
    for _ in range(3):
        epoch = torch.cat([shuffled.draw() for _ in range(3)])
        assert sorted(epoch.tolist()) == list(range(12))
        assert epoch.tolist() != list(range(12))


def test_remainder_is_dropped_but_no_row_is_left_out_for_long():
    shuffled = Shuffled(13, 4, generator())
    drawn = [shuffled.draw().tolist() for _ in range(60)]
    assert all(len(set(rows)) == 4 for rows in drawn)
    assert {row for rows in drawn for row in rows} == set(range(13))


def test_small_view_gives_what_it_has():
    assert sorted(Shuffled(3, 500, generator()).draw().tolist()) == [0, 1, 2]


def test_batches_of_unequal_size_are_drawn_alike():
    batch = np.array(["big"] * 90 + ["small"] * 10 + ["tiny"] * 2)
    balanced = Balanced(batch, 12, generator())
    seen = set()
    for _ in range(90):
        rows = balanced.draw().numpy()
        assert [int((batch[rows] == b).sum()) for b in ("big", "small", "tiny")] == [4, 4, 2]
        assert len(set(rows)) == len(rows)
        seen |= set(rows.tolist())
    assert len(seen) == 102


def test_a_problem_with_batches_gives_balanced_minibatches():
    problem = make_problem(batches={"rna": np.repeat(["a", "b"], [50, 10])})
    drawn = Batches(problem, Config(batch_size=20), generator=generator()).draw()
    assert len(drawn.x["rna"]) == len(drawn.x["adt"]) == 20
    where = [int(np.flatnonzero((problem.inputs["rna"] == row).all(1))[0]) for row in drawn.x["rna"].numpy()]
    assert sum(w >= 50 for w in where) == 10
    with pytest.raises(ValueError, match="batches of rna: not one per cell"):
        make_problem(batches={"rna": np.repeat("a", 3)})


def test_pairs_are_drawn_by_weight():
    weight = np.array([0.0, 1.0, 0.5, 0.0, 0.25, 0.0])
    rows = np.arange(6)
    source, target = Pairs(Anchors(rows, rows[::-1].copy(), weight), 70_000, generator()).draw()
    assert torch.equal(source, 5 - target)
    share = np.bincount(source.numpy(), minlength=6) / 70_000
    np.testing.assert_allclose(share, weight / weight.sum(), atol=0.01)
    assert (share[weight == 0] == 0).all()


def test_cells_drawn_independently():
    drawn = Independent(40, 10_000, generator())
    rows = drawn.draw()
    share = np.bincount(rows.numpy(), minlength=40) / 10_000
    np.testing.assert_allclose(share, 1 / 40, atol=0.01)
    assert not torch.equal(rows, drawn.draw())


def test_independent_batches_resume(problem):
    config = Config(n_latent=4, batch_size=16, sampling="replacement")
    first = Batches(problem, config, generator=generator())
    first.draw()
    state, expected = first.state(), first.draw()
    second = Batches(problem, config, generator=generator())
    second.restore(state)
    for view, x in second.draw().x.items():
        assert len(x) == 16
        assert torch.equal(x, expected.x[view])


def test_batch_holds_the_rows_that_belong_together(problem):
    config = Config(n_latent=4, batch_size=16, anchor_pairs=9, hold=1)
    # Inputs, linked columns and coordinates that name their row; anchors join row r with row (r + 1) mod 60.
    rows = np.arange(60, dtype=np.float32)[:, None]
    views, edges = problem.views, problem.edges
    index = np.arange(60)
    problem = make_problem(
        views,
        inputs={view: rows + 100 * n for n, view in enumerate(views)},
        closed={view: np.repeat(rows, 4, 1) for view in views},
        linked=dict.fromkeys(edges, (rows, rows)),
        anchors={edge: Anchors(index, (index + 1) % 60, np.ones(60)) for edge in edges},
        linear={},
    )
    batch = Batches(problem, config, generator=generator()).draw()
    for n, view in enumerate(views):
        assert batch.x[view].shape == (16, 1)
        assert torch.equal(batch.x[view] - 100 * n, batch.closed[view][:, :1])
    for n, edge in enumerate(edges):
        source, target = batch.pairs[edge]
        assert source.shape == (9, 1)
        assert torch.equal((source - 100 * n + 1) % 60, target - 100 * (n + 1))
    assert not batch.linked
    batch = Batches(problem, dataclasses.replace(config, anchor_scope="batch"), generator=generator()).draw()
    assert not batch.pairs
    for n, (i, j) in enumerate(edges):
        assert torch.equal(batch.linked[i, j][0], batch.x[i] - 100 * n)
        assert torch.equal(batch.linked[i, j][1], batch.x[j] - 100 * (n + 1))


def test_views_of_unequal_size():
    inputs = {"rna": np.ones((60, 7), np.float32), "adt": np.ones((5, 9), np.float32)}
    anchors = {("rna", "adt"): Anchors(np.array([59]), np.array([4]), np.ones(1))}
    problem = make_problem(inputs=inputs, anchors=anchors, linked={}, closed={}, linear={})
    batch = Batches(problem, Config(batch_size=20), generator=generator()).draw()
    assert (len(batch.x["rna"]), len(batch.x["adt"])) == (20, 5)


def test_same_seed_same_batches_and_torch_is_left_alone(pair):
    state = torch.get_rng_state()
    config = Config(n_latent=4, batch_size=16)
    one, two, other = (Batches(pair, config, generator=generator(seed)) for seed in (0, 0, 1))
    for _ in range(10):
        a, b, c = one.draw(), two.draw(), other.draw()
        assert torch.equal(a.x["rna"], b.x["rna"])
        assert torch.equal(a.pairs["rna", "adt"][0], b.pairs["rna", "adt"][0])
        assert not torch.equal(a.x["rna"], c.x["rna"])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.filterwarnings("error")
def test_read_only_arrays_and_other_types(pair):
    inputs = {view: x.astype(np.float64) for view, x in pair.inputs.items()}
    read_only = {view: x.copy() for view, x in pair.inputs.items()}
    for x in read_only.values():
        x.flags.writeable = False
    draws = [
        Batches(make_problem(inputs=kind), Config(n_latent=4), generator=generator()).draw()
        for kind in (pair.inputs, inputs, read_only)
    ]
    for batch in draws[1:]:
        assert torch.equal(batch.x["adt"], draws[0].x["adt"])
