"""A row for crosstie in the tables of SCMMIB (Fu et al., Nature Methods 2025): RNA + ATAC and mosaic RNA + ADT.

    python benchmarks/public/scmmib_row.py FOLDER CONFIG.json --task diagonal_scRNA+scATAC --data BMMC_s3d10

FOLDER holds a data set as SCMMIB distributes it (figshare 27161451): `…-RNA-counts.h5ad`, `…-ATAC-peaks.h5ad` with
`…-ATAC-gam.h5ad` or `…-ADT-counts.h5ad`, and `metadata.csv`; CONFIG is the JSON file that its pipeline gives to every
method. Coordinates are written as those of its methods (`PREFIX-crosstie-RNA-latent.csv`), and scored by its own
code where the package `scmmib` is installed, else by the same formulas (a test holds them to its figures).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import published

import crosstie as xt
from crosstie.metrics import foscttm, nearest_labels

KINDS = {
    "diagonal_scRNA+scATAC": ("atac", "diagonal RNA+ATAC"),
    "mosaic_scRNA+ADT": ("adt", "mosaic RNA+ADT"),
}
PAIRED = {"BMMC_s2d1_s3d6": "s3d6"}  # the batch whose pairs a mosaic is told


def read(folder: Path, config: Mapping[str, str], other: str) -> tuple[dict[str, ad.AnnData], pd.DataFrame]:
    """Return the matrices by kind (`rna`, the other one and, for ATAC, `gam`), and the metadata by barcode."""
    kinds = ["rna", other, *(["gam"] if other == "atac" else [])]
    views = {kind: ad.read_h5ad(folder / config[f"{kind}_h5ad_filename"]) for kind in kinds}
    table = pd.read_csv(folder / config["metadata"], index_col=config["barcode_key"], dtype="category")
    return views, table.loc[views["rna"].obs_names]


def hidden(adata: ad.AnnData, order: np.ndarray, name: str) -> ad.AnnData:
    """Return the cells in another order and under other names: what a method may know."""
    out = ad.AnnData(adata.X[order], var=adata.var[[]].copy())
    out.obs_names = [f"{name}-{i}" for i in range(len(order))]
    return out


def diagonal(views: Mapping[str, ad.AnnData], table: pd.DataFrame, batch: str, seed: int) -> dict[str, np.ndarray]:
    """Return coordinates of RNA and ATAC, all cells unpaired, in the order of the metadata."""
    orders = {name: np.random.default_rng([seed, i]).permutation(len(table)) for i, name in enumerate(("rna", "atac"))}
    data = {name: hidden(views[name], order, name) for name, order in orders.items()}
    key = None
    if batch in table and len(set(table[batch])) > 1:
        key = "batch"
        for name, order in orders.items():
            data[name].obs["batch"] = table[batch].astype(str).to_numpy()[order]
    activity = hidden(views["gam"], orders["atac"], "atac")
    model = xt.integrate(data, link_data={"atac": activity}, batch_key=key, seed=seed)
    return {name: model.embed(name)[np.argsort(order)] for name, order in orders.items()}


def mosaic(views: Mapping[str, ad.AnnData], told: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return coordinates of all RNA and all proteins; the pairs of the cells in `told` are known, of no others."""
    n = len(told)
    free = np.flatnonzero(~told)
    data, orders = {}, {}
    for i, name in enumerate(("rna", "adt")):
        orders[name] = np.r_[np.flatnonzero(told), np.random.default_rng([seed, i]).permutation(free)]
        data[name] = hidden(views[name], orders[name], name)
        data[name].obs_names = [f"both-{k}" if k < told.sum() else f"{name}-{k}" for k in range(n)]
    links = [*xt.links.suggest(data), xt.links.paired(data, "rna", "adt")]
    model = xt.integrate(data, links, seed=seed)
    return {name: model.embed(name)[np.argsort(order)] for name, order in orders.items()}


def score(x: np.ndarray, y: np.ndarray, types: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the scores of SCMMIB's accuracy tasks, both directions: rows of `x` and `y` are the same cells.

    `types` are labels by the name of their score.
    """
    cells = np.arange(len(x)).astype(str)
    out = {"foscttm": foscttm(x, y)}
    for name, label in {"nearest cell": cells, **types}.items():
        out[name] = float(np.mean([(nearest_labels(a, label, b) == label).mean() for a, b in ((x, y), (y, x))]))
    return out


def score_by_scmmib(x: pd.DataFrame, y: pd.DataFrame, other: str, table: pd.DataFrame, key: str) -> dict[str, float]:
    """Return the same scores by SCMMIB's own code."""
    from scmmib.metrics import unpaired_latent_metrics

    adata = ad.AnnData(x.to_numpy(np.float32), obs=table.copy())
    adata.obsm["RNA"], adata.obsm[other.upper()] = x, y
    mods = ["RNA", other.upper()]
    row = unpaired_latent_metrics(adata, "crosstie", None, batch=None, label=key, mods=mods, outf=None, embed_acc=False)
    names = {"FOSCTTM": "foscttm", "nearest_cell_barcode": "nearest cell", "nearest_cell_celltype": "nearest cell type"}
    return {ours: float(row.iloc[0][theirs]) for theirs, ours in names.items() if theirs in row}


def main() -> None:
    """Integrate, write coordinates, score, and print the published table with one more row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--task", choices=KINDS, required=True)
    parser.add_argument("--data", required=True, help="name of the data set in figures.csv, such as BMMC_s3d10")
    parser.add_argument("--out", type=Path, default=Path("scmmib"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    config = json.loads(args.config.read_text(encoding="utf-8"))
    other, task = KINDS[args.task]
    views, table = read(args.folder, config, other)
    rows = np.ones(len(table), bool)
    if other == "atac":
        latents = diagonal(views, table, config.get("batch_key", ""), args.seed)
    else:
        told = (table[config["batch_key"]] == PAIRED[args.data]).to_numpy()
        latents, rows = mosaic(views, told, args.seed), ~told
    args.out.mkdir(parents=True, exist_ok=True)
    frames = {}
    for name, z in latents.items():
        frames[name] = pd.DataFrame(z[rows], table.index[rows])
        frames[name].to_csv(args.out / f"{config['output_prefix']}-crosstie-{name.upper()}-latent.csv")
    key = config["celltype_key"]
    try:
        found = score_by_scmmib(frames["rna"], frames[other], other, table[rows], key)
    except ImportError:
        labels = {"nearest cell type": key, "nearest cell type, level 1": f"{key}.l1"}
        types = {name: table[rows][column].astype(str).to_numpy() for name, column in labels.items() if column in table}
        found = score(latents["rna"][rows], latents[other][rows], types)
    theirs = published.of(task, args.data)
    theirs.loc["crosstie"] = pd.Series(found).reindex(theirs.columns)
    print(theirs.sort_values("foscttm").round(4).to_string())


if __name__ == "__main__":
    main()
