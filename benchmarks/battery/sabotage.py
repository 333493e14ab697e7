"""Mistakes that people make with their data, each as a function of a task, a strength and a seed.

Every function returns a task; the pairing and the labels of the task stay its truth. Nothing here is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from tasks import Task

import crosstie as xt
from crosstie.data.view import guess_modality
from crosstie.links.suggest import suggest

Links = list[xt.links.Link]


def links_of(task: Task) -> Links:
    """Return the links that `integrate` would make for a task."""
    if task.links is not None:
        made = task.links(task.views)
        return made if isinstance(made, list) else [made]  # type: ignore[list-item]
    views = task.views
    return suggest(views, {k: guess_modality(k, a, a.X, a.var_names) for k, a in views.items()})


def with_links(task: Task, name: str, change: Callable[[Links], Links]) -> Task:
    """Return a task whose links are changed."""
    made = change(links_of(task))
    return replace(task, name=f"{task.name}: {name}", links=lambda _: made)


def links_permuted(task: Task, share: float, seed: int) -> Task:
    """Join a share of the linked columns at random."""

    def change(links: Links) -> Links:
        rng, out = np.random.default_rng(seed), []
        for link in links:
            source = link.pairs[["column", "source", "weight"]]
            target = link.pairs[["column", "target"]]
            columns = link.pairs["column"].unique()
            wrong = rng.choice(columns, max(2, round(share * len(columns))), replace=False)
            to = dict(zip(columns, columns, strict=True)) | dict(zip(wrong, np.roll(wrong, 1), strict=True))
            pairs = source.assign(column=source["column"].map(to)).merge(target, on="column")
            out.append(replace(link, pairs=pairs.drop_duplicates(["source", "target", "column"])))
        return out

    return with_links(task, f"{share:.0%} of the links permuted", change)


def few_links(task: Task, n: int, seed: int) -> Task:
    """Keep only `n` linked columns, at random."""

    def change(links: Links) -> Links:
        rng, out = np.random.default_rng(seed), []
        for link in links:
            columns = link.pairs["column"].unique()
            kept = rng.choice(columns, min(n, len(columns)), replace=False)
            out.append(replace(link, pairs=link.pairs[link.pairs["column"].isin(kept)]))
        return out

    return with_links(task, f"{n} links", change)


def renamed(task: Task, view: str, names: Iterable[str], name: str) -> Task:
    """Give the features of a view other names."""
    adata = task.views[view]
    wrong = ad.AnnData(adata.X, obs=adata.obs, var=pd.DataFrame(index=pd.Index(list(names))))
    return replace(task, name=f"{task.name}: {name}", views=task.views | {view: wrong})


def swapped(task: Task, view: str, pairs: Iterable[tuple[str, str]], name: str) -> Task:
    """Exchange the names of pairs of features."""
    names = {n: n for n in task.views[view].var_names}
    for a, b in pairs:
        names[a], names[b] = b, a
    return renamed(task, view, names.values(), name)


def mislabelled(task: Task, view: str, share: float, seed: int) -> Task:
    """Permute the names of a share of all features of a view."""
    names = task.views[view].var_names.to_numpy().copy()
    some = np.random.default_rng(seed).choice(len(names), round(share * len(names)), replace=False)
    names[some] = names[np.roll(some, 1)]
    return renamed(task, view, names, f"{share:.0%} of the names of {view} permuted")


def shifted(task: Task, view: str) -> Task:
    """Move all names of a view by one column, as in a spreadsheet."""
    return renamed(task, view, np.roll(task.views[view].var_names, 1), f"names of {view} shifted")


def with_matrix(task: Task, name: str, change: Callable[[str, sp.csr_matrix], sp.csr_matrix]) -> Task:
    """Return a task whose matrices are changed, view by view."""
    views = {
        view: ad.AnnData(sp.csr_matrix(change(view, sp.csr_matrix(a.X))).astype(np.float32), obs=a.obs, var=a.var)
        for view, a in task.views.items()
    }
    return replace(task, name=f"{task.name}: {name}", views=views)


def doublets(task: Task, share: float, seed: int) -> Task:
    """Add to a share of the cells the counts of another cell, the same one in every view that has both."""
    rng = np.random.default_rng(seed)
    n = len(task.label)
    chosen, partner = rng.random(n) < share, rng.permutation(n)

    def change(view: str, x: sp.csr_matrix) -> sp.csr_matrix:
        cell = task.cell[view]
        row = np.full(n, -1)
        row[cell] = np.arange(len(cell))
        other = row[partner[cell]]
        lost = other < 0
        other[lost] = rng.integers(0, len(cell), int(lost.sum()))
        return x + sp.diags_array(chosen[cell].astype(np.float32)) @ x[other]

    return with_matrix(task, f"{share:.0%} doublets", change)


def thinned_depth(task: Task, share: float, seed: int) -> Task:
    """Lose a share of the counts in all views."""
    rng = np.random.default_rng(seed)
    return with_matrix(task, f"{share:.0%} of the counts lost", lambda _, x: fewer(x, 1 - share, rng))


def ambient(task: Task, share: float, seed: int) -> Task:
    """Replace a share of the counts by draws from the mean profile of the view."""
    rng = np.random.default_rng(seed)

    def change(_: str, x: sp.csr_matrix) -> sp.csr_matrix:
        total, profile = np.asarray(x.sum(1)).ravel(), np.asarray(x.sum(0)).ravel()
        soup = rng.poisson(np.outer(share * total, profile / profile.sum())).astype(np.float32)
        return fewer(x, 1 - share, rng) + sp.csr_matrix(soup)

    return with_matrix(task, f"{share:.0%} ambient", change)


def columns_shuffled(task: Task, view: str, share: float, seed: int) -> Task:
    """Shuffle the values of a share of the features of a view over its cells."""
    rng = np.random.default_rng(seed)
    return with_columns(task, view, share, "shuffled", rng, rng.permutation)


def with_columns(
    task: Task, view: str, share: float, word: str, rng: np.random.Generator, drawn: Callable[[np.ndarray], np.ndarray]
) -> Task:
    """Replace a share of the features of a view, drawn at random, by what is drawn from each."""

    def change(name: str, x: sp.csr_matrix) -> sp.csr_matrix:
        if name != view:
            return x
        dense = x.toarray()
        for j in rng.choice(dense.shape[1], round(share * dense.shape[1]), replace=False):
            dense[:, j] = drawn(dense[:, j])
        return sp.csr_matrix(dense)

    return with_matrix(task, f"{share:.0%} of the columns of {view} {word}", change)


def noise(task: Task, view: str, seed: int) -> Task:
    """Replace a view by counts that have the same means and no structure."""
    rng = np.random.default_rng(seed)

    def change(name: str, x: sp.csr_matrix) -> sp.csr_matrix:
        if name != view:
            return x
        mean = np.asarray(x.mean(0)).ravel()
        return sp.csr_matrix(rng.poisson(np.tile(mean, (x.shape[0], 1))).astype(np.float32))

    return with_matrix(task, f"{view} is noise", change)


def copied(task: Task, view: str, how: str, seed: int) -> Task:
    """Give one view twice; the second time thinned, normalised, rescaled or with half of the features."""
    rng, adata = np.random.default_rng(seed), task.views[view]
    order = rng.permutation(adata.n_obs)
    x, names = sp.csr_matrix(adata.X)[order], adata.var_names
    if how.startswith("thinned"):
        x = fewer(x, float(how.split()[1]), rng)
    elif how == "normalised":
        x = sp.csr_matrix(x.multiply(1e4 / np.maximum(np.asarray(x.sum(1)), 1)).log1p())
    elif how == "rescaled":
        x = sp.csr_matrix(np.round(x.toarray() ** 0.8 * 2))
    elif how == "half of the features":
        some = np.sort(rng.choice(x.shape[1], x.shape[1] // 2, replace=False))
        x, names = x[:, some], names[some]
    copy = ad.AnnData(x.astype(np.float32), var=pd.DataFrame(index=names))
    copy.obs_names = [f"copy-{k}" for k in range(len(order))]
    cell = {view: task.cell[view], f"{view}2": task.cell[view][order]}
    return Task(f"{task.name}: {view} twice, {how}", {view: adata, f"{view}2": copy}, cell, task.label)


def fewer(x: sp.csr_matrix, share: float, rng: np.random.Generator) -> sp.csr_matrix:
    """Keep each count with a probability."""
    x = sp.csr_matrix(x, copy=True)
    x.data = rng.binomial(x.data.astype(int), share).astype(np.float32)
    x.eliminate_zeros()
    return x


def dead_columns(task: Task, view: str, share: float, seed: int) -> Task:
    """Replace a share of the features of a view by background: counts that follow nothing."""
    rng = np.random.default_rng(seed)

    def background(x: np.ndarray) -> np.ndarray:
        return rng.poisson(max(1.0, np.quantile(x, 0.2)), len(x))

    return with_columns(task, view, share, "dead", rng, background)


def batch_is_type(task: Task, group: np.ndarray) -> Task:
    """Call every group of cells a batch, in both views."""
    views = {}
    for view, adata in task.views.items():
        views[view] = adata.copy()
        views[view].obs["batch"] = group[task.cell[view]].astype(str)
    return replace(task, name=f"{task.name}: batch = type", views=views)


def some_cells(task: Task, view: str, keep: np.ndarray, name: str) -> Task:
    """Keep the cells of a view for which `keep`, over hidden cells, is true."""
    rows = keep[task.cell[view]]
    views = task.views | {view: task.views[view][rows].copy()}
    return replace(task, name=f"{task.name}: {name}", views=views, cell=task.cell | {view: task.cell[view][rows]})


def unequal(task: Task, group: np.ndarray, fold: float, seed: int) -> Task:
    """Thin the groups of both views by random factors, so that mixtures differ by about `fold`."""
    rng = np.random.default_rng(seed)
    names = np.unique(group)
    for view in task.views:
        keep = dict(zip(names, fold ** -rng.choice([0.0, 1.0], len(names)), strict=True))
        some = rng.random(len(group)) < np.array([keep[g] for g in group])
        task = some_cells(task, view, some, f"mixture of {view} x{fold:g}")
    return task


def crossed(one: Task, view: str, two: Task, other: str) -> Task:
    """Return a view of one data set together with a view of another: no cell is shared."""
    views = {view: one.views[view], other: two.views[other]}
    cell = {view: one.cell[view], other: len(one.label) + two.cell[other]}
    label = np.concatenate([one.label, two.label])
    return Task(f"{one.name} {view} x {two.name} {other}", views, cell, label)
