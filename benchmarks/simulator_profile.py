"""Estimate the parameters of the simulator from two public CITE-seq data sets of blood, and write the packaged file.

    CROSSTIE_DATA=... python benchmarks/simulator_profile.py [--out src/crosstie/datasets/pbmc_profile.npz]

Reads `$CROSSTIE_DATA/pbmc10k` (all genes, 14 antibodies) and `$CROSSTIE_DATA/pbmc_wnn` (the other antibodies). Only
aggregates leave this script: means per state, dispersions and loadings. docs/simulator.md describes what they mean.
"""

from __future__ import annotations

import argparse
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning

N_FACTORS = 8
TYPICAL_LIBRARY = 600.0

# state: (cell type, lineage of its continuous factors, share of blood mononuclear cells)
STATES = {
    "CD4+ naive": ("CD4+ T cells", "CD4", 0.170),
    "CD4+ memory": ("CD4+ T cells", "CD4", 0.150),
    "Regulatory T": ("CD4+ T cells", "CD4", 0.015),
    "CD8+ naive": ("CD8+ T cells", "CD8", 0.075),
    "CD8+ memory": ("CD8+ T cells", "CD8", 0.040),
    "CD8+ effector": ("CD8+ T cells", "CD8", 0.035),
    "MAIT": ("Other T cells", "CD8", 0.025),
    "Gamma-delta T": ("Other T cells", "CD8", 0.025),
    "CD56dim NK": ("NK cells", "NK", 0.105),
    "CD56bright NK": ("NK cells", "NK", 0.010),
    "Naive B": ("B cells", "B", 0.060),
    "Memory B": ("B cells", "B", 0.025),
    "CD14+ monocyte": ("CD14+ monocytes", "Mono", 0.210),
    "CD16+ monocyte": ("CD16+ monocytes", "Mono", 0.030),
    "Conventional DC": ("Dendritic cells", "Mono", 0.015),
    "Plasmacytoid DC": ("Plasmacytoid dendritic cells", "", 0.005),
    "Platelet": ("Platelets", "", 0.005),
}

# Genes whose antibodies matter but which the source's gene selection lacks: (model gene, factor on its rate).
# `None` stands for an even expression by all leukocytes. Knowledge, not estimates.
BORROWED_GENES: dict[str, tuple[str | None, float]] = {
    "CD3E": ("CD3D", 0.8),
    "KLRK1": ("NKG7", 0.08),
    "ITGA2B": ("PF4", 0.15),
    "ITGB3": ("PF4", 0.05),
    "PTPRC": (None, 1.2e-3),
    "CD52": (None, 2.5e-3),
    "CD48": (None, 8e-4),
    "CD47": (None, 6e-4),
    "CD99": (None, 6e-4),
    "ICAM2": (None, 4e-4),
}

SMALL_PANEL = {  # antibody of pbmc10k: its genes
    "CD3": "CD3D/CD3E/CD3G", "CD4": "CD4", "CD8a": "CD8A", "CD14": "CD14", "CD16": "FCGR3A", "CD19": "CD19",
    "CD56": "NCAM1", "CD45RA": "PTPRC", "CD45RO": "PTPRC", "CD127": "IL7R", "CD25": "IL2RA", "PD-1": "PDCD1",
    "TIGIT": "TIGIT", "CD15": "FUT4",
}  # fmt: skip

