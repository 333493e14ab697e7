"""The methods that the benchmarks compare: crosstie, its ablations, and two reference methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anndata as ad
import numpy as np
import scipy.sparse as sp
from tasks import Task

import crosstie as xt

Latents = dict[str, np.ndarray]


def crosstie(task: Task, seed: int, **settings: object) -> Latents:
    """Run `integrate` with defaults, except for the given settings."""
    links = task.links(task.views) if task.links else None
    config = replace(xt.Config(), **settings) if settings else None  # type: ignore[arg-type]
    model = xt.integrate(task.views, links, config=config, seed=seed)
    return {view: model.embed(view) for view in task.views}


def linked_features(task: Task, seed: int) -> Latents:
    """Compare linked features alone: log-normalised, averaged over each protein's genes, scaled."""
    del seed
    views, out = _with_activity(task), {}
    link = xt.links.by_name(views, "atac", "rna") if "atac" in views else xt.links.by_table(views, "adt", "rna")
    names = [views[view].var_names for view in link.edge]
    for view, projection in zip(link.edge, link.projections(*names), strict=True):
        x = _log_scaled(views[view].X) @ projection
        out[view] = x / np.maximum(x.std(0), 1e-9)
    return out


def paired_cca(task: Task, seed: int, *, n_components: int = 40, n_latent: int = 20, ridge: float = 0.05) -> Latents:
    """Run a CCA that is told the pairing: a ceiling for linear methods, not a competitor."""
    del seed
    a, b = task.views
    _, rows, columns = np.intersect1d(task.cell[a], task.cell[b], return_indices=True)
    x, y = (_scores(_log_scaled(view.X), n_components) for view in _with_activity(task).values())
    wx, wy = _inverse_root(x, ridge), _inverse_root(y, ridge)
    u, s, vt = np.linalg.svd(wx @ (x[rows].T @ y[columns] / len(rows)) @ wy)
    k = min(n_latent, len(s))
    return {a: x @ wx @ u[:, :k] * s[:k], b: y @ wy @ vt[:k].T * s[:k]}


METHODS: dict[str, Callable[..., Latents]] = {
    "crosstie": crosstie,
    "linked features": linked_features,
    "paired CCA (told the pairing)": paired_cca,
    "one round": lambda task, seed: crosstie(task, seed, n_rounds=1),
    "no link evidence after round 1": lambda task, seed: crosstie(task, seed, link_weight=1e-6),
    "links not whitened": lambda task, seed: crosstie(task, seed, link_shrinkage=1.0),
    "no damping": lambda task, seed: crosstie(task, seed, damping=0.0),
    "50 components": lambda task, seed: crosstie(task, seed, n_components=50),
    "no smoothing": lambda task, seed: crosstie(task, seed, smoothing=0.0),
    "no pull": lambda task, seed: crosstie(task, seed, pull=0.0),
    "balanced": lambda task, seed: crosstie(task, seed, balance=1.0),
    "trained": lambda task, seed: crosstie(task, seed, training="full"),
}


def _with_activity(task: Task) -> dict[str, ad.AnnData]:
    """Return the views, with peaks summed by gene."""
    return {
        view: xt.data.gene_activity(adata, key="linked_gene") if view == "atac" else adata
        for view, adata in task.views.items()
    }


def _log_scaled(x: object) -> np.ndarray:
    dense = x.toarray() if sp.issparse(x) else np.asarray(x)  # type: ignore[union-attr]
    total = np.maximum(dense.sum(1, keepdims=True), 1)
    logged = np.log1p(dense / total * np.median(total))
    return np.clip((logged - logged.mean(0)) / np.maximum(logged.std(0), 1e-6), -10, 10)


def _scores(x: np.ndarray, k: int) -> np.ndarray:
    vectors = np.linalg.eigh(x.T @ x)[1][:, ::-1][:, : min(k, *x.shape)]
    scores = x @ vectors
    return scores / np.maximum(scores.std(0), 1e-6)


def _inverse_root(x: np.ndarray, ridge: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(x.T @ x / len(x) + ridge * np.eye(x.shape[1]))
    return vectors / np.sqrt(values) @ vectors.T
