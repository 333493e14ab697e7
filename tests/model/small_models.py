"""Settings and simulated views of small models, and how well one matches their cells."""

from dataclasses import replace

import numpy as np

import crosstie as xt
from crosstie.metrics import foscttm

CLOSED = xt.Config(n_components=30, n_latent=20)
TRAINED = replace(CLOSED, training="full", fallback="none", n_steps=3, hidden=16, critic_hidden=16)


def simulate(seed=0, n_cells=250, **options):
    return dict(xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=150, n_proteins=30, seed=seed, **options).mod)


def score(model, data):
    """FOSCTTM of the two simulated views, whose cells have hidden numbers."""
    rna, adt = (model.embed(view)[np.argsort(data[view].obs["true_cell"].to_numpy())] for view in ("rna", "adt"))
    return foscttm(rna, adt)
