"""Test whether `xt.trust.diagnose` separates good from sabotaged runs, and right from wrong cells. Prints tables.

    CROSSTIE_DATA=... python benchmarks/trust.py [--draw 1] [--quick]

Twenty good runs, twenty sabotaged ones, and honest runs under stress, for which "use with care" is right if they lose
accuracy. Labels and pairing are only used for the columns FOSCTTM and accuracy. `--draw` seeds subsets, simulations and
sabotage. The bounds of `trust.signals` were chosen with draw 0; the documentation shows another draw.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import anndata as ad  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from tasks import UNKNOWN, Task, real, simulated, thinned  # noqa: E402

import crosstie as xt  # noqa: E402
from crosstie.data.view import guess_modality  # noqa: E402
from crosstie.links.suggest import suggest  # noqa: E402
from crosstie.metrics import nearest_labels  # noqa: E402

T_CELLS = ("CD4+ T cells", "CD8+ T cells", "Other T cells", "NK cells")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="without the whole pbmc10k")
    options = parser.parse_args()
    print("| kind | run | FOSCTTM | accuracy | verdict | first reason | confidence | vote | both | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = [judged(kind, task, options.draw) for kind, task in runs(options.draw, quick=options.quick)]
    table = pd.DataFrame(rows)
    print()
    counts = pd.crosstab(table["kind"], table["verdict"])
    print(f"| | {' | '.join(counts.columns)} |\n|{'---|' * (len(counts.columns) + 1)}")
    for kind, row in counts.iterrows():
        print(f"| {kind} | {' | '.join(map(str, row))} |")
    plain = table[table["kind"] != "stressed"]
    right = (plain["verdict"] == "trustworthy") == (plain["kind"] == "good")
    print(f"\nGood or sabotaged, told by whether it is trustworthy: {right.mean():.3f} of {len(right)} runs right.")
    honest = table[table["kind"] != "sabotaged"]
    print(f"Confidence, AUROC for right labels, mean of honest runs: alone {honest['alone'].mean():.3f}, "
          f"vote {honest['vote'].mean():.3f}, both {honest['both'].mean():.3f}.")  # fmt: skip


def runs(draw: int, *, quick: bool = False) -> Iterator[tuple[str, Task]]:
    """Yield the kind of each run and its task."""
    pbmc, wnn, sln = partial(subset, real("pbmc10k", draw), 1500), real("pbmc_wnn", draw), real("sln_mouse", draw)
    one, three = real("bmmc_cite_1", draw), real("bmmc_cite_3", draw)
    snare = subset(real("snare_mop", draw), 2000, draw)
    cite = {i: simulated(f"simulated CITE-seq {i}", 100 * draw + i, n_cells=1500) for i in range(5)}
    panel = simulated("simulated CITE-seq, 14 antibodies", 100 * draw + 9, n_cells=1500, panel="pbmc10k")
    tea = {i: teaseq(100 * draw + i, n_cells=1200) for i in range(3)}
    if not quick:
        yield "good", real("pbmc10k", draw)
    for seed in range(3 + quick):
        yield "good", pbmc(10 * draw + seed)
    for task in (wnn, one, three, sln, snare, *cite.values(), panel, *tea.values()):
        yield "good", task
    yield "good", batched(100 * draw, n_cells=1200)
    yield "good", paired(cite[0], 300)

    for task in (pbmc(10 * draw), wnn, three, sln, cite[0], tea[0]):
        yield "sabotaged", shuffled(task, draw)
    for a, b in ((pbmc(10 * draw), sln), (sln, wnn), (one, sln)):
        yield "sabotaged", crossed(a, "rna", b, "adt", "wrong organism")
    yield "sabotaged", crossed(snare, "rna", sln, "adt", "another tissue")
    yield "sabotaged", apart(cite[1], T_CELLS)
    yield "sabotaged", apart(wnn, ("CD4 T", "CD8 T", "other T", "NK"))
    for task in (pbmc(10 * draw + 1), wnn, cite[2]):
        yield "sabotaged", mislabelled(task, "rna", draw)
    for task in (pbmc(10 * draw), one, cite[3]):
        yield "sabotaged", dropped(task, 0.9, draw)
    for task, view in ((wnn, "adt"), (pbmc(10 * draw), "rna")):
        yield "sabotaged", doubled(task, view, draw)

    yield "stressed", simulated("simulated, 6 links", 100 * draw + 20, n_cells=1500, n_linked=6)
    yield "stressed", simulated("simulated, 12 links", 100 * draw + 21, n_cells=1500, n_linked=12)
    yield "stressed", simulated("simulated, no shared cells", 100 * draw + 22, n_cells=1500, overlap=0.0)
    few = {"adt": dict.fromkeys(T_CELLS, 0.1)}
    yield "stressed", simulated("simulated, T cells 1:10", 100 * draw + 23, n_cells=1500, composition=few)
    yield "stressed", thinned(cite[4], "adt", ("CD14+ monocytes",))
    yield "stressed", thinned(wnn, "rna", ("B",))
    yield "stressed", simulated("simulated, 3,000 : 300 cells", 100 * draw + 24, n_cells={"rna": 3000, "adt": 300})
    yield "stressed", dropped(cite[2], 0.5, draw)


def judged(kind: str, task: Task, seed: int) -> dict[str, object]:
    """Fit, diagnose and score one run, and print its row."""
    model = xt.integrate(task.views, task.links(task.views) if task.links else None, seed=seed,
                         batch_key={v: "batch" for v, a in task.views.items() if "batch" in a.obs} or None)  # fmt: skip
    start = time.perf_counter()
    found = xt.trust.diagnose(model, seed=seed)
    seconds = time.perf_counter() - start
    scores, areas = truth(task, model, found) if kind != "sabotaged" else ({}, {})
    word = found.verdict.split(":")[0]
    reason = found.reasons[0] if found.reasons else ""
    row = {"kind": kind, "run": task.name, **scores, "verdict": word, "reason": reason, **areas}
    figures = [f"{row[k]:.3f}" if k in row else "" for k in ("foscttm", "accuracy")]
    areas_said = [f"{row[k]:.3f}" if k in row else "" for k in ("alone", "vote", "both")]
    print(f"| {kind} | {task.name} | {' | '.join(figures)} | {word} | {reason} | {' | '.join(areas_said)} "
          f"| {seconds:.1f} |", flush=True)  # fmt: skip
    return row


def truth(task: Task, model: xt.Model, found: object) -> tuple[dict[str, float], dict[str, float]]:
    """Score a run with the truth: FOSCTTM and accuracy of its first two views, and the confidence of cells.

    A cell is right if its transferred label is right. Right cells should have a higher confidence (area under the ROC
    curve); scored are the confidence of the cell, and its product with the confidence of the label.
    """
    a, b = list(task.views)[:2]
    two = replace(task, views={v: task.views[v] for v in (a, b)}, cell={v: task.cell[v] for v in (a, b)})
    if np.intersect1d(*(task.cell[v] for v in (a, b))).size:
        scores = {k: v for k, v in two.score(model.latents).items() if k in ("foscttm", "accuracy")}
    else:
        label = {v: task.label[task.cell[v]] for v in (a, b)}
        pairs = ((a, b), (b, a))
        nearest = [nearest_labels(model.latents[s], label[s], model.latents[t]) == label[t] for s, t in pairs]
        scores = {"accuracy": float(np.mean([f.mean() for f in nearest]))}
    areas: dict[str, list[float]] = {"alone": [], "vote": [], "both": []}
    for source, target in ((a, b), (b, a)):
        known = task.label[task.cell[source]]
        labels = xt.tl.transfer_labels(model, source, target, labels=np.where(np.isin(known, UNKNOWN), None, known))
        real_label = task.label[task.cell[target]]
        keep = ~np.isin(real_label, (*UNKNOWN, *task.absent))
        right = (labels["label"].to_numpy() == real_label)[keep]
        if right.all() or not right.any():
            continue
        confidence, vote = found.confidence[target].to_numpy(), labels["confidence"].to_numpy()  # type: ignore[attr-defined]
        for name, score in (("alone", confidence), ("vote", vote), ("both", confidence * vote)):
            areas[name].append(roc_auc_score(right, score[keep]))
    return scores, {k: float(np.mean(v)) for k, v in areas.items() if v}


# ---- honest runs ----------------------------------------------------------------------------------------------------


def subset(task: Task, n_cells: int, seed: int) -> Task:
    """Return a task with at most this many cells, the same in each view."""
    chosen = np.random.default_rng(seed).permutation(len(task.label))[:n_cells]
    rows = {v: np.flatnonzero(np.isin(c, chosen)) for v, c in task.cell.items()}
    views = {v: a[rows[v]].copy() for v, a in task.views.items()}
    return replace(task, name=f"{task.name}, {n_cells:,} cells ({seed})", views=views,
                   cell={v: c[rows[v]] for v, c in task.cell.items()})  # fmt: skip


def teaseq(seed: int, **options: object) -> Task:
    """Return simulated TEA-seq, three views, as a task."""
    mdata = xt.datasets.simulate_teaseq(seed=seed, **options)  # type: ignore[arg-type]
    return unlabelled(f"simulated TEA-seq {seed % 100}", mdata)


def batched(seed: int, **options: object) -> Task:
    """Return simulated CITE-seq in two batches."""
    mdata = xt.datasets.simulate_citeseq(seed=seed, n_batches=2, **options)  # type: ignore[arg-type]
    task = unlabelled("simulated CITE-seq, two batches", mdata)
    for name, adata in task.views.items():
        adata.obs["batch"] = mdata[name].obs["batch"].astype(str).to_numpy()
    return task


def unlabelled(name: str, mdata: object) -> Task:
    """Return simulated views without labels, and the truth separately."""
    mod = mdata.mod  # type: ignore[attr-defined]
    cell = {view: adata.obs["true_cell"].to_numpy() for view, adata in mod.items()}
    label = np.full(1 + max(int(c.max()) for c in cell.values()), "", dtype=object)
    views = {}
    for view, adata in mod.items():
        label[cell[view]] = adata.obs["cell_type"].astype(str).to_numpy()
        views[view] = ad.AnnData(adata.X, var=adata.var[[]].copy())
        views[view].obs_names = [f"{view}-{k}" for k in range(adata.n_obs)]
    return Task(name, views, cell, label)


def paired(task: Task, n_pairs: int) -> Task:
    """Return a task that is told some of the shared cells."""
    (a, b), cell = task.views, task.cell
    _, i, j = np.intersect1d(cell[a], cell[b], return_indices=True)
    names = {"source": task.views[a].obs_names[i[:n_pairs]], "target": task.views[b].obs_names[j[:n_pairs]]}
    links = lambda views: [*linked(views), xt.links.paired(views, a, b, cells=pd.DataFrame(names))]  # noqa: E731
    return replace(task, name=f"{task.name}, {n_pairs} cells paired", links=links)


# ---- sabotage -------------------------------------------------------------------------------------------------------


def linked(views: dict[str, ad.AnnData]) -> list[xt.links.Link]:
    """Return the links that `integrate` would make."""
    return suggest(views, {k: guess_modality(k, a, a.X, a.var_names) for k, a in views.items()})


def shuffled(task: Task, seed: int) -> Task:
    """Return a task whose links join the columns of each edge at random."""

    def links(views: dict[str, ad.AnnData]) -> list[xt.links.Link]:
        rng, out = np.random.default_rng(seed), []
        for link in linked(views):
            sides = [link.pairs[["column", "source", "weight"]], link.pairs[["column", "target"]]]
            columns = link.pairs["column"].unique()
            to = dict(zip(columns, rng.permutation(columns), strict=True))
            pairs = sides[0].assign(column=sides[0]["column"].map(to)).merge(sides[1], on="column")
            out.append(replace(link, pairs=pairs.drop_duplicates(["source", "target", "column"])))
        return out

    return replace(task, name=f"{task.name}: links shuffled", links=links)


def mislabelled(task: Task, view: str, seed: int) -> Task:
    """Return a task in which the features of a view have each other's names."""
    adata = task.views[view]
    wrong = ad.AnnData(adata.X[:, np.random.default_rng(seed).permutation(adata.n_vars)], obs=adata.obs, var=adata.var)
    return replace(task, name=f"{task.name}: {view} mislabelled", views=task.views | {view: wrong})