# antibody: (name in pbmc_wnn, genes), the most useful first: a smaller panel takes the first ones
LARGE_PANEL = {
    "CD3": ("cd3.1", "CD3D/CD3E/CD3G"), "CD4": ("cd4.1", "CD4"), "CD8": ("cd8", "CD8A/CD8B"), "CD14": ("cd14", "CD14"),
    "CD16": ("cd16", "FCGR3A"), "CD19": ("cd19", "CD19"), "CD56": ("cd56.1", "NCAM1"), "CD45RA": ("cd45ra", "PTPRC"),
    "CD45RO": ("cd45ro", "PTPRC"), "CD127": ("cd127", "IL7R"), "CD25": ("cd25", "IL2RA"), "CD27": ("cd27", "CD27"),
    "CD11c": ("cd11c", "ITGAX"), "HLA-DR": ("hla.dr", "HLA-DRA/HLA-DRB1"), "CD20": ("cd20", "MS4A1"),
    "CD38": ("cd38.1", "CD38"), "CD161": ("cd161", "KLRB1"), "CD57": ("cd57", "B3GAT1"), "CD28": ("cd28", "CD28"),
    "PD-1": ("cd279", "PDCD1"), "TIGIT": ("tigit", "TIGIT"), "CD11b": ("cd11b.1", "ITGAM"), "CD1c": ("cd1c", "CD1C"),
    "CD123": ("cd123", "IL3RA"), "CD303": ("cd303", "CLEC4C"), "CD41": ("cd41", "ITGA2B"), "IgD": ("igd", "IGHD"),
    "IgM": ("igm", "IGHM"), "CD21": ("cd21", "CR2"), "CD22": ("cd22", "CD22"), "CD36": ("cd36", "CD36"),
    "CD64": ("cd64", "FCGR1A"), "CD163": ("cd163", "CD163"), "CD172a": ("cd172a", "SIRPA"),
    "CLEC12A": ("clec12a", "CLEC12A"), "CD86": ("cd86", "CD86"), "CD13": ("cd13", "ANPEP"),
    "CX3CR1": ("cx3cr1", "CX3CR1"), "CD192": ("cd192", "CCR2"), "CD314": ("cd314", "KLRK1"), "CD335": ("cd335", "NCR1"),
    "CD244": ("cd244", "CD244"), "CD122": ("cd122", "IL2RB"), "CD2": ("cd2", "CD2"), "CD26": ("cd26.1", "DPP4"),
    "CD29": ("cd29", "ITGB1"), "CD49d": ("cd49d", "ITGA4"), "CD44": ("cd44.1", "CD44"), "CD31": ("cd31", "PECAM1"),
    "CD95": ("cd95", "FAS"), "CD226": ("cd226", "CD226"), "CD96": ("cd96", "CD96"), "ICOS": ("cd278", "ICOS"),
    "CD69": ("cd69", "CD69"), "CD185": ("cd185", "CXCR5"), "CD194": ("cd194", "CCR4"), "CD196": ("cd196", "CCR6"),
    "CD35": ("cd35", "CR1"), "CD40": ("cd40", "CD40"), "CD24": ("cd24", "CD24"), "CD72": ("cd72", "CD72"),
    "CD79b": ("cd79b", "CD79B"), "CD268": ("cd268", "TNFRSF13C"), "CD267": ("cd267", "TNFRSF13B"),
    "CD39": ("cd39", "ENTPD1"), "CD73": ("cd73", "NT5E"), "CD18": ("cd18", "ITGB2"), "CD45": ("cd45.1", "PTPRC"),
    "CD52": ("cd52", "CD52"), "CD48": ("cd48", "CD48"), "CD47": ("cd47", "CD47"), "CD55": ("cd55", "CD55"),
    "CD59": ("cd59", "CD59"), "CD9": ("cd9", "CD9"), "CD62P": ("cd62p", "SELP"), "CD42b": ("cd42b", "GP1BA"),
    "TCR alpha-beta": ("tcrab", "TRAC"), "TCR V-alpha-7.2": ("tcr.v.7.2", "TRAV1-2"),
    "TCR gamma-delta": ("tcrgd", "TRDC"), "CD158e1": ("cd158e1", "KIR3DL1"), "CD11a-CD18": ("cd11a.cd18", "ITGAL"),
    "CD81": ("cd81", "CD81"), "CD46": ("cd46", "CD46"), "CD195": ("cd195", "CCR5"), "CD54": ("cd54", "ICAM1"),
    "CD93": ("cd93", "CD93"), "CD141": ("cd141", "THBD"), "CD304": ("cd304", "NRP1"), "CD61": ("cd61", "ITGB3"),
    "CD319": ("cd319", "SLAMF7"), "CD272": ("cd272", "BTLA"), "CD115": ("cd115", "CSF1R"), "CD63": ("cd63", "CD63"),
    "CD99": ("cd99", "CD99"), "CD102": ("cd102", "ICAM2"), "CD119": ("cd119", "IFNGR1"), "CD154": ("cd154", "CD40LG"),
    "CD71": ("cd71", "TFRC"), "Integrin beta-7": ("integrin.7", "ITGB7"), "CD103": ("cd103", "ITGAE"),
}  # fmt: skip
ISOTYPES = ["IgG1 isotype control", "IgG2a isotype control", "IgG2b isotype control", "Rat IgG2b isotype control"]


