"""The experiments of the seed study (Wang et al., Nature Communications 2025), on its data, with its scores.

Cells of a view are shuffled and renamed first; labels and pairing are used for the scores only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crosstie._errors import InputError
from crosstie._log import log
from crosstie.runs.known_truth import UNKNOWN, as_labels

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData
    from numpy.typing import NDArray

    from crosstie.model.model import Model

    Labels = dict[str, NDArray[Any]]

MAX_CELLS = 4000  # number of cells for which FOSCTTM is computed, each against all cells
LEAST = 500  # counts in every view; a TEA-seq droplet with fewer is not a cell
BEFORE = 2000  # bases around the transcription start that count for a gene
SCMODAL, MAXFUSE, MMIHCL = "scMODAL, authors", "MaxFuse", "MMIHCL"

TABLE, LEARNED, TRIMODAL, CONTROL = (
    "CITE-seq, table links",
    "CITE-seq, learned links",
    "TEA-seq, three views",
    "self-alignment control",
)
ONE_SIDED = "FOSCTTM, rna to adt, correlation distance"
VOID = "void: protein matrix aligned with itself"


@dataclass(frozen=True)
class Published:
    """A published figure.

    Parameters
    ----------
    value
        As published.
    by
        Method and source.
    void
        Why it is not what it was published as; `""` if it is.
    """

    value: str
    by: str
    void: str = ""


# By experiment and score. The sources drew and filtered the cells of these data sets differently.
PUBLISHED: dict[tuple[str, str], tuple[Published, ...]] = {
    (TABLE, "level 1, adt → rna"): (
        Published(".9782", f"{SCMODAL}' tutorial, 18,034 cells"),
        Published(".9699", "scMODAL, independent run"),
        Published(".930–.939", f"{MAXFUSE}, 10,000 cells"),
        Published(".9375", f"{MMIHCL}, 10,000 cells"),
    ),
    (TABLE, "level 2, adt → rna"): (Published(".801", f"{MAXFUSE}, 10,000 cells"),),
    (TABLE, "FOSCTTM"): (Published(".0436", MMIHCL),),
    (TABLE, ONE_SIDED): (Published(".0619–.0694", f"{MAXFUSE}, 15 dimensions"),),
    (LEARNED, "level 2, adt → rna"): (Published(".9796", "scMODAL, project notebook", VOID),),
    (LEARNED, "FOSCTTM"): (Published(".00092", "scMODAL, project notebook", VOID),),
    (TRIMODAL, "cell types, atac → adt"): (
        Published(".8096", "scMODAL, notebook, 7,437 cells"),
        Published(".882", f"{MAXFUSE}, authors' archive"),
    ),
    (TRIMODAL, "FOSCTTM, atac – adt"): (Published(".146", f"{MAXFUSE}, authors' archive"),),
    (CONTROL, "level 2, copy → adt"): (Published("≥ .9796", "the void figure, as what it is"),),
    (CONTROL, "FOSCTTM"): (Published("≤ .00092", "the void figure, as what it is"),),
}


@dataclass(frozen=True)
class Hidden:
    """Views as a user would hold them, and what is known of their cells.

    Parameters
    ----------
    views
        AnnData without labels, every view in an order of its own.
    cell
        Number of the cell in each row.
    labels
        Label of every cell number, by the name of their level.
    """

    views: dict[str, AnnData]
    cell: dict[str, NDArray[np.int64]]
    labels: Labels


def hide(views: Mapping[str, AnnData], labels: Labels, *, seed: int) -> Hidden:
    """Shuffle each of some views whose rows are the same cells, and take names and labels away."""
    import anndata as ad
    import numpy as np

    bare, cell = {}, {}
    for i, (view, adata) in enumerate(views.items()):
        cell[view] = np.random.default_rng([seed, i]).permutation(adata.n_obs)
        bare[view] = ad.AnnData(adata.X[cell[view]], var=adata.var.copy())
        bare[view].obs_names = [f"{view}-{k}" for k in range(adata.n_obs)]
    return Hidden(bare, cell, labels)


def drawn(views: Mapping[str, AnnData], n_cells: int | None, *, seed: int) -> dict[str, AnnData]:
    """Draw some of the cells, the same in every view."""
    import numpy as np

    n = next(iter(views.values())).n_obs
    if n_cells is None or n_cells >= n:
        return dict(views)
    rows = np.sort(np.random.default_rng(seed).choice(n, n_cells, replace=False))
    return {view: adata[rows].copy() for view, adata in views.items()}


def citeseq(mdata: MuData, n_cells: int | None, *, seed: int) -> Hidden:
    """Return the CITE-seq task: RNA and antibodies, labels of two levels; doublets are left out."""
    doublet = mdata["rna"].obs["celltype.l2"].astype(str).to_numpy() == "Doublet"
    if doublet.any():
        log.info("CITE-seq: %d of %d cells are labelled doublets, and left out.", doublet.sum(), len(doublet))
    views = drawn({view: mdata[view][~doublet] for view in ("rna", "adt")}, n_cells, seed=seed)
    obs = views["rna"].obs
    return hide(views, {f"level {i}": as_labels(obs[f"celltype.l{i}"]) for i in (1, 2)}, seed=seed)


def teaseq(mdata: MuData, n_cells: int | None, *, seed: int) -> Hidden:
    """Return the TEA-seq task: RNA, antibodies and gene activity of the peaks; labels, if there are any."""
    import numpy as np

    from crosstie.data import gene_activity

    place = mdata["rna"].var["interval"].astype(str).str.extract(r"^(?P<chrom>.+):(?P<start>\d+)-(?P<end>\d+)$")
    genes = place.dropna().astype({"start": int, "end": int})
    genes = genes.assign(start=(genes["start"] - BEFORE).clip(lower=0), end=genes["end"] + BEFORE, strand=".")
    activity = gene_activity(mdata["atac"], genes)
    views = {"rna": mdata["rna"], "adt": mdata["adt"], "atac": activity}
    keep = np.all([np.asarray(adata.X.sum(axis=1)).ravel() >= LEAST for adata in views.values()], axis=0)
    if not keep.any():
        log.warning("TEA-seq: no cell has %d counts in every view; all are kept.", LEAST)
        keep[:] = True
    log.info("TEA-seq: %d of %d cells have at least %d counts in every view.", keep.sum(), len(keep), LEAST)
    views = drawn({view: adata[keep] for view, adata in views.items()}, n_cells, seed=seed)
    obs = views["rna"].obs
    return hide(views, {"cell types": as_labels(obs["cell_type"])} if "cell_type" in obs else {}, seed=seed)


def control(task: Hidden, *, seed: int) -> Hidden:
    """Return the control: the protein matrix and a copy of it, cells shuffled."""
    import numpy as np

    order = np.argsort(task.cell["adt"])
    adt = task.views["adt"][order]
    return hide({"copy": adt, "adt": adt}, {"level 2": task.labels["level 2"]}, seed=seed + 1)


def integrated(task: Hidden, seed: int) -> Model:
    """Integrate at the defaults, with the links that suggest themselves."""
    from crosstie.model.integrate import integrate

    kinds = {"copy": "protein", "adt": "protein", "rna": "rna", "atac": "activity"}
    return integrate(task.views, modality={view: kinds[view] for view in task.views}, seed=seed)  # type: ignore[misc]


def with_learned(task: Hidden, first: Model, seed: int) -> Model:
    """Integrate again, with links that the first fit teaches beside the table's; the first fit if it teaches none."""
    from crosstie.links import by_cca
    from crosstie.model.integrate import integrate

    try:
        learned = by_cca(first, "adt", "rna", seed=seed)
    except InputError as error:
        log.warning("no links were learned: %s", error)
        return first
    kinds = {"rna": "rna", "adt": "protein"}
    return integrate(task.views, [*first.linkage.links, learned], modality=kinds, seed=seed)  # type: ignore[arg-type]


