import numpy as np
import pytest

from crosstie.anchors import batch_offsets as room
from crosstie.anchors.batch_offsets import Offsets, batch_shifts


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def clusters(n_cells=600, n_clusters=4, n_latent=6, shift=0.35, seed=0):
    """Well separated clusters; in one view half of the cells are moved, in another direction in each cluster."""
    rng = np.random.default_rng(seed)
    centres = 2 * np.eye(n_latent)[:n_clusters]
    moves = unit(rng.normal(size=(n_clusters, n_latent))) * shift
    z, batch, state = {}, {}, {}
    for view in ("rna", "adt"):
        state[view] = rng.integers(n_clusters, size=n_cells)
        batch[view] = rng.choice(["one", "two"], size=n_cells)
        x = centres[state[view]] + 0.05 * rng.normal(size=(n_cells, n_latent))
        if view == "rna":
            x = x + moves[state[view]] * (batch[view] == "two")[:, None]
        z[view] = unit(x)
    return z, batch, state


def gap(z, batch, state):
    """Largest distance between the means of two batches inside a cluster."""
    return max(
        np.linalg.norm(z[(state == s) & (batch == "one")].mean(0) - z[(state == s) & (batch == "two")].mean(0))
        for s in np.unique(state)
    )


def test_batches_come_together_cluster_by_cluster():
    z, batch, state = clusters()
    offsets = Offsets.fit(z, {"rna": batch["rna"]})
    corrected = offsets.corrected("rna", z["rna"], batch["rna"])
    np.testing.assert_allclose(np.linalg.norm(corrected, axis=1), 1, rtol=1e-5)
    assert gap(z["rna"], batch["rna"], state["rna"]) > 0.1
    assert gap(corrected, batch["rna"], state["rna"]) < 0.25 * gap(z["rna"], batch["rna"], state["rna"])
    # Cells keep their cluster and their place beside each other within a batch.
    middle = np.stack([corrected[state["rna"] == s].mean(0) for s in range(4)])
    assert (np.argmax(corrected @ middle.T, 1) == state["rna"]).all()
    np.testing.assert_array_equal(offsets.corrected("adt", z["adt"], batch["adt"]), z["adt"])


def test_where_batches_are_alike_little_moves():
    z, batch, _ = clusters(shift=0.0)
    corrected = Offsets.fit(z, batch).corrected("rna", z["rna"], batch["rna"])
    assert np.abs(corrected - z["rna"]).max() < 0.05


def test_composition_is_no_batch_effect():
    """A cluster that is rare in one batch stays where it is."""
    z, batch, state = clusters(shift=0.0)
    keep = ~((state["rna"] == 0) & (batch["rna"] == "two") & (np.arange(len(state["rna"])) % 10 > 0))
    few = {"rna": z["rna"][keep], "adt": z["adt"]}
    corrected = Offsets.fit(few, {"rna": batch["rna"][keep]}).corrected("rna", few["rna"], batch["rna"][keep])
    assert np.abs(corrected - few["rna"]).max() < 0.1


def test_order_of_cells_and_names_of_batches_do_not_matter():
    z, batch, _ = clusters()
    offsets = Offsets.fit(z, batch, seed=1)
    order = np.random.default_rng(0).permutation(len(z["rna"]))
    expected = offsets.corrected("rna", z["rna"], batch["rna"])
    np.testing.assert_allclose(
        offsets.corrected("rna", z["rna"][order], batch["rna"][order]), expected[order], atol=1e-6
    )
    renamed = {view: np.where(b == "one", "z", "a") for view, b in batch.items()}
    again = Offsets.fit(z, renamed, seed=1).corrected("rna", z["rna"], renamed["rna"])
    np.testing.assert_allclose(again, expected, atol=1e-5)


def test_cells_of_other_batches_stay_where_they_are():
    z, batch, _ = clusters()
    offsets = Offsets.fit(z, batch)
    mixed = batch["rna"].astype(object).copy()
    mixed[:100] = "three"
    corrected = offsets.corrected("rna", z["rna"], mixed)
    np.testing.assert_array_equal(corrected[:100], z["rna"][:100])
    np.testing.assert_array_equal(corrected[100:], offsets.corrected("rna", z["rna"], batch["rna"])[100:])
    with pytest.raises(ValueError, match="batches: not one per cell"):
        offsets.corrected("rna", z["rna"], batch["rna"][:5])


def test_all_come_to_the_batch_that_stays():
    z, batch, state = clusters()
    offsets = Offsets.fit(z, {"rna": batch["rna"]}, to="two")
    assert offsets.names["rna"] == ("one", "two")
    np.testing.assert_array_equal(offsets.shifts["rna"][1], 0)
    corrected = offsets.corrected("rna", z["rna"], batch["rna"])
    stays = batch["rna"] == "two"
    np.testing.assert_allclose(corrected[stays], z["rna"][stays], atol=1e-6)
    assert gap(corrected, batch["rna"], state["rna"]) < 0.35 * gap(z["rna"], batch["rna"], state["rna"])


@pytest.mark.parametrize("to", [None, 0, 2])
def test_shifts_are_their_formula(to):
    rng = np.random.default_rng(0)
    z, share, code = rng.normal(size=(30, 3)), rng.dirichlet(np.ones(4), size=30), rng.integers(3, size=30)
    found = batch_shifts(z, share, code, 3, to)
    for b in range(3):
        for k in range(4):
            weight = [share[code == c, k].sum() for c in range(3)]
            mean = [share[code == c, k] @ z[code == c] / weight[c] for c in range(3)]
            middle = share[:, k] @ z / share[:, k].sum() if to is None else mean[to]
            few = weight[b] / (weight[b] + 1) * (1 if to is None else weight[to] / (weight[to] + 1))
            np.testing.assert_allclose(found[b, k], (mean[b] - middle) * few, atol=1e-6)


def test_clusters_of_a_sample_are_those_of_all(monkeypatch):
    """Cells come sorted by cluster: a sample of the first rows only would miss some."""
    monkeypatch.setattr(room, "MAX_SAMPLE", 200)
    z, batch, state = clusters()
    order = {view: np.argsort(state[view], kind="stable") for view in z}
    z = {view: x[order[view]] for view, x in z.items()}
    centroids = Offsets.fit(z, {view: b[order[view]] for view, b in batch.items()}).centroids
    for s in range(4):
        middle = unit(z["adt"][np.sort(state["adt"]) == s].mean(0, keepdims=True))
        assert (centroids @ middle.T).max() > 0.9


def test_few_cells_have_two_clusters():
    z, batch, _ = clusters(n_cells=12)
    assert len(Offsets.fit(z, batch).centroids) == 2