@dataclass
class Source:
    """One public data set: dense raw counts and the state of each cell ("" where none)."""

    rna: pd.DataFrame
    adt: pd.DataFrame
    state: np.ndarray


def main() -> None:
    """Estimate, print a summary, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).resolve().parent.parent / "src/crosstie/datasets/pbmc_profile.npz"
    parser.add_argument("--out", type=Path, default=default)
    out = parser.parse_args().out
    root = Path(os.environ.get("CROSSTIE_DATA", "../shared/data"))
    small, large = read_pbmc10k(root / "pbmc10k"), read_pbmc_wnn(root / "pbmc_wnn")
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name, source in (("pbmc10k", small), ("pbmc_wnn", large)):
        print(name, {s: int((source.state == s).sum()) for s in STATES})

    small.adt = small.adt[list(SMALL_PANEL)]
    large.adt = large.adt[[wnn for wnn, _ in LARGE_PANEL.values()]].set_axis(list(LARGE_PANEL), axis=1)
    rna = rna_figures(small)
    factors = shared_factors(small, large)
    arrays = {
        "state": np.array(list(STATES)),
        "cell_type": np.array([t for t, _, _ in STATES.values()]),
        "lineage": np.array([lin for _, lin, _ in STATES.values()]),
        "proportion": np.array([p for _, _, p in STATES.values()]),
        **{f"rna/{k}": v for k, v in finish_rna(rna, factors["rna"], small).items()},
        **{
            f"pbmc10k/{k}": v
            for k, v in protein_figures(small, SMALL_PANEL, factors["pbmc10k"], n_isotypes=0, trim=0.99).items()
        },
        **{
            f"pbmc_wnn/{k}": v
            for k, v in protein_figures(
                large,
                {k: g for k, (_, g) in LARGE_PANEL.items()},
                factors["pbmc_wnn"],
                n_isotypes=len(ISOTYPES),
                trim=1.0,
            ).items()
        },
    }
    np.savez_compressed(out, **{k: v.astype(np.float16) if v.dtype.kind == "f" else v for k, v in arrays.items()})
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB", {k: v.shape for k, v in arrays.items()})


# ---- the sources, gated into states ---------------------------------------------------------------------------------


def read_pbmc10k(folder: Path) -> Source:
    """Read and gate the 10x Genomics run: antibody gates where there is an antibody, marker genes elsewhere."""
    r, a, label = read(folder)
    state = np.full(len(r), "", dtype=object)
    naive = np.log2((a["CD45RA"] + 1) / (a["CD45RO"] + 1))
    unknown = label == "unknown"
    no_t = a["CD3"] < 300
    cd4, cd8 = label == "CD4+ T cells", label == "CD8+ T cells"
    state[cd4] = np.where(naive[cd4] > 1, "CD4+ naive", "CD4+ memory")
    state[cd4 & (a["CD25"] > 130) & (a["CD127"] < 90)] = "Regulatory T"
    cytotoxic = r[["GNLY", "GZMB", "GZMH", "FGFBP2"]].sum(axis=1)
    state[cd8] = np.where(naive[cd8] > 3, "CD8+ naive", "CD8+ memory")
    state[cd8 & (cytotoxic >= 3)] = "CD8+ effector"
    double_negative = unknown & (a["CD3"] > 500) & (a["CD4"] < 800) & (a["CD14"] < 300) & (a["CD19"] < 100)
    state[(double_negative | cd8) & (r["KLRB1"] >= 4) & (r["TRDC"] == 0)] = "MAIT"
    state[double_negative & (r["TRDC"] >= 2)] = "Gamma-delta T"
    state[label == "NK cells"] = "CD56dim NK"
    state[((label == "NK cells") | unknown) & no_t & (a["CD56"] > 450) & (a["CD16"] < 450)] = "CD56bright NK"
    b = label == "B cells"
    naive_b = r[["IGHD", "TCL1A", "FCER2"]].sum(axis=1) > 1.5 * r[["CD27", "IGHA1", "IGHG1", "TNFRSF13B"]].sum(axis=1)
    state[b] = np.where(naive_b[b], "Naive B", "Memory B")
    state[label == "CD14+ monocytes"] = "CD14+ monocyte"
    state[(label == "CD16+ monocytes") | (unknown & no_t & (r["FCGR3A"] >= 4) & (r["LST1"] >= 8))] = "CD16+ monocyte"
    dc = r[["FCER1A", "CLEC10A", "CD1C"]].sum(axis=1)
    alone = no_t & (a["CD19"] < 60) & (a["CD14"] < 300)
    state[((label == "Dendritic cells") & (dc >= 3)) | (unknown & alone & (dc >= 8))] = "Conventional DC"
    state[unknown & alone & (r[["LILRA4", "CLEC4C", "IL3RA", "TCF4"]].sum(axis=1) >= 8)] = "Plasmacytoid DC"
    state[unknown & alone & (r["LYZ"] < 10) & (r[["PPBP", "PF4", "GNG11", "TUBB1"]].sum(axis=1) >= 5)] = "Platelet"
    return without_outliers(Source(r, a, state), "CD3")


def read_pbmc_wnn(folder: Path) -> Source:
    """Read and gate the 224-antibody set of Hao et al. (2021)."""
    r, a, label = read(folder)
    state = np.full(len(r), "", dtype=object)
    naive = np.log2((a["cd45ra"] + 1) / (a["cd45ro"] + 1))
    t4, t8, other_t = (label == k for k in ("CD4 T", "CD8 T", "other T"))
    state[t4] = np.where(naive[t4] > -1.2, "CD4+ naive", "CD4+ memory")
    state[t4 & (a["cd25"] > 25) & (a["cd127"] < 40)] = "Regulatory T"
    state[t8] = np.where((naive[t8] > 0.5) & (a["cd127"][t8] > 25), "CD8+ naive", "CD8+ memory")
    state[t8 & (r[["GNLY", "GZMB", "GZMH", "FGFBP2"]].sum(axis=1) >= 6)] = "CD8+ effector"
    state[other_t] = np.where((a["tcr.v.7.2"] > 10)[other_t], "MAIT", "Gamma-delta T")
    nk = label == "NK"
    bright = (a["cd56.1"] > 20) & (a["cd16"] < 110)
    state[nk] = np.where(bright[nk], "CD56bright NK", "CD56dim NK")
    state[label == "B"] = np.where((a["igd"] > 40)[label == "B"], "Naive B", "Memory B")
    mono = label == "Mono"
    state[mono] = np.where((a["cd16"] > 1.5 * a["cd14"])[mono], "CD16+ monocyte", "CD14+ monocyte")
    dc = label == "DC"
    state[dc] = np.where((a["cd303"] > 12)[dc], "Plasmacytoid DC", "Conventional DC")
    state[(label == "other") & (a["cd41"] > 400)] = "Platelet"
    return without_outliers(Source(r, a, state), "cd3.1")


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Read raw counts as tables, and the labels."""
    rna, adt = ad.read_h5ad(folder / "rna.h5ad"), ad.read_h5ad(folder / "adt.h5ad")
    label = rna.obs["cell_type"].astype(str).to_numpy()
    return (
        pd.DataFrame(rna.X.toarray(), columns=rna.var_names),
        pd.DataFrame(adt.X.toarray(), columns=adt.var_names),
        label,
    )


