import numpy as np
import pytest

from crosstie.data import View
from crosstie.data.copied_views import shared_cells
from data.conftest import counts, make_adata, make_view


def test_one_matrix_twice(kind):
    assert shared_cells(make_view(kind(counts())), make_view(counts())) == 1


def test_shuffled_cells_and_features(kind):
    x, rng = counts(), np.random.default_rng(1)
    features = rng.permutation(30)
    other = make_adata(kind(x[rng.permutation(80)][:, features]), [f"g{j}" for j in features])
    assert shared_cells(make_view(x), View.of("other", other, modality="rna")) == 1


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_part_of_the_cells(share):
    n = int(80 * share)
    other = np.vstack([counts()[:n], counts(80 - n, seed=9)])
    assert shared_cells(make_view(counts()), make_view(other)) == pytest.approx(share)


@pytest.mark.parametrize(("n", "m"), [(100, 100), (1000, 1000), (200, 5000)])
@pytest.mark.parametrize(("n_features", "mean"), [(6, 0.4), (3, 3.0), (10, 0.2)])
def test_few_features_at_low_counts(n, m, n_features, mean):
    """Cells agree by chance where few profiles are possible; that is no copy."""
    rng = np.random.default_rng(0)
    a, b = (make_view(rng.poisson(mean, size=(size, n_features)), "protein") for size in (n, m))
    assert max(shared_cells(a, b), shared_cells(b, a)) < 0.4


def test_copy_of_a_small_panel():
    x, rng = np.random.default_rng(0).poisson(1.5, size=(300, 6)), np.random.default_rng(1)
    assert len(np.unique(x, axis=0)) < 300  # some cells are alike
    features = rng.permutation(6)
    other = make_adata(x[rng.permutation(300)][:, features], [f"g{j}" for j in features])
    assert shared_cells(make_view(x, "protein"), View.of("other", other, modality="protein")) == 1


def test_cells_all_alike_say_nothing():
    x = np.repeat(counts(4), 20, axis=0)
    assert shared_cells(make_view(x), make_view(x)) == 0


def test_share_is_of_the_smaller_view():
    a, b = make_view(counts()), make_view(counts()[10:30])
    assert shared_cells(a, b) == shared_cells(b, a) == 1


def test_other_cells():
    assert shared_cells(make_view(counts()), make_view(counts(seed=9))) == 0


def test_other_features():
    a = make_view(counts())
    assert shared_cells(a, View.of("b", make_adata(counts(), [f"h{j}" for j in range(30)]), modality="rna")) == 0
    assert shared_cells(a, make_view(counts()[:, :20])) == 0
