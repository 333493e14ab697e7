"""Bridges: cells that share hardly a feature, joined by paired data of others. Prints the accuracy of labels.

    python benchmarks/bridges.py            # three seeds, both settings
    python benchmarks/bridges.py --seeds 1

Mass cytometry of bone marrow (4,000 cells, 12 antibodies) and RNA in which one of their genes was measured
(`bmmc_cite_1`), with the CITE-seq cells of `bmmc_cite_3`, those in both left out; labels in eight types. And brain
(`snare_mop`): 2,000 cells of RNA, 2,000 others of chromatin, with 2,000 others of both.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Iterator, Mapping

import tables  # one thread, before NumPy is imported

import anndata as ad  # isort: skip
import numpy as np  # isort: skip
from tasks import DATA  # isort: skip

import crosstie as xt  # isort: skip

# Types of bone marrow, and of the cytometer, in common words; the first that fits.
COARSE = {
    "plasma": "plasma cells",
    "cd14|cd16|monocytes": "monocytes",
    "cd8": "CD8 T",
    "cd4|t reg": "CD4 T",
    "pdc": "pDC",
    "nk|ilc": "NK",
    "hsc|prog": "progenitors",
    r"b1 b|\bb\b": "B",
}
N_CELLS, N_CYTOF = 2000, 4000


def coarse(labels: np.ndarray) -> np.ndarray:
    """Return the eight types; what is none of them keeps its name."""
    found = [next((to for word, to in COARSE.items() if re.search(word, str(t).lower())), str(t)) for t in labels]
    return np.array(found, object)


def marrow(seed: int) -> Iterator[tuple[str, float]]:
    """Yield ways to label cells of the cytometer, and the accuracy of each."""
    names = [f"bmmc_cite_{n}/{view}" for n in (1, 3) for view in ("rna", "adt")]
    read = {name: ad.read_h5ad(DATA / f"{name}.h5ad") for name in names}
    cytof = ad.read_h5ad(DATA / "cytof_bm_levine32" / "cytof.h5ad")
    cytof = cytof[np.random.default_rng(seed).permutation(cytof.n_obs)[:N_CYTOF]].copy()
    atlas = read["bmmc_cite_1/rna"]
    seen = {row.tobytes() for row in read["bmmc_cite_1/adt"].X.toarray()}  # both measured the same proteins
    other = np.array([row.tobytes() not in seen for row in read["bmmc_cite_3/adt"].X.toarray()])
    cite = {name: read[f"bmmc_cite_3/{name}"][other].copy() for name in ("rna", "adt")}
    for adata in (cytof, atlas, *cite.values()):
        adata.obs["type"] = coarse(adata.obs["cell_type"].to_numpy())
    two, four = (
        {"rna": atlas, "cytof": cytof},
        {"rna": atlas, "cytof": cytof, "cite_rna": cite["rna"], "cite_adt": cite["adt"]},
    )
    kinds = {"cytof": "cytometry"}
    yield "RNA → CyTOF, alone", accuracy(xt.integrate(two, modality=kinds, seed=seed), "rna", "cytof")
    helped = xt.integrate(two, modality=kinds, reference=cite, seed=seed)
    yield "RNA → CyTOF, `reference=` CITE-seq", accuracy(helped, "rna", "cytof")
    joined = xt.integrate(four, links=tied(four, "cite_rna", "cite_adt"), modality=kinds, seed=seed)
    yield "RNA → CyTOF, CITE-seq as two views", accuracy(joined, "rna", "cytof")
    bridged = xt.integrate({"cytof": cytof}, modality=kinds, reference=cite, seed=seed)
    yield "CITE-seq → CyTOF, one view and a reference", accuracy(bridged, "adt", "cytof")


def brain(seed: int) -> Iterator[tuple[str, float]]:
    """Yield ways to label cells by their chromatin, and the accuracy of each."""
    views = {name: ad.read_h5ad(DATA / "snare_mop" / f"{name}.h5ad") for name in ("rna", "atac")}
    drawn = np.random.default_rng(seed).permutation(views["rna"].n_obs)
    both, first, second = (drawn[i * N_CELLS : (i + 1) * N_CELLS] for i in range(3))
    two = {"rna": views["rna"][first].copy(), "atac": views["atac"][second].copy()}
    multiome = {name: adata[both].copy() for name, adata in views.items()}
    for adata in (*two.values(), *multiome.values()):
        adata.obs["type"] = adata.obs["cell_type"].astype(str)
    yield "RNA → ATAC, alone", accuracy(xt.integrate(two, seed=seed), "rna", "atac")
    yield "RNA → ATAC, `reference=` multiome", accuracy(xt.integrate(two, reference=multiome, seed=seed), "rna", "atac")
    four = two | {f"multiome_{name}": adata for name, adata in multiome.items()}
    joined = xt.integrate(four, links=tied(four, "multiome_rna", "multiome_atac"), seed=seed)
    yield "RNA → ATAC, multiome as two views", accuracy(joined, "rna", "atac")
    bridged = xt.integrate({"atac": two["atac"]}, reference=multiome, seed=seed)
    yield "multiome → ATAC, one view and a reference", accuracy(bridged, "rna", "atac")


def tied(views: Mapping[str, ad.AnnData], first: str, second: str) -> list[object]:
    """Return the suggested links, and the one that says which cells are the same."""
    same = xt.links.paired(views, first, second)
    return [*xt.links.suggest(views, paired=[same]), same]


def accuracy(model: xt.Model, source: str, target: str) -> float:
    """Return the accuracy of labels of the cells whose type the source has."""
    known = model.obs[target]["type"].isin(model.obs[source]["type"]).to_numpy()
    found = xt.tl.transfer_labels(model, source, target, key="type")["label"].astype(str).to_numpy()
    return float((found == model.obs[target]["type"].to_numpy())[known].mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for setting in (marrow, brain):
        tables.show(
            [{"labels": way, "accuracy": score} for seed in range(args.seeds) for way, score in setting(seed)],
            ("labels",),
        )


if __name__ == "__main__":
    main()