def without_outliers(source: Source, t_cell: str) -> Source:
    """Remove the state of likely doublets: libraries above 2.2 times their state's median, T markers on other cells."""
    for values in (source.rna.sum(axis=1).to_numpy(), source.adt.sum(axis=1).to_numpy()):
        for s in set(source.state) - {"", "Platelet", "Plasmacytoid DC"}:
            rows = source.state == s
            source.state[rows & (values > 2.2 * np.median(values[rows]))] = ""
    for s in ("CD14+ monocyte", "CD16+ monocyte", "Naive B", "Memory B", "CD56dim NK"):
        rows = source.state == s
        limit = max(6 * np.median(source.adt.loc[rows, t_cell]), 30)
        source.state[rows & (source.adt[t_cell].to_numpy() > limit)] = ""
    return source


# ---- means and dispersions ------------------------------------------------------------------------------------------


def rna_figures(source: Source) -> dict[str, np.ndarray]:
    """Rates per state (shares of the library, with 10 counts of the grand mean as prior), dispersions, libraries."""
    x, library = source.rna.to_numpy(np.float64), source.rna.sum(axis=1).to_numpy(np.float64)
    known = source.state != ""
    grand = x[known].sum(axis=0) / library[known].sum()
    rate, depth, above, below = [], [], 0.0, 0.0
    for s in STATES:
        rows = source.state == s
        prior = 0.02 * library[rows].sum() if rows.sum() < 40 else 300.0
        mean = (x[rows].sum(axis=0) + prior * grand) / (library[rows].sum() + prior)
        rate.append(mean / mean.sum())
        log = np.log(library[rows])
        depth.append((np.median(log), np.clip(1.4826 * np.median(np.abs(log - np.median(log))), 0.15, 0.6)))
        expected = library[rows, None] * mean
        above = above + ((x[rows] - expected) ** 2 - expected).sum(axis=0)
        below = below + (expected**2).sum(axis=0)
    return {
        "rate": np.array(rate),
        "depth": np.array(depth),
        "dispersion": np.clip((above + 0.3 * 20) / (below + 20), 0.02, 4.0),  # shrunk to .3 where counts are few
    }


