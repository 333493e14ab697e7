"""Benchmark tasks: paired data presented as unpaired, and scored with the hidden truth.

A task shuffles every view separately, renames its cells and removes the labels; it keeps the truth for `score`. Real
data are read from `$CROSSTIE_DATA` (one folder per data set, one h5ad per view, rows of one folder the same cells);
docs/benchmarks.md says where each comes from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import anndata as ad
import numpy as np

import crosstie as xt
from crosstie.metrics import balanced_accuracy, foscttm, mixing, nearest_labels, transfer_accuracy

DATA = Path(os.environ.get("CROSSTIE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
REAL = ("pbmc10k", "pbmc_wnn", "bmmc_cite_1", "bmmc_cite_3", "sln_mouse")
CHROMATIN = ("snare_mop",)
UNLABELLED = ("reapseq_pbmc2",)
UNKNOWN = ("unknown",)
MAX_CELLS = 4000


@dataclass(frozen=True)
class Task:
    """Views as a user would have them, and the hidden truth.

    Parameters
    ----------
    name
        Name in tables.
    views
        AnnData without labels, with the rows of each view shuffled.
    cell
        Hidden number of the cell in each row; the same number in two views is the same cell.
    label
        Hidden type of each cell number.
    absent
        Types that one of the views lacks, which are left out of accuracies.
    links
        Function that makes the links of the task from its views; `None` leaves links to the method.
    """

    name: str
    views: dict[str, ad.AnnData]
    cell: dict[str, np.ndarray] = field(repr=False)
    label: np.ndarray = field(repr=False)
    absent: tuple[str, ...] = ()
    links: Callable[[Mapping[str, ad.AnnData]], object] | None = None

    def score(self, latents: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Score latent coordinates of two views, rows in the views' order."""
        (a, za), (b, zb) = ((view, np.asarray(latents[view], np.float64)) for view in self.views)
        _, rows, columns = np.intersect1d(self.cell[a], self.cell[b], return_indices=True)
        za_paired, zb_paired = za[rows], zb[columns]
        out = {"foscttm": foscttm(za_paired, zb_paired, max_cells=MAX_CELLS)}
        skip = (*UNKNOWN, *self.absent)
        labelled = not np.isin(self.label, UNKNOWN).all()
        for source, target, zs, zt in ((a, b, za, zb), (b, a, zb, za)) if labelled else ():
            known_source = ~np.isin(self.label[self.cell[source]], UNKNOWN)
            known_target = ~np.isin(self.label[self.cell[target]], skip)
            truth = self.label[self.cell[target]][known_target]
            near = nearest_labels(zs[known_source], self.label[self.cell[source]][known_source], zt[known_target])
            out[f"accuracy {source}->{target}"] = transfer_accuracy(truth, near)
            out[f"balanced {source}->{target}"] = balanced_accuracy(truth, near)
        found = [v for k, v in out.items() if k.startswith("accuracy")]
        out["accuracy"] = float(np.mean(found)) if found else float("nan")
        out["mixing"] = mixing({a: za_paired, b: zb_paired}, max_cells=1000, seed=1)
        return out


def real(name: str, seed: int = 0) -> Task:
    """Return a real data set as a task; the seed shuffles."""
    files = sorted(p for p in (DATA / name).glob("*.h5ad") if p.stem in {"rna", "adt", "atac"})
    if not files:
        raise FileNotFoundError(f"no data set {name!r} under {DATA}; set CROSSTIE_DATA")
    truth = {f.stem: ad.read_h5ad(f) for f in files}
    first = next(iter(truth.values()))
    label = first.obs["cell_type"].astype(str) if "cell_type" in first.obs else np.full(first.n_obs, UNKNOWN[0])
    return hidden(name, truth, np.asarray(label, dtype=object), seed)


def hidden(name: str, truth: Mapping[str, ad.AnnData], label: np.ndarray, seed: int) -> Task:
    """Hide the pairing of views whose rows are the same cells."""
    views, cell = {}, {}
    for i, (view, adata) in enumerate(truth.items()):
        order = np.random.default_rng([seed, i]).permutation(adata.n_obs)
        views[view] = ad.AnnData(adata.X[order].astype(np.float32), var=adata.var.copy())
        views[view].obs_names = [f"{view}-{k}" for k in range(len(order))]
        if "batch" in adata.obs:
            views[view].obs["batch"] = adata.obs["batch"].astype(str).to_numpy()[order]
        cell[view] = order
    return Task(name, views, cell, label)


def simulated(name: str, seed: int = 0, **options: object) -> Task:
    """Return simulated CITE-seq as a task; the options are those of `xt.datasets.simulate_citeseq`."""
    return _of_simulation(name, xt.datasets.simulate_citeseq(seed=seed, **options).mod)  # type: ignore[arg-type]


def simulated_multiome(name: str, seed: int = 0, **options: object) -> Task:
    """Return simulated RNA and peaks as a task; the options are those of `xt.datasets.simulate_teaseq`."""
    views = xt.datasets.simulate_teaseq(seed=seed, peaks=True, **options).mod  # type: ignore[arg-type]
    return _of_simulation(name, {view: views[view] for view in ("rna", "atac")}, keep=["linked_gene"])


def _of_simulation(name: str, truth: Mapping[str, ad.AnnData], keep: Sequence[str] = ()) -> Task:
    """Hide what a simulator knows of its views, but for some columns of `.var`."""
    cell = {view: adata.obs["true_cell"].to_numpy() for view, adata in truth.items()}
    label = np.full(1 + max(int(c.max()) for c in cell.values()), "", dtype=object)
    views = {}
    for view, adata in truth.items():
        label[cell[view]] = adata.obs["cell_type"].astype(str).to_numpy()
        views[view] = ad.AnnData(adata.X, var=adata.var[[column for column in keep if column in adata.var]].copy())
        views[view].obs_names = [f"{view}-{k}" for k in range(adata.n_obs)]
        if adata.obs["batch"].nunique() > 1:
            views[view].obs["batch"] = adata.obs["batch"].astype(str).to_numpy()
    return Task(name, views, cell, label)


def thinned(task: Task, view: str, types: tuple[str, ...], share: float = 0.0, seed: int = 0) -> Task:
    """Return a task in which a view keeps only a share of the cells of some types."""
    label = task.label[task.cell[view]]
    keep = ~np.isin(label, types) | (np.random.default_rng(seed).random(len(label)) < share)
    views = task.views | {view: task.views[view][keep].copy()}
    cell = task.cell | {view: task.cell[view][keep]}
    gone = types if share == 0 else ()
    name = f"{task.name} {view} {'without' if share == 0 else f'{share:.0%} of'} {'+'.join(types)}"
    return Task(name, views, cell, task.label, gone)


def mislinked(task: Task, share: float, seed: int = 0) -> Task:
    """Return a task whose table of links names a wrong gene for a share of the proteins."""

    def links(views: Mapping[str, ad.AnnData]) -> xt.links.Link:
        link = xt.links.by_table(views, "rna", "adt")
        rng = np.random.default_rng(seed)
        columns = link.pairs["column"].unique()
        wrong = rng.choice(columns, round(share * len(columns)), replace=False)
        rows = link.pairs["column"].isin(wrong)
        pairs = link.pairs.copy()
        pairs.loc[rows, "source"] = rng.choice(views["rna"].var_names, int(rows.sum()), replace=False)
        return replace(link, pairs=pairs)

    return replace(task, name=f"{task.name}, {share:.0%} of links wrong", links=links)
