import numpy as np

from crosstie.training.fallback import support, what_fell


def two_sides(n_cells=300, noise=0.2, seed=0):
    """Coordinates of the same cells in two views, and columns that follow them."""
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(n_cells, 6))
    z, w = (cloud + noise * rng.normal(size=cloud.shape) for _ in range(2))
    x, y = (cloud[:, :3] + noise * rng.normal(size=(n_cells, 3)) for _ in range(2))
    return z.astype(np.float32), w.astype(np.float32), x, y


def test_support_by_the_naive_loop():
    z, w, x, y = two_sides(60)
    d = ((z[:, None] - w[None]) ** 2).sum(-1)
    near = np.argsort(d, 1)[:, :5], np.argsort(d, 0)[:5].T
    pairs = [(i, j) for i in range(60) for j in range(60) if j in near[0][i] and i in near[1][j]]
    i, j = np.transpose(pairs)
    n, agreement = support(z, w, x, y, k=5)
    assert n == len(pairs)
    np.testing.assert_allclose(agreement, np.mean([np.corrcoef(x[i, c], y[j, c])[0, 1] for c in range(3)]), rtol=1e-5)


def test_support_without_columns_or_with_constant_ones():
    z, w, x, y = two_sides(60)
    assert support(z, w, x[:, :0], y[:, :0])[1] == 0
    assert support(z, w, np.ones_like(x), y)[1] == 0


def test_what_falls_is_named():
    z, w, x, y = two_sides()
    start, edge = {"rna": z, "adt": w}, ("rna", "adt")
    assert what_fell(start, start, {edge: (x, y)}) == []
    shuffled = {"rna": z, "adt": w[::-1].copy()}
    fell = what_fell(shuffled, start, {edge: (x, y)})
    assert any(line.startswith("agreement of linked columns of rna and adt") for line in fell)
    assert what_fell(start, shuffled, {edge: (x, y)}) == []
    apart = {"rna": z, "adt": w + 50}
    assert any(line.startswith("mutual neighbours of rna and adt") for line in what_fell(apart, start, {edge: (x, y)}))
