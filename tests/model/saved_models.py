"""Models of a few cells that are saved and loaded: with and without networks, and what a saved one holds."""

from dataclasses import replace

import crosstie as xt
from crosstie.model import save
from crosstie.model.fitted import Fitted

CLOSED = xt.Config(n_components=12, n_latent=8, n_rounds=2)
TRAINED = replace(CLOSED, training="full", fallback="none", n_steps=2, hidden=8, critic_hidden=8)
CONFIGS = {
    "closed form": CLOSED,
    "trained": TRAINED,
    "networks alone": replace(TRAINED, encoder="mlp", decoder="mlp", anchor_scope="batch", hold=0, latent_norm="none"),
    "published": replace(xt.Config.scmodal(), n_steps=2, hidden=8, critic_hidden=8, batch_size=30, n_components=12),
}


def simulate(seed=0):
    return dict(xt.datasets.simulate_citeseq(n_cells=60, n_genes=100, n_proteins=20, seed=seed).mod)


def reload(model, path):
    model.save(path / "run")
    return xt.Model.load(path / "run")


def arrays(model):
    """All arrays that a saved model holds, by name."""
    fitted = Fitted(model.map, model.latents, model.anchors, model.history, model.core_rows, model.fitted.disagreement)
    return save._arrays(fitted)