def scores(task: Hidden, model: Model, pair: tuple[str, str], *, many: bool = False) -> dict[str, float]:
    """Score two views: labels of the second one's cells by the nearest cell of the first, and back; FOSCTTM."""
    import numpy as np

    from crosstie.metrics import foscttm, foscttm_one_sided, nearest_labels, transfer_accuracy

    out = {}
    z = {view: np.asarray(model.latents[view]) for view in pair}
    for level, label in task.labels.items():
        for source, target in (pair, pair[::-1]):
            y_source, y_target = label[task.cell[source]], label[task.cell[target]]
            known = y_source != UNKNOWN
            found = nearest_labels(z[source][known], y_source[known], z[target])
            out[f"{level}, {source} → {target}"] = transfer_accuracy(y_target, found, exclude=[UNKNOWN])
    paired = [z[view][np.argsort(task.cell[view])] for view in pair]
    out[f"FOSCTTM, {pair[0]} – {pair[1]}" if many else "FOSCTTM"] = foscttm(*paired, max_cells=MAX_CELLS)
    if set(pair) == {"adt", "rna"} and not many:
        rna, adt = (paired[pair.index(view)] for view in ("rna", "adt"))
        out[ONE_SIDED] = foscttm_one_sided(rna, adt, max_cells=MAX_CELLS)
    return out
