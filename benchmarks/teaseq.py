"""Integrate TEA-seq (RNA, 46 antibodies, chromatin activity), with every link graph, and print docs' tables.

    python benchmarks/teaseq.py                                       # simulated, 8,000 cells, three seeds
    python benchmarks/teaseq.py --folder DIR --genes GENES.gtf.gz --labels LABELS.csv

Every ordered pair of views is scored by labels of the nearest neighbour, FOSCTTM and seconds, with the pairing hidden,
and compared with a CCA of the two views that is told the pairing (the ceiling). Three views have four connected graphs
of links: all three links, and each view in the middle of the other two. docs/simulator.md lists the real files.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "2")  # the goal is set for two cores

import anndata as ad  # noqa: E402
import mudata as md  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from methods import Latents, paired_cca  # noqa: E402
from tasks import UNKNOWN, Task  # noqa: E402

import crosstie as xt  # noqa: E402

CEILING = "paired CCA (told the pairing)"
MIDDLE = {"all links": None, "chain: rna in the middle": "rna", "star: adt": "adt", "star: activity": "activity"}
LEAST = {"rna": 500, "adt": 500, "activity": 500}  # counts of a real cell: below it is no cell
SHARE = 0.95  # of the ceiling: the goal


@dataclass(frozen=True)
class Hidden:
    """A task whose cells have labels of several resolutions, all of them hidden."""

    task: Task
    labels: dict[str, np.ndarray]  # by column of .obs


def simulated(seed: int, thin: float = 1.0, **options: object) -> Hidden:
    """Return simulated TEA-seq, its truth hidden; chromatin keeps the share `thin` of its counts."""
    mdata = xt.datasets.simulate_teaseq(seed=seed, **options)  # type: ignore[arg-type]
    counts = mdata["activity"].X
    counts.data = np.random.default_rng(seed).binomial(counts.data.astype(int), thin).astype(np.float32)
    counts.eliminate_zeros()
    cell = {view: adata.obs["true_cell"].to_numpy() for view, adata in mdata.mod.items()}
    return hidden(mdata.mod, cell, ("cell_type", "state"))


def real(mdata: md.MuData, seed: int) -> Hidden:
    """Return measured cells, rows the same in all views, in an order of their own in each."""
    views, cell = {}, {}
    for i, (view, adata) in enumerate(mdata.mod.items()):
        cell[view] = np.random.default_rng([seed, i]).permutation(adata.n_obs)
        views[view] = adata[cell[view]]
    return hidden(views, cell, ("cell_type",))


def hidden(views: Mapping[str, ad.AnnData], cell: dict[str, np.ndarray], columns: tuple[str, ...]) -> Hidden:
    """Remove names and labels, and keep them for scoring."""
    n_cells = 1 + max(int(c.max()) for c in cell.values())
    labels = {column: np.full(n_cells, UNKNOWN[0], dtype=object) for column in columns}
    bare = {}
    for view, adata in views.items():
        for column in set(columns) & set(adata.obs):
            labels[column][cell[view]] = adata.obs[column].astype(str).to_numpy()
        bare[view] = ad.AnnData(adata.X, var=adata.var[[]].copy())
        bare[view].obs_names = [f"{view}-{k}" for k in range(adata.n_obs)]
    return Hidden(Task("TEA-seq", bare, cell, labels[columns[0]]), labels)


def read(folder: Path, genes: Path | None, labels: Path | None, label_key: str, sample: str | None) -> md.MuData:
    """Read the public files, keep real cells, and add up peaks by gene.

    Without a gene table, a gene's peaks are those within 2,000 bases of its transcription starts, as the matrix of
    Cell Ranger ARC gives them (`interval`).
    """
    mdata = xt.datasets.read_teaseq(folder, sample=sample, labels=labels, label_key=label_key)
    rna, atac = mdata["rna"], mdata["atac"]
    if genes is None:
        place = rna.var["interval"].str.extract(r"^(?P<chrom>.+):(?P<start>\d+)-(?P<end>\d+)$").dropna()
        table = place.astype({"start": int, "end": int})
        table = table.assign(start=(table["start"] - 2000).clip(lower=0), end=table["end"] + 2000, strand=".")
    activity = xt.data.gene_activity(atac, genes if genes is not None else table)
    views = {"rna": rna, "adt": mdata["adt"], "activity": activity}
    enough = [np.asarray(adata.X.sum(axis=1)).ravel() >= LEAST[view] for view, adata in views.items()]
    keep = np.all(enough, axis=0)
    print(f"{keep.sum():,} of {len(keep):,} cells have {LEAST} counts", file=sys.stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return md.MuData({view: adata[keep].copy() for view, adata in views.items()})


# ---- what is compared -----------------------------------------------------------------------------------------------


def crosstie(task: Task, seed: int, middle: str | None) -> Latents:
    """Integrate with defaults, with all suggested links or those of the view in the middle."""
    model = xt.integrate(task.views, middle and star(task.views, middle), seed=seed)
    return {view: model.embed(view) for view in task.views}


def star(views: Mapping[str, ad.AnnData], middle: str) -> list[xt.links.Link]:
    """Link the view in the middle to the two others: genes by name, antibodies by the packaged table."""
    links = []
    for view in views:
        if view != middle:
            how = xt.links.by_table if "adt" in (view, middle) else xt.links.by_name
            links.append(how(views, middle, view))
    return links


def ceiling(task: Task, pair: tuple[str, str], seed: int) -> Latents:
    """Return the paired CCA of two of the views."""
    return paired_cca(of_pair(task, pair), seed)


def of_pair(task: Task, pair: tuple[str, str]) -> Task:
    """Return the task of two of the views."""
    return replace(task, views={view: task.views[view] for view in pair})


METHODS: dict[str, Callable[[Task, int], Latents]] = {
    name: partial(crosstie, middle=middle) for name, middle in MIDDLE.items()
}


def run(hidden: Hidden, methods: Mapping[str, Callable[[Task, int], Latents]], seed: int) -> list[dict[str, object]]:
    """Return one row for each method, resolution of labels and ordered pair of views."""
    rows: list[dict[str, object]] = []
    pairs = list(combinations(hidden.task.views, 2))
    for pair in pairs:
        rows += score(hidden, pair, ceiling(hidden.task, pair, seed), CEILING, np.nan)
    for name, method in methods.items():
        start = time.perf_counter()
        latents = method(hidden.task, seed)
        seconds = time.perf_counter() - start
        print(f"seed {seed}, {name}: {seconds:.0f} s", file=sys.stderr)
        for pair in pairs:
            rows += score(hidden, pair, latents, name, seconds)
    return rows


def score(
    hidden: Hidden, pair: tuple[str, str], latents: Latents, method: str, seconds: float
) -> list[dict[str, object]]:
    """Return the scores of a pair of views, one row for each resolution and direction."""
    rows: list[dict[str, object]] = []
    for column, label in hidden.labels.items():
        scores = of_pair(replace(hidden.task, label=label), pair).score({view: latents[view] for view in pair})
        for source, target in (pair, pair[::-1]):
            row = {"labels": f"{column} ({len(set(label) - set(UNKNOWN))})", "pair": f"{source} → {target}"}
            accuracy = scores[f"accuracy {source}->{target}"]
            row |= {"method": method, "accuracy": accuracy, "foscttm": scores["foscttm"], "seconds": seconds}
            rows.append(row)
    return rows


# ---- tables ---------------------------------------------------------------------------------------------------------


def tables(rows: pd.DataFrame) -> str:
    """Return Markdown: accuracy (and its share of the ceiling), FOSCTTM and seconds, mean ± deviation over seeds."""
    methods = list(rows["method"].unique())
    head = " | ".join(methods) + " |\n" + "|---" * (len(methods) + 1) + "|"
    out = []
    for column, group in rows.groupby("labels", sort=False):
        mean, spread = summary(group, "accuracy")
        out.append(f"| accuracy, {column} | {head}")
        for pair in mean.index:
            cells = [f"{mean.loc[pair, m]:.3f} ± {spread.loc[pair, m]:.3f}" for m in methods]
            shares = [mean.loc[pair, m] / mean.loc[pair, CEILING] for m in methods]
            cells = [c if m == CEILING else f"{c} ({s:.3f}{'' if s >= SHARE else ', below'})"
                     for c, m, s in zip(cells, methods, shares, strict=True)]  # fmt: skip
            out.append(f"| {pair} | " + " | ".join(cells) + " |")
        out.append("")
    mean, spread = summary(rows, "foscttm")
    out.append(f"| FOSCTTM | {head}")
    for pair in mean.index[::2]:
        cells = [f"{mean.loc[pair, m]:.4f} ± {spread.loc[pair, m]:.4f}" for m in methods]
        out.append(f"| {pair.replace('→', '–')} | " + " | ".join(cells) + " |")
    seconds = rows.groupby("method")["seconds"].mean()
    out.append("| seconds | " + " | ".join("–" if m == CEILING else f"{seconds[m]:.0f}" for m in methods) + " |")
    return "\n".join(out)


def summary(rows: pd.DataFrame, what: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return means and deviations over seeds: pairs × methods, in the order of the rows."""
    order = {"index": rows["pair"].unique(), "columns": rows["method"].unique()}
    mean, spread = (rows.pivot_table(what, "pair", "method", how).reindex(**order) for how in ("mean", "std"))
    return mean, spread.reindex_like(mean).fillna(0)


