"""What is true of a run: how well it matches cells and types, and whether two lineages are exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np
from sklearn.metrics import roc_auc_score
from tasks import UNKNOWN, Task

import crosstie as xt
from crosstie.metrics import foscttm, nearest_labels
from crosstie.tl.novelty import COMMON

BAD_FOSCTTM, BAD_ACCURACY, GOOD_ACCURACY = 0.25, 0.6, 0.9
MIN_KNOWN, MIN_LACKING = 20, 8  # cells that a figure needs
# Lineage by the first word found in the name of a type; None is left out.
WORDS: tuple[tuple[str, str | None], ...] = (
    ("doublet", None),
    ("unknown", None),
    ("cycling b/t", None),
    ("plasma", "Plasma"),
    ("pdc", "pDC"),
    ("dendritic", "DC"),
    ("dc", "DC"),
    ("mono", "Mono"),
    ("macrophage", "Mono"),
    ("neutrophil", "Neutro"),
    ("nkt", "T"),
    ("ilc", "NK"),
    ("mait", "T"),
    ("gd", "T"),
    ("reg", "T"),
    ("t cell", "T"),
    ("cd4", "T"),
    ("cd8", "T"),
    ("other t", "T"),
    ("nk", "NK"),
    ("myeloid prog", "HSPC"),
    ("prog", "HSPC"),
    ("hsc", "HSPC"),
    ("normoblast", "Ery"),
    ("reticulocyte", "Ery"),
    ("erythro", "Ery"),
    ("platelet", None),
    ("other", None),
    ("b1 b", "B"),
    (" b", "B"),
    ("b ", "B"),
)
EXACT = {"B": "B", "T": "T"}


def lineages(label: np.ndarray) -> np.ndarray:
    """Return the lineage of each label; labels of other tissues stay as they are, empty if it should not count."""
    known = {name: _lineage(str(name)) for name in np.unique(label.astype(str))}
    return np.array([known[str(name)] for name in label], dtype=object)


def _lineage(name: str) -> str:
    if name in EXACT:
        return EXACT[name]
    for word, lineage in WORDS:
        if word in name.lower():
            return lineage or ""
    return name


def scored(task: Task, latents: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Return FOSCTTM (if cells are shared), accuracy of labels and of lineages, and exchanged lineages."""
    a, b = list(task.views)[:2]
    out: dict[str, object] = {"foscttm": np.nan}
    _, i, j = np.intersect1d(task.cell[a], task.cell[b], return_indices=True)
    if len(i) > 20:
        out["foscttm"] = float(foscttm(latents[a][i], latents[b][j], max_cells=2000))
    fine = np.where(np.isin(task.label, UNKNOWN), "", task.label).astype(object)
    coarse = lineages(task.label)
    for name, label in (("accuracy", fine), ("lineage", coarse)):
        shares = []
        for s, t in ((a, b), (b, a)):
            ls, lt = label[task.cell[s]], label[task.cell[t]]
            ks, kt = ls != "", (lt != "") & np.isin(lt, ls)
            if not ks.any() or not kt.any():
                continue
            near = nearest_labels(latents[s][ks], ls[ks], latents[t][kt])
            shares.append(float((near == lt[kt]).mean()))
            if name == "lineage" and (s, t) == (a, b):
                out["exchanged"] = exchanged(lt[kt], near)
        out[name] = float(np.mean(shares)) if shares else np.nan
    return out


def told(task: Task, model: xt.Model) -> dict[str, object]:
    """Return how well the confidence of labels is calibrated, and how well novelty finds cells without a counterpart.

    Labels are types within a study, and lineages across studies, whose types have other names. Cells of lineages that
    the other view lacks are found by novelty, at the threshold that a twentieth of the other cells exceeds.
    """
    out: dict[str, object] = {}
    coarse = lineages(task.label)
    fine = np.where(np.isin(task.label, UNKNOWN), "", task.label).astype(object)
    label = coarse if " x " in task.name else fine
    if not (label != "").any():
        return out
    for n, (source, target) in enumerate(permutations(list(task.views)[:2]), 1):
        given, true = label[task.cell[source]], label[task.cell[target]]
        found = xt.tl.transfer_labels(model, source, target, labels=given)
        there = (true != "") & np.isin(true, given)
        if there.sum() > MIN_KNOWN:
            sure = found["confidence"].to_numpy()[there]
            hit = (found["label"].astype(object).to_numpy() == true)[there].astype(float)
            out |= {f"sure{n}": sure.mean(), f"right{n}": hit.mean(), f"calibration{n}": calibration_error(sure, hit)}
        new = found["novelty"].to_numpy()
        lacking = (coarse[task.cell[target]] != "") & ~np.isin(coarse[task.cell[target]], coarse[task.cell[source]])
        if there.sum() > MIN_KNOWN:
            out[f"alarms{n}"] = float((new[there & ~lacking] > COMMON).mean())
        if lacking.sum() >= max(MIN_LACKING, 0.03 * len(lacking)) and (~lacking).sum() > MIN_KNOWN:
            threshold = np.quantile(new[~lacking], 0.95)
            out |= {
                f"lacking{n}": float(lacking.mean()),
                f"auroc{n}": roc_auc_score(lacking, new),
                f"found{n}": float((new[lacking] > threshold).mean()),
                f"flagged{n}": float((new[lacking] > COMMON).mean()),
                f"sure_lacking{n}": float(found["confidence"].to_numpy()[lacking].mean()),
            }
    return out


def calibration_error(sure: np.ndarray, hit: np.ndarray) -> float:
    """Mean distance of confidence from accuracy over ten bins of confidence, weighted by their cells."""
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, sure - hit)).sum() / len(hit))


def exchanged(truth: np.ndarray, given: np.ndarray) -> str:
    """Name two lineages whose cells mostly get each other's label, if there are any."""
    names = [n for n in np.unique(truth) if (truth == n).sum() >= 8]
    for x, one in enumerate(names):
        for two in names[x + 1 :]:
            share = [float((given[truth == p] == q).mean()) for p, q in ((one, two), (two, one))]
            if min(share) > 0.5:
                return f"{one} / {two}"
    return ""
