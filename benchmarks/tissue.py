"""Labels between dissociated cells and tissue, with and without positions: the tables of docs/benchmarks.md.

Run with: python benchmarks/tissue.py codex            codex_hpap071 in $CROSSTIE_DATA, beside MaxFuse and links alone
          python benchmarks/tissue.py simulated [n]    simulated tissues of n cells (5,000), four layouts
          python benchmarks/tissue.py simulated n layout seed      one of them
          python benchmarks/tissue.py likeness         how alike neighbours are, real and simulated
          python benchmarks/tissue.py scale n m        n imaged and m dissociated cells, from files to labels on disk
MaxFuse runs in the environment that benchmarks/peers/setup.sh makes, and is left out where there is none.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

import crosstie as xt

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("CROSSTIE_PEERS", HERE.parent / ".peers"))
DATA = Path(os.environ.get("CROSSTIE_DATA", HERE.parents[1] / "shared" / "data"))
SEEDS = range(3)
LAYOUTS = ("niches", "follicles", "layers", "mixed")
ABSENT = "B cells"


def scores(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Return accuracy and balanced accuracy of labels."""
    return accuracy_score(truth, found), balanced_accuracy_score(truth, found)


def near_labels(source: np.ndarray, labels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the most frequent label of the 15 nearest cells by cosine: what any coordinates allow."""
    return KNeighborsClassifier(15, metric="cosine").fit(source, labels).predict(target)


def linked(rna: ad.AnnData, codex: ad.AnnData, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised linked features of both views; a protein of several genes has their mean."""
    x, y = (pd.DataFrame(a.X.toarray() if hasattr(a.X, "toarray") else a.X, columns=a.var_names) for a in (rna, codex))
    names = list(dict.fromkeys(table["codex"]))
    genes = pd.DataFrame({name: x[list(table.loc[table["codex"] == name, "rna"])].mean(axis=1) for name in names})
    return tuple(((v - v.mean()) / v.std()).to_numpy() for v in (genes, y[names]))  # type: ignore[return-value]


def maxfuse(rna: ad.AnnData, codex: ad.AnnData, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Return MaxFuse's joint coordinates, or `None` without its environment."""
    python = PEERS / "maxfuse" / "bin" / "python"
    if not python.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, adata in (("rna", rna), ("adt", codex)):
            adata.write_h5ad(Path(folder) / f"{name}.h5ad")
        table.rename(columns={"codex": "adt"}).to_csv(Path(folder) / "links.csv", index=False)
        out = Path(folder) / "out"
        subprocess.run([python, HERE / "peers" / "run_maxfuse_tissue.py", folder, out], check=True, capture_output=True)
        return np.load(out / "rna.npy"), np.load(out / "adt.npy")


def codex() -> pd.DataFrame:
    """Measure label transfer between RNA and CODEX of a pancreas, both ways."""
    rna = ad.read_h5ad(DATA / "codex_hpap071" / "rna_linked_only.h5ad")
    tissue = ad.read_h5ad(DATA / "codex_hpap071" / "codex.h5ad")
    table = pd.DataFrame({"rna": rna.var_names, "codex": rna.var["linked_protein"].to_numpy()})
    truth = {
        "rna": rna.obs["cell_type"].astype(str).to_numpy(),
        "codex": tissue.obs["cell_type"].astype(str).to_numpy(),
    }
    rows = []

    def add(method: str, seed: int, found: dict[str, np.ndarray]) -> None:
        of = {
            f"{'RNA → CODEX' if view == 'codex' else 'CODEX → RNA'}": scores(truth[view], found[view]) for view in found
        }
        rows.append({"method": method, "seed": seed} | {f"{k}, {w}": v[i] for k, v in of.items() for i, w in KINDS})

    KINDS = ((0, "plain"), (1, "balanced"))
    coordinates = {"linked features": linked(rna, tissue, table), "MaxFuse": maxfuse(rna, tissue, table)}
    for method, pair in coordinates.items():
        if pair is not None:
            a, b = pair
            found = {"codex": near_labels(a, truth["rna"], b), "rna": near_labels(b, truth["codex"], a)}
            add(method, 0, found)
    data = {"rna": rna, "codex": tissue}
    link = xt.links.by_table(data, "rna", "codex", table)
    kinds = {"rna": "none", "codex": "none"}
    for seed in SEEDS:
        model = xt.integrate(data, link, modality=kinds, seed=seed)
        for context, method in ((False, "crosstie, no positions"), (True, "crosstie, positions")):
            edges = (("rna", "codex"), ("codex", "rna"))
            found = {t: xt.tl.transfer_labels(model, s, t, key="cell_type", context=context) for s, t in edges}
            add(method, seed, {t: x["label"].astype(str).to_numpy() for t, x in found.items()})
    return pd.DataFrame(rows).drop(columns="seed").groupby("method", sort=False).agg(["mean", "std"]).round(3)


def simulated(n_cells: int, layouts: Sequence[str] = LAYOUTS, seeds: Iterable[int] = SEEDS) -> pd.DataFrame:
    """Measure labels on simulated tissue, at borders too, and the novelty of a population that the RNA lacks."""
    rows = []
    for layout in layouts:
        for seed in seeds:
            mdata = xt.datasets.simulate_tissue(
                n_cells=n_cells, n_linked=24, layout=layout, n_sections=2, absent=[ABSENT], seed=seed
            )
            obs = mdata["tissue"].obs
            truth, border = obs["cell_type"].astype(str).to_numpy(), obs["border"].to_numpy()
            known = truth != ABSENT
            model = xt.integrate(mdata, links_of(mdata), batch_key={"tissue": "section"}, seed=seed)
            row = {"layout": layout, "seed": seed}
            for context, word in ((False, "off"), (True, "on")):
                found = xt.tl.transfer_labels(model, "rna", "tissue", key="cell_type", context=context)
                right = found["label"].astype(str).to_numpy() == truth
                row |= {word: right[known].mean(), f"border, {word}": right[known & border].mean()}
            row["AUROC absent"] = roc_auc_score(~known, found["novelty"]) if (~known).any() else np.nan
            rows.append(row)
            print(row, flush=True, file=sys.stderr)
    return pd.DataFrame(rows).drop(columns="seed").groupby("layout", sort=False).mean().round(3)


def likeness() -> pd.DataFrame:
    """Compare how alike neighbours are in codex_hpap071 and in simulated tissue of as many cells."""
    real = ad.read_h5ad(DATA / "codex_hpap071" / "codex.h5ad")
    found = {"codex_hpap071": alike(real)}
    for layout in LAYOUTS:
        many = [xt.datasets.simulate_tissue(n_cells=real.n_obs, layout=layout, seed=seed)["tissue"] for seed in SEEDS]
        found[f"simulated, {layout}"] = {key: np.mean([alike(one)[key] for one in many]) for key in alike(many[0])}
    return pd.DataFrame(found).T.round(2)


def alike(tissue: ad.AnnData) -> dict[str, float]:
    """Return how much more often neighbours are of a cell's type than by chance, and how markers follow neighbours."""
    near = xt.space.neighbours(xt.space.Positions.of("tissue", tissue), 10).astype(float)
    near = near.multiply(1 / np.maximum(near.sum(1), 1)).tocsr()
    kinds = pd.get_dummies(tissue.obs["cell_type"].astype(str)).to_numpy(float)
    often = kinds.sum(0) >= 30
    times = ((near @ kinds) * kinds).sum(0) / kinds.sum(0) / kinds.mean(0)
    x = np.arcsinh(np.asarray(tissue.X.toarray() if hasattr(tissue.X, "toarray") else tissue.X) / 150)
    around = near @ x
    correlation = [np.corrcoef(x[:, j], around[:, j])[0, 1] for j in range(x.shape[1])]
    return {
        "neighbours of a cell's own type, times chance": float(times[often].mean()),
        "correlation of a marker with its neighbours' mean, median": float(np.median(correlation)),
    }


def links_of(mdata: object) -> xt.links.Link:
    """Return the links of a simulated tissue to the RNA."""
    table = xt.datasets.true_links(mdata)[["gene", "protein"]]
    return xt.links.by_table(mdata, "rna", "tissue", table)


def scale(n_cells: int, n_rna: int) -> None:
    """Time everything from two files to labels on disk; the files are not counted."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.h5ad" for name in ("rna", "tissue")]
        subprocess.run([sys.executable, __file__, "write", str(n_cells), str(n_rna), *map(str, files)], check=True)
        wall, cpu = time.perf_counter(), time.process_time()
        data = {file.stem: ad.read_h5ad(file) for file in files}
        model = xt.integrate(data, links_of(data), batch_key={"tissue": "section"})
        labels = xt.tl.transfer_labels(model, "rna", "tissue", key="cell_type")
        labels.to_csv(Path(folder) / "labels.csv")
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        right = (labels["label"].astype(str) == data["tissue"].obs["cell_type"].astype(str)).mean()
        spent = f"{time.perf_counter() - wall:.0f} s, {time.process_time() - cpu:.0f} s of CPU, {most:.1f} GiB"
        print(f"{n_cells:,} + {n_rna:,} cells: {spent}, accuracy {right:.3f}")


def write(n_cells: int, n_rna: int, rna: str, tissue: str) -> None:
    """Write a simulated tissue."""
    mdata = xt.datasets.simulate_tissue(
        n_cells=n_cells, n_rna=n_rna, n_linked=24, n_sections=max(1, n_cells // 200_000), seed=0
    )
    mdata["rna"].write_h5ad(rna)
    mdata["tissue"].write_h5ad(tissue)


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["codex", "simulated", "likeness", "scale", "write"])
    parser.add_argument("rest", nargs="*")
    given = parser.parse_args()
    logging.getLogger("crosstie").setLevel(logging.ERROR)
    pd.set_option("display.width", 250, "display.max_columns", 30)
    match [given.what, *given.rest]:
        case ["codex"]:
            print(codex().to_string())
        case ["simulated", n, layout, seed]:
            print(simulated(int(n), [layout], [int(seed)]).to_string())
        case ["simulated", *n] if len(n) < 2:
            print(simulated(int(n[0]) if n else 5000).to_string())
        case ["likeness"]:
            print(likeness().to_string())
        case ["scale", n, m]:
            scale(int(n), int(m))
        case ["write", n, m, rna, tissue]:
            write(int(n), int(m), rna, tissue)
        case _:
            parser.error("wrong number of arguments")


if __name__ == "__main__":
    main()