def crossed(one: Task, view: str, two: Task, other: str, what: str) -> Task:
    """Return a view of one data set together with a view of another."""
    views = {view: one.views[view], other: two.views[other]}
    cell = {view: one.cell[view], other: len(one.label) + two.cell[other]}
    return Task(f"{what}: {one.name} {view}, {two.name} {other}", views, cell, np.concatenate([one.label, two.label]))


def apart(task: Task, types: tuple[str, ...]) -> Task:
    """Return a task whose first view has only some types, and whose second has all others: unrelated tissues."""
    a, b = task.views
    types = tuple(t for t in types if t in task.label) or types
    return replace(thinned(thinned(task, b, types), a, tuple(set(task.label) - set(types))),
                   name=f"{task.name}: no type in common")  # fmt: skip


def dropped(task: Task, share: float, seed: int) -> Task:
    """Return a task that lost a share of its counts, in all views."""
    views = {}
    for i, (name, adata) in enumerate(task.views.items()):
        x = sp.csr_matrix(adata.X, copy=True)
        x.data = np.random.default_rng([seed, i]).binomial(x.data.astype(int), 1 - share).astype(np.float32)
        x.eliminate_zeros()
        views[name] = ad.AnnData(x, obs=adata.obs, var=adata.var)
    return replace(task, name=f"{task.name}: {share:.0%} dropout", views=views)


def doubled(task: Task, view: str, seed: int) -> Task:
    """Return two copies of one view, their cells shuffled."""
    adata = task.views[view]
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    views = {view: adata, f"{view}2": adata[order].copy()}
    cell = {view: task.cell[view], f"{view}2": task.cell[view][order]}
    return Task(f"{task.name}: {view} twice", views, cell, task.label)


if __name__ == "__main__":
    main()
