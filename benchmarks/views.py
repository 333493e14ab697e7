"""Test whether many views are as good as two, and what each additional view costs. Prints tables.

    CROSSTIE_DATA=... python benchmarks/views.py [--seeds 3] [--only real|simulated]

Real: RNA and protein of two studies, `pbmc10k` and `pbmc_wnn`, in one run. Labels of both at level 1 are transferred
from the nearest cell for every ordered pair of views, and compared with a run of these two views alone. Simulated: 2, 4
and 8 views of 5,000 cells in chains, stars and rings of links; CPU seconds of `integrate` on one thread by edges.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise, permutations

from tables import show  # first: it sets the number of threads

import anndata as ad  # isort: skip
import numpy as np  # isort: skip
import pandas as pd  # isort: skip
from tasks import MAX_CELLS, real  # isort: skip

import crosstie as xt  # isort: skip
from crosstie.metrics import foscttm, nearest_labels, transfer_accuracy  # isort: skip

LEVEL_1 = {
    "pbmc10k": {
        "CD4+ T cells": "CD4 T",
        "CD8+ T cells": "CD8 T",
        "NK cells": "NK",
        "B cells": "B",
        "CD14+ monocytes": "Mono",
        "CD16+ monocytes": "Mono",
        "Dendritic cells": "DC",
    },  # "unknown" is no type
    "pbmc_wnn": {name: name for name in ("CD4 T", "CD8 T", "NK", "B", "Mono", "DC")},  # no "other T", "other"
}
ACROSS = "mean across studies"
SCORED = 1000  # simulated cells of a view whose labels are looked at

Views = dict[str, ad.AnnData]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["real", "simulated"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    seeds = range(options.seeds)
    if options.only != "simulated":
        found = [two_studies(seed) for seed in seeds]
        show([row for accuracy, _ in found for row in accuracy], ["accuracy"])
        show([row for _, pairing in found for row in pairing], ["FOSCTTM"], digits=4)
    if options.only != "real":
        show([row for n in (2, 4, 8) for seed in seeds for row in graphs(n, seed)], ["views", "graph", "edges"])


# ---- two studies ----------------------------------------------------------------------------------------------------


def two_studies(seed: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return accuracies, one row per ordered pair of views and their mean, and FOSCTTM, one row per study."""
    tasks = {name: real(name, seed) for name in LEVEL_1}
    views = {f"{name} {view}": task.views[view] for name, task in tasks.items() for view in ("rna", "adt")}
    for view, adata in views.items():
        adata.obs_names = view + adata.obs_names  # no cell of one study has the name of one of the other
    cell = {f"{name} {view}": task.cell[view] for name, task in tasks.items() for view in ("rna", "adt")}
    label = {view: pd.Series(tasks[view.split()[0]].label[cell[view]]) for view in views}
    label = {view: x.map(LEVEL_1[view.split()[0]]).to_numpy(object) for view, x in label.items()}
    pairs = list(combinations(views, 2))
    alone = {pair: xt.integrate({view: views[view] for view in pair}, seed=seed).latents for pair in pairs}
    links = [link(views, *pair) for pair in pairs if set.intersection(*(set(end.split()) for end in pair))]
    together = {
        "four views": xt.integrate(views, seed=seed).latents,  # linked as they suggest themselves: all six pairs
        "ring of four": xt.integrate(views, links, seed=seed).latents,  # no links from RNA to the other study's protein
    }
    rows: list[dict[str, object]] = []
    for source, target in permutations(views, 2):
        ways = {"two views": alone[(source, target) if (source, target) in alone else (target, source)]} | together
        hits = {way: accuracy(z, label, source, target) for way, z in ways.items()}
        rows.append({"accuracy": f"{source} → {target}"} | hits | differences(hits))
    figures = pd.DataFrame(rows).set_index("accuracy")
    apart = [len({end.split()[0] for end in pair.split(" → ")}) == 2 for pair in figures.index]
    rows += [{"accuracy": name} | part.mean().to_dict() for name, part in (("mean", figures), (ACROSS, figures[apart]))]
    pairing: list[dict[str, object]] = []
    for name, task in tasks.items():
        pair = (f"{name} rna", f"{name} adt")
        nearer = {way: partner(z, cell, pair) for way, z in ({"two views": alone[pair]} | together).items()}
        pairing.append({"FOSCTTM": task.name} | nearer | differences(nearer))
    return rows, pairing


def differences(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the scores of all but the first variant, minus those of the first."""
    (_, first), *others = figures.items()
    return {f"{way} − two": figure - first for way, figure in others}


def accuracy(z: Mapping[str, np.ndarray], label: Mapping[str, np.ndarray], source: str, target: str) -> float:
    """Return the share of cells with a label whose nearest cell with one in the source has the same."""
    here, there = (pd.notna(label[view]) for view in (source, target))
    found = nearest_labels(z[source][here], label[source][here], z[target][there])
    return transfer_accuracy(label[target][there], found)


def partner(z: Mapping[str, np.ndarray], cell: Mapping[str, np.ndarray], pair: tuple[str, str]) -> float:
    """Return FOSCTTM of two views of the same cells."""
    return foscttm(*(z[view][np.argsort(cell[view])] for view in pair), max_cells=MAX_CELLS)


def link(views: Views, source: str, target: str) -> xt.links.Link:
    """Link two views of one kind by name, others by the table; names of views tell which are proteins."""
    alike = ("adt" in source) == ("adt" in target)
    if alike:
        return xt.links.by_name(views, source, target)
    return xt.links.by_table(views, *sorted((source, target), key=lambda view: "adt" not in view))


# ---- graphs ---------------------------------------------------------------------------------------------------------


def graphs(n_views: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield one row for each graph of links between simulated views, RNA and protein in turn."""
    views: Views = {}
    for study in range(n_views // 2):
        mdata = xt.datasets.simulate_citeseq(n_cells=5000, seed=100 * seed + study)
        views |= {f"{view} {study}": mdata[view] for view in ("rna", "adt")}
    names = list(views)
    chain, star = list(pairwise(names)), [(names[0], name) for name in names[1:]]
    shapes = {"chain": chain, "star": star, "ring": [*chain, (names[-1], names[0])]}
    label = {view: adata.obs["cell_type"].astype(str).to_numpy(object) for view, adata in views.items()}
    cell = {view: adata.obs["true_cell"].to_numpy() for view, adata in views.items()}
    bare = {view: ad.AnnData(adata.X, var=adata.var[[]].copy()) for view, adata in views.items()}
    for view, adata in bare.items():
        adata.obs_names = view + adata.obs_names
    for shape, edges in shapes.items() if n_views > 2 else [("one edge", chain)]:
        links = [link(bare, *edge) for edge in edges]
        start = time.process_time()
        z = xt.integrate(bare, links, seed=seed).latents
        seconds = time.process_time() - start
        some = {view: np.where(np.arange(len(x)) < SCORED, x, None) for view, x in label.items()}
        hits = [accuracy(z, label | {b: some[b]}, a, b) for a, b in permutations(views, 2)]
        pairs = [(f"rna {study}", f"adt {study}") for study in range(n_views // 2)]
        yield {"views": n_views, "graph": shape, "edges": str(len(edges)), "CPU seconds": seconds} | {
            "seconds an edge": seconds / len(edges),
            "accuracy, mean": float(np.mean(hits)),
            "accuracy, worst pair": min(hits),
            "FOSCTTM, mean": float(np.mean([partner(z, cell, pair) for pair in pairs])),
        }


if __name__ == "__main__":
    main()