def finish_rna(figures: dict[str, np.ndarray], loadings: np.ndarray, source: Source) -> dict[str, np.ndarray]:
    """Add the borrowed genes; take the factors' part out of the dispersion."""
    genes, rate = list(source.rna.columns), figures["rate"]
    added = []
    for model, factor in BORROWED_GENES.values():
        added.append(np.full(len(rate), factor) if model is None else factor * rate[:, genes.index(model)])
    spread = np.exp((loadings**2).sum(axis=1)).max(axis=0) - 1
    dispersion = np.maximum(figures["dispersion"] - spread, 0.02)
    n = len(added)
    return {
        "feature": np.array(genes + list(BORROWED_GENES)),
        "log_rate": np.log(np.hstack([rate, np.array(added).T])),
        "dispersion": np.append(dispersion, np.full(n, np.median(dispersion)))[None],
        "loadings": np.concatenate([loadings, np.zeros((*loadings.shape[:2], n))], axis=2),
        "depth": figures["depth"],
    }


def protein_figures(
    source: Source, genes: dict[str, str], loadings: np.ndarray, *, n_isotypes: int, trim: float
) -> dict:
    """Ambient level, foreground per state, dispersion per state, and the sizes of droplets."""
    x, size = source.adt.to_numpy(np.float64), droplet_size(source)
    level, dispersion, spread = [], [], []
    index = {lin: i for i, lin in enumerate(lineages())}
    for s, (_, lineage, _) in STATES.items():
        rows = source.state == s
        y = x[rows] / size[rows, None]
        y = np.minimum(y, np.quantile(y, trim, axis=0))
        mean = np.maximum(y.mean(axis=0), 0.2)
        level.append(mean)
        factor = np.exp((loadings[index[lineage]] ** 2).sum(axis=0)) - 1 if lineage else 0.0
        dispersion.append(np.clip((y.var(axis=0) - mean) / mean**2 - factor, 0.02, 1.5))
        spread.append(np.std(np.log(size[rows])))
    level_, dispersion_ = np.array(level), np.array(dispersion)
    ambient = 0.9 * np.sort(level_[:-1], axis=0)[:3].mean(axis=0)  # the lowest three states, platelets apart
    counts = np.array([(source.state == s).sum() for s in STATES])
    few = counts < 30  # too few cells to estimate a variance: take the panel's weighted mean
    dispersion_[few] = np.average(dispersion_[~few], axis=0, weights=counts[~few])
    names, gene = list(genes), list(genes.values())
    if n_isotypes:
        names, gene = names + ISOTYPES[:n_isotypes], gene + [""] * n_isotypes
        low = np.quantile(ambient, np.linspace(0.15, 0.45, n_isotypes))
        ambient = np.append(ambient, low)
        level_ = np.hstack([level_, np.tile(low, (len(level_), 1))])
        dispersion_ = np.hstack([dispersion_, np.full((len(level_), n_isotypes), 0.15)])
        loadings = np.concatenate([loadings, np.zeros((*loadings.shape[:2], n_isotypes))], axis=2)
    sizes, library = np.log(size), np.log(source.rna.sum(axis=1).to_numpy() + 1.0)
    within = [(sizes[r] - sizes[r].mean(), library[r] - library[r].mean()) for r in states_of(source, at_least=30)]
    a, b = (np.concatenate(v) for v in zip(*within, strict=True))
    correlation = np.corrcoef(a, b)[0, 1]
    print(f"droplet size: log sd {a.std():.2f}, correlation with the RNA library {correlation:.2f}")
    return {
        "feature": np.array(names),
        "gene": np.array(gene),
        "ambient": ambient,
        "log_rate": np.log(np.maximum(level_ - ambient, 1e-3)),
        "dispersion": dispersion_,
        "loadings": loadings,
        "depth": np.array([(0.0, min(a.std(), 0.5))] * len(level_)),
        "depth_correlation": np.array(correlation),
    }