def main() -> None:
    """Read the command line, run, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="simulations, or shuffles of real data")
    parser.add_argument("--graphs", nargs="+", default=list(MIDDLE), choices=list(MIDDLE))
    parser.add_argument("--cells", type=int, default=8000, help="simulated cells")
    parser.add_argument(
        "--label", default="cell_type", choices=["cell_type", "state"], help="simulated: 10 or 17 types"
    )
    parser.add_argument("--fidelity", type=float, default=1.0, help="fidelity of the simulated chromatin, 0 to 2")
    parser.add_argument("--thin", type=float, default=1.0, help="share of the counts that simulated chromatin keeps")
    parser.add_argument("--folder", type=Path, help="folder with the public files; without it, cells are simulated")
    parser.add_argument("--sample", help='beginning of the file names, such as "GSM5123951"')
    parser.add_argument("--genes", type=Path, help="GTF or BED file of genes, for the activity of the real peaks")
    parser.add_argument("--labels", type=Path, help="CSV file of the real cells' types")
    parser.add_argument("--label-key", default="predicted.celltype.l2", help="column of that file with the types")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    mdata = args.folder and read(args.folder, args.genes, args.labels, args.label_key, args.sample)
    rows = []
    for seed in range(args.seeds):
        if mdata is None:
            hidden_cells = simulated(seed, args.thin, n_cells=args.cells, fidelity=args.fidelity)
        else:
            hidden_cells = real(mdata, seed)
        rows += run(hidden_cells, {name: METHODS[name] for name in args.graphs}, seed)
    views = hidden_cells.task.views
    sizes = ", ".join(f"{view} {adata.n_vars:,}" for view, adata in views.items())
    print(f"{'simulated' if mdata is None else args.folder}: {views['rna'].n_obs:,} cells; features: {sizes}\n")
    print(tables(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
