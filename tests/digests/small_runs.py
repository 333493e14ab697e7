"""Six small runs and what pins them: two, three and four views, shared cells, batches, trained, fitted on a core."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

import crosstie as xt

SMALL = {"n_components": 30, "n_latent": 20}
LABEL = "cell_type"


@dataclass(frozen=True)
class Small:
    """A small run: the data by view, the links (none: found by name), settings and options of the model."""

    data: dict
    links: list | None
    settings: dict
    options: dict


def _citeseq(seed, prefix="", **options):
    made = xt.datasets.simulate_citeseq(
        n_cells={"rna": 330, "adt": 290}, n_genes=200, n_proteins=40, seed=seed, **options
    )
    return {prefix + name: made[name] for name in ("rna", "adt")}


def two_views():
    return Small(_citeseq(1), None, SMALL, {})


def three_views():
    made = xt.datasets.simulate_teaseq(
        n_cells={"rna": 300, "adt": 280, "activity": 260}, n_genes=200, n_proteins=30, seed=2
    )
    return Small({name: made[name] for name in ("rna", "adt", "activity")}, None, SMALL, {})


def four_views():
    """Two experiments of two views each, of which one knows its pairing: a bridge."""
    data = _citeseq(3, "a_") | _citeseq(4, "b_")
    modality = {name: "rna" if name.endswith("rna") else "protein" for name in data}
    links = [xt.links.by_table(data, "a_adt", "a_rna"), xt.links.by_table(data, "a_adt", "b_rna")]
    links += [xt.links.by_name(data, "a_rna", "b_rna"), _shared(data, "b_rna", "b_adt", 150)]
    return Small(data, links, SMALL, {"modality": modality})


def paired():
    data = _citeseq(5)
    return Small(data, [xt.links.by_table(data, "rna", "adt"), _shared(data, "rna", "adt", 90)], SMALL, {})


def batches():
    return Small(_citeseq(6, n_batches=2), None, SMALL, {"batch_key": "batch"})


def core():
    return Small(_citeseq(7), None, SMALL | {"n_core": 200}, {})


def trained():
    settings = SMALL | {"training": "full", "n_steps": 20, "fallback": "none", "hidden": 16, "batch_size": 64}
    return Small(_citeseq(8, n_batches=2), None, settings, {"batch_key": "batch"})


RUNS = {run.__name__: run for run in (two_views, three_views, four_views, paired, batches, core, trained)}


def _shared(data, source, target, n):
    number = {v: pd.Series(data[v].obs_names, index=data[v].obs["true_cell"].to_numpy()) for v in (source, target)}
    both = np.sort(np.intersect1d(number[source].index, number[target].index))[:n]
    cells = pd.DataFrame({"source": number[source][both].to_numpy(), "target": number[target][both].to_numpy()})
    return xt.links.paired(data, source, target, cells=cells)


def measured(run: Small) -> dict[str, dict]:
    """Return what a run yields: `exact` digests of all bits, and `near`, a few figures that any machine reproduces."""
    model = xt.integrate(run.data, run.links, config=xt.Config(**run.settings), **run.options)
    exact = {f"coordinates of {name}": _digest(z) for name, z in model.latents.items()}
    exact |= {f"anchors of {'-'.join(e)}": _digest(a.source, a.target, a.weight) for e, a in model.anchors.items()}
    edges = list(model.anchors)
    matches = {e: xt.tl.match_cells(model, *e) for e in edges}
    exact |= {f"matches of {'-'.join(e)}": _digest(m.source, m.target, m.weight) for e, m in matches.items()}
    near: dict[str, object] = {}
    for source, target in permutations(model.latents, 2):
        if (source, target) in edges or (target, source) in edges:
            labels = xt.tl.transfer_labels(model, source, target, key=LABEL)
            exact[f"labels {source} to {target}"] = _digest(labels.to_csv(float_format="%.9g"))
            near[f"labels {source} to {target}"] = {
                str(k): int(n) for k, n in labels["label"].value_counts().sort_index().items()
            }
    diagnosis = xt.trust.diagnose(model)
    exact["verdict"] = _digest(diagnosis.level, diagnosis.table.to_csv(float_format="%.9g"))
    near["verdict"] = diagnosis.level
    for name, z in model.latents.items():
        near[f"first cells of {name}"] = np.round(_first_cells(z).astype(float), 3).tolist()
    return {"exact": exact, "near": near}


def _first_cells(z):
    """Cosines of the first cells: signs and rotations of coordinates may differ between machines."""
    some = z[:4] / np.linalg.norm(z[:4], axis=1, keepdims=True)
    return (some @ some.T)[np.triu_indices(4, 1)]


def _digest(*parts) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]