def states_of(source: Source, *, at_least: int) -> list[np.ndarray]:
    """Rows of each state that has enough cells."""
    return [np.flatnonzero(source.state == s) for s in STATES if (source.state == s).sum() >= at_least]


def droplet_size(source: Source) -> np.ndarray:
    """Size factor of each droplet, about its state's mean 1: the mean log ratio to the state, over antibodies."""
    x = source.adt.to_numpy(np.float64)
    out = np.ones(len(x))
    for s in STATES:
        rows = source.state == s
        mean = x[rows].mean(axis=0)
        log = np.log((x[rows] + 5) / (mean + 5))
        weight = np.minimum(mean, 50)
        out[rows] = np.exp(np.clip(np.average(log, axis=1, weights=weight), -1.5, 1.5))
        out[rows] /= out[rows].mean()
    return out


# ---- continuous factors inside states -------------------------------------------------------------------------------


def lineages() -> list[str]:
    """Names of the lineages with factors of their own."""
    return list(dict.fromkeys(lin for _, lin, _ in STATES.values() if lin))


def shared_factors(small: Source, large: Source) -> dict[str, np.ndarray]:
    """Factor analysis of the within-state residuals of genes and antibodies together, one lineage at a time.

    The pairing of pbmc10k says which factors genes and antibodies share. Antibodies of pbmc_wnn get their loadings by
    scoring its cells on the features both sets have. Loadings are on the log scale of the rates and shrunk by their
    standard error, as thousands of unshrunk ones would be noise that tells cells apart.
    """
    n = len(lineages())
    out = {
        "rna": np.zeros((n, N_FACTORS, small.rna.shape[1])),
        "pbmc10k": np.zeros((n, N_FACTORS, small.adt.shape[1])),
        "pbmc_wnn": np.zeros((n, N_FACTORS, large.adt.shape[1])),
    }
    common_genes = set(small.rna.columns) & set(large.rna.columns)
    common_adt = {f"adt {p}": f"adt {p}" for p in small.adt.columns if p in large.adt.columns} | {"adt CD8a": "adt CD8"}
    for i, lineage in enumerate(lineages()):
        states = [s for s, (_, lin, _) in STATES.items() if lin == lineage]
        g, g_sd, g_expected = rna_residuals(small, states)
        p, p_sd = adt_residuals(small, states)
        used = g_expected.mean(axis=0) > 0.04
        y = np.hstack([g[:, used], p])
        y = y / np.maximum(y.std(axis=0), 1e-6)
        fa = FactorAnalysis(N_FACTORS, svd_method="randomized", random_state=0, max_iter=300).fit(y)
        z = fa.transform(y)
        # W = E[(x - mu) z] / E[mu]: the moment of a log-linear rate, free of the counting noise
        total = np.maximum(g_expected.sum(axis=0), 1e-6)[:, None]
        raw = (g * g_sd).T @ z / total
        error = np.sqrt(((g * g_sd) ** 2).sum(axis=0))[:, None] / total
        reliability = z.var(axis=0)
        w = np.where(used[:, None], shrink(raw, error), shrink(raw / reliability, error / reliability))
        v = shrink((p * p_sd).T @ z / len(z), p_sd[:, None] / np.sqrt(len(z)))
        w *= np.minimum(1, 1 / np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-9))  # exp() of more runs wild
        out["rna"][i], out["pbmc10k"][i] = w.T, np.clip(v, -1, 1).T

        # the same factors, scored in pbmc_wnn from what both sets measured
        names = list(small.rna.columns[used]) + ["adt " + p for p in small.adt.columns]
        at = [k for k, name in enumerate(names) if name in common_genes or name in common_adt]
        gl, *_ = rna_residuals(large, states)
        pl, pl_sd = adt_residuals(large, states)
        columns = list(large.rna.columns) + ["adt " + p for p in large.adt.columns]
        frame = pd.DataFrame(np.hstack([gl, pl]), columns=columns)
        yl = frame[[common_adt.get(names[k], names[k]) for k in at]].to_numpy()
        yl = yl / np.maximum(yl.std(axis=0), 1e-6)
        lam, psi = fa.components_[:, at], fa.noise_variance_[at]
        precision = np.linalg.inv(np.eye(N_FACTORS) + (lam / psi) @ lam.T)
        zl = yl @ (lam / psi).T @ precision
        trust = np.maximum(1 - np.diag(precision), 0.15)
        raw_v = (pl * pl_sd).T @ zl / len(zl) / trust
        error_v = pl_sd[:, None] * zl.std(axis=0) / np.sqrt(len(zl)) / trust
        out["pbmc_wnn"][i] = np.clip(shrink(raw_v, error_v), -1, 1).T
        print(f"{lineage}: {len(y)} + {len(yl)} cells, {used.sum()} genes")
        print(f"  reliability {reliability.round(2)}, in pbmc_wnn {trust.round(2)}")
        for k in range(N_FACTORS):
            genes = strongest(w[:, k] * np.sqrt(g_expected.mean(axis=0)), small.rna.columns, 7)
            proteins = strongest(v[:, k], small.adt.columns, 3) + strongest(out["pbmc_wnn"][i, k], large.adt.columns, 4)
            print(f"  {k}: {' '.join(genes)} | {' '.join(proteins)}")
    return out


