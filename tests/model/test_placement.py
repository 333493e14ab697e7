"""What others return is checked before it is used."""

import numpy as np
import pytest

import crosstie as xt
from crosstie.data.stored import bounds_of
from crosstie.model.placement import CellReader, Threads, place


class Answers(Threads):
    """Workers whose answers are changed on the way."""

    def __init__(self, change):
        super().__init__(1)
        self.change = change

    def run(self, encoder, tasks):
        for i, z in super().run(encoder, tasks):
            yield i, self.change(z)


class Kept:
    """A resume folder that holds the same for every block."""

    def __init__(self, z):
        self.z = z

    def find(self, view, bound):
        return self.z

    def keep(self, view, bound, z):
        raise AssertionError("nothing was computed")


@pytest.fixture(scope="module")
def model():
    data = xt.datasets.simulate_citeseq(n_cells=60, n_genes=120, n_proteins=20, seed=0)
    return xt.integrate(data, config=xt.Config(n_rounds=1, n_sketches=1, n_components=20))


def placed(model, **options):
    cells = CellReader("rna", model.views["rna"].matrix, model.recipes["rna"].values)
    assert bounds_of(cells.matrix) == [(0, 60)]
    return place(model.fitted.map, cells, None, **options)


WRONG = [
    (lambda z: 0, "found: int"),
    (lambda z: None, "found: NoneType"),
    (lambda z: z[:1], r"found: shape \(1, "),
    (lambda z: z[:, :1], r"found: shape \(60, 1\)"),
    (lambda z: z.astype(np.float64), "float64"),
    (lambda z: np.where(z == z[0, 0], np.float32(np.nan), z), "not finite"),
]


def test_right_answers_are_used(model):
    np.testing.assert_array_equal(placed(model, pool=Answers(np.copy)), placed(model))


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_wrong_answers_of_workers(model, change, said):
    with pytest.raises(ValueError, match=rf"cells 0 to 59 of view 'rna': a worker returned unusable(.|\n)*{said}"):
        placed(model, pool=Answers(change))


@pytest.mark.parametrize(("change", "said"), [w for w in WRONG if "None" not in w[1]])
def test_wrong_coordinates_in_a_resume_folder(model, change, said):
    with pytest.raises(ValueError, match=rf"cells 0 to 59 of view 'rna': the resume folder(.|\n)*{said}"):
        placed(model, parts=Kept(change(model.latents["rna"])))
