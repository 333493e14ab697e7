"""Measure what references gain: every paired data set as task, every other as reference. Prints a matrix.

    CROSSTIE_DATA=... python benchmarks/references.py [TASK ...] [--references NAME ...] [--ways bridge links]

Ways: `default` (no reference), `links` (`reference=`: learned links, used where the data confirm them), `always` (the
same links without the test), `bridge` (the reference as two more views, linked by name and paired). Sabotaged
references: `pairs` (a fifth of its pairs wrong), `shuffled` (all pairs wrong), `names` (the names of its proteins
exchanged).
"""

from __future__ import annotations

import argparse
import warnings

from tables import show  # first: it sets the number of threads

import anndata as ad  # isort: skip
import numpy as np  # isort: skip
import scipy.sparse as sp  # isort: skip
from tasks import DATA, Task, real  # isort: skip

import crosstie as xt  # isort: skip

NAMES = ("pbmc10k", "pbmc_wnn", "reapseq_pbmc2", "bmmc_cite_1", "bmmc_cite_3", "sln_mouse")
WAYS = ("links", "always", "bridge", "pairs", "shuffled", "names")
MOST_CELLS = 5_000


def main() -> None:
    """Print a table: one row for each task, reference and way, differences from the default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help=f"by default {' '.join(NAMES)}")
    parser.add_argument("--references", nargs="*", default=NAMES)
    parser.add_argument("--ways", nargs="*", default=("links", "bridge"), choices=WAYS)
    parser.add_argument("--seeds", type=int, default=3, help="number of shuffles of the task's cells")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.tasks or NAMES:
        rows = [row for seed in range(options.seeds) for row in measured(name, seed, options.references, options.ways)]
        show(rows, ["task", "reference", "way"], digits=4)


def measured(name: str, seed: int, references: list[str], ways: list[str]) -> list[dict[str, object]]:
    """Return the scores of one task without a reference and, as differences, with each."""
    task = real(name, seed)
    plain = task.score(xt.integrate(task.views, seed=seed).latents)
    rows = [{"task": name, "reference": "none", "way": "default"} | scores(plain) | {"used": ""}]
    for other in references:
        if other == name:
            continue
        for way in ways:
            found, used = with_reference(task, other, way, seed)
            change = {k: v - scores(plain)[k] for k, v in scores(found).items()}
            rows.append({"task": name, "reference": other, "way": way} | change | {"used": used})
    return rows


def scores(found: dict[str, float]) -> dict[str, float]:
    """Return the two scores of the matrix."""
    return {"FOSCTTM": found["foscttm"], "accuracy": found["accuracy"]}


def with_reference(task: Task, other: str, way: str, seed: int) -> tuple[dict[str, float], float]:
    """Return the scores with a reference, and whether it was used."""
    reference = paired(other, task, seed)
    rng = np.random.default_rng(seed)
    adt, n = reference["adt"], reference["adt"].n_obs
    if way in ("pairs", "shuffled"):
        some = rng.permutation(n)[: n // 5] if way == "pairs" else np.arange(n)
        rows = np.arange(n)
        rows[some] = rng.permutation(some)
        reference["adt"] = ad.AnnData(adt.X[rows], obs=adt.obs, var=adt.var)
    if way == "names":
        adt.var_names = rng.permutation(adt.var_names)
    if way == "bridge":
        try:
            model = bridged(task, reference, seed)
        except ValueError:  # nothing has the same name
            return task.score(xt.integrate(task.views, seed=seed).latents), 0.0
        return task.score({view: model.latents[view] for view in task.views}), 1.0
    if way == "always":
        learned = xt.links.learn(reference, "rna", "adt", seed=seed)
        model = xt.integrate(task.views, [*xt.links.suggest(task.views, None), learned], seed=seed)
        return task.score(model.latents), 1.0
    model = xt.integrate(task.views, reference=reference, seed=seed)
    return task.score(model.latents), float(model.references["used"].any())


def bridged(task: Task, reference: dict[str, ad.AnnData], seed: int) -> xt.Model:
    """Integrate the views of a task with those of a reference, linked by name and by its pairs."""
    views = task.views | {f"reference_{view}": adata for view, adata in reference.items()}
    links = [xt.links.by_table(views, "adt", "rna"), xt.links.paired(views, "reference_adt", "reference_rna")]
    links += [xt.links.by_name(views, view, f"reference_{view}") for view in reference]
    return xt.integrate(views, links, seed=seed)


def paired(name: str, task: Task, seed: int) -> dict[str, ad.AnnData]:
    """Return a data set as a reference for a task: at most 5,000 cells, without those that the task holds, too."""
    views = {view: ad.read_h5ad(DATA / name / f"{view}.h5ad") for view in ("rna", "adt")}
    keep = np.ones(views["rna"].n_obs, bool)
    for view, adata in views.items():
        if list(adata.var_names) == list(task.views[view].var_names):
            seen = {row.tobytes() for row in dense(task.views[view])}
            keep &= [row.tobytes() not in seen for row in dense(adata)]
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(keep))[:MOST_CELLS]
    out = {view: ad.AnnData(adata.X[np.sort(rows)], var=adata.var[[]].copy()) for view, adata in views.items()}
    for adata in out.values():
        adata.obs_names = [f"reference-{i}" for i in range(adata.n_obs)]
    return out


def dense(adata: ad.AnnData) -> np.ndarray:
    """Return the counts as rows that can be compared."""
    x = adata.X.toarray() if sp.issparse(adata.X) else np.asarray(adata.X)
    return np.ascontiguousarray(x.astype(np.int32))


if __name__ == "__main__":
    main()