def strongest(value: np.ndarray, names: pd.Index, n: int) -> list[str]:
    """Name the features of the largest absolute values, with their sign."""
    return [f"{names[j]}{'+' if value[j] > 0 else '-'}" for j in np.argsort(-np.abs(value))[:n] if value[j]]


def shrink(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Keep what exceeds three standard errors, shrunk by their ratio."""
    ratio = (error / np.maximum(np.abs(value), 1e-12)) ** 2
    return np.where(ratio < 1 / 9, value * (1 - ratio), 0.0)


def rna_residuals(source: Source, states: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pearson residuals of counts about their state, clipped; their scale and expectation."""
    rows = np.flatnonzero(np.isin(source.state, states))
    x = source.rna.to_numpy(np.float64)[rows]
    library = x.sum(axis=1, keepdims=True)
    expected = np.empty_like(x)
    for s in states:
        at = source.state[rows] == s
        if at.any():
            expected[at] = library[at] * (x[at].sum(axis=0) / library[at].sum())
    scale = np.sqrt(expected + 0.3 * expected**2 + 1e-8)
    return np.clip((x - expected) / scale, -6, 6), scale, expected


def adt_residuals(source: Source, states: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Log residuals of antibodies about their state and droplet size, in units of their deviation; the deviations."""
    rows = np.flatnonzero(np.isin(source.state, states))
    log = np.log(source.adt.to_numpy(np.float64)[rows] + 3) - np.log(droplet_size(source)[rows])[:, None]
    for s in states:
        at = source.state[rows] == s
        if at.any():
            log[at] -= log[at].mean(axis=0)
    sd = np.maximum(log.std(axis=0), 1e-3)
    return np.clip(log / sd, -4, 4), sd


if __name__ == "__main__":
    main()
