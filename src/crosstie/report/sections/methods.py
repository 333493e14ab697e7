"""Methods: a paragraph for a paper about exactly what this run did, with numbered references."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crosstie._typing import Modality
from crosstie.config import Config
from crosstie.report.html import Html, el, section
from crosstie.runs.run import Run
from crosstie.trust.signals import ids_by_name

REFERENCES = {
    "crosstie": "crosstie: integrating single-cell data sets that measured different things in "
    "different cells. Software, version {version}.",
    "lause": "Lause J, Berens P, Kobak D. Analytic Pearson residuals for normalization of single-cell RNA-seq UMI "
    "data. Genome Biology 22, 258 (2021). doi:10.1186/s13059-021-02451-7",
    "halko": "Halko N, Martinsson PG, Tropp JA. Finding structure with randomness: probabilistic algorithms for "
    "constructing approximate matrix decompositions. SIAM Review 53, 217–288 (2011). doi:10.1137/090771806",
    "kessy": "Kessy A, Lewin A, Strimmer K. Optimal whitening and decorrelation. The American Statistician 72, "
    "309–314 (2018). doi:10.1080/00031305.2016.1277159",
    "cuturi": "Cuturi M. Sinkhorn distances: lightspeed computation of optimal transport. Advances in Neural "
    "Information Processing Systems 26, 2292–2300 (2013). arXiv:1306.0895",
    "chizat": "Chizat L, Peyré G, Schmitzer B, Vialard FX. Scaling algorithms for unbalanced optimal transport "
    "problems. Mathematics of Computation 87, 2563–2609 (2018). doi:10.1090/mcom/3303",
    "chen": "Chen S, Zhu B, et al. Integration of spatial and single-cell data across modalities with weakly linked "
    "features (MaxFuse). Nature Biotechnology 42, 1096–1106 (2024). doi:10.1038/s41587-023-01935-0",
    "korsunsky": "Korsunsky I, et al. Fast, sensitive and accurate integration of single-cell data with Harmony. "
    "Nature Methods 16, 1289–1296 (2019). doi:10.1038/s41592-019-0619-0",
    "wang": "Wang G, Zhao J, Lin Y, Liu T, Zhao Y, Zhao H. scMODAL: a general deep learning framework for "
    "comprehensive single-cell multi-omics data alignment with feature links. Nature Communications 16, 4994 (2025). "
    "doi:10.1038/s41467-025-60333-z",
    "hoeffding": "Hoeffding W. A combinatorial central limit theorem. Annals of Mathematical Statistics 22, 558–566 "
    "(1951). doi:10.1214/aoms/1177729545",
    "mcinnes": "McInnes L, Healy J, Melville J. UMAP: uniform manifold approximation and projection for dimension "
    "reduction. arXiv:1802.03426 (2018).",
}
_NAMED: dict[Modality, str] = {
    "rna": "RNA",
    "protein": "surface proteins",
    "atac": "chromatin accessibility",
    "activity": "gene activity",
    "cytometry": "cytometry",
    "none": "unnamed features",
}


def methods(run: Run) -> Html:
    """Return the paragraph and its references."""
    text, keys = paragraph(run)
    version = str(run.about.get("crosstie") or _own_version())
    cited = [el("li", REFERENCES[key].format(version=version)) for key in keys]
    button = el("button", "Copy", type="button", data_copies="methods-text", hidden=True)
    body = el(
        "div",
        el("div", el("p", text), el("ol", cited, class_="references"), id="methods-text"),
        button,
        class_="methods",
    )
    return section(
        "methods",
        "Methods, for a paper",
        el("p", "What this run did, in words that you can use as they are.", class_="quiet"),
        body,
    )


def paragraph(run: Run) -> tuple[str, list[str]]:
    """Return the text with numbers in brackets, and the keys of the references in the order of their numbers."""
    sentences = [*_data(run), *_links(run), *_fit(run), *_after(run)]
    keys: list[str] = []

    def number(found: re.Match[str]) -> str:
        numbers = []
        for key in found.group(1).split(","):
            if key not in keys:
                keys.append(key)
            numbers.append(str(keys.index(key) + 1))
        return f"[{', '.join(numbers)}]"

    # Views can have any name, so citations are marked with characters that cannot occur in one.
    return re.sub("\ue000([a-z,]+)\ue001", number, " ".join(sentences)), keys


def _cite(*keys: str) -> str:
    return f"\ue000{','.join(keys)}\ue001"


def _said(name: str) -> str:
    return re.sub("[\ue000\ue001]", "", name)


def _own_version() -> str:
    from crosstie._version import __version__

    return __version__


def _data(run: Run) -> list[str]:
    model = run.model
    version = run.about.get("crosstie") or _own_version()
    views = [f"{_said(name)} ({_NAMED[model.modalities[name]]}, {len(z):,} cells)" for name, z in model.latents.items()]
    out = [f"{_list(views)} were integrated with crosstie {version} {_cite('crosstie')}."]
    fitted = [name for name in model.recipes if name not in model.like]
    for how, words in (
        ("library", "were divided by each cell's total, scaled to the median total and log-transformed"),
        (
            "binary",
            "were reduced to detected or not, divided by each cell's total, scaled to the median "
            "total and log-transformed",
        ),
        (
            "partial",
            "were log-transformed, minus the part of each cell's log total that the typical feature follows",
        ),
        ("clr", "were log-transformed and centred in each cell"),
    ):
        of = [n for n in fitted if model.recipes[n].steps.normalize == how and model.recipes[n].values == "counts"]
        if of:
            out.append(f"Counts of {_list(map(_said, of))} {words}.")
    out += [
        f"Intensities of {_said(n)} were arcsinh-transformed (cofactor {model.recipes[n].steps.cofactor:g})."
        for n in fitted
        if model.recipes[n].steps.normalize == "arcsinh"
    ]
    chosen = [
        n for n in fitted if (top := model.recipes[n].steps.n_top) is not None and top < len(model.recipes[n].features)
    ]
    if chosen:
        tops = sorted({int(model.recipes[n].steps.n_top or 0) for n in chosen})
        out.append(
            f"Of {_list(map(_said, chosen))}, the {_list(f'{t:,}' for t in tops)} features with the "
            f"largest variance of analytic Pearson residuals {_cite('lause')} and all linked features were kept."
        )
    numbers = [f"{model.recipes[n].n_components} ({_said(n)})" for n in fitted]
    if model.config.features == "components":
        clipped = all(model.recipes[n].steps.clip == 10 for n in fitted)
        out.append(
            "Features were scaled to unit "
            f"variance{', clipped at ±10 standard deviations,' if clipped else ''} and projected on "
            f"principal components by randomised subspace iteration {_cite('halko')}: "
            f"{_list(numbers)}."
        )
    else:
        out.append("Features were scaled to unit variance.")
    return out


def _links(run: Run) -> list[str]:
    out = []
    for link in run.model.linkage.links:
        packaged = link.origin in ("packaged table", "packaged table and var column")
        by = ", using the table of antibody targets that is part of crosstie" if packaged else ""
        out.append(
            f"{_said(link.source)} and {_said(link.target)} were linked by {len(link.pairs):,} "
            f"pairs of features in {link.n_columns:,} columns{by}."
        )
    out += [
        f"{len(tie.cells):,} cells were given as measured in both {_said(tie.source)} and {_said(tie.target)}."
        for tie in run.model.linkage.paired
    ]
    return out


def _fit(run: Run) -> list[str]:
    model, config = run.model, run.model.config
    out = []
    if model.closed_form is not None:
        features = bool(model.linkage.links)
        out.append(
            "Common coordinates were computed in closed form, alternating between matching and correlation as in "
            f"MaxFuse {_cite('chen')}: "
            + (f"whitened linked columns {_cite('kessy')} " if features else "shared cells ")
            + "gave the initial coordinates; cells of linked views were matched by entropic optimal "
            f"transport {_cite('cuturi')} "
            f"(ε = {config.entropy:g}) on sketches of at most {config.n_sketch:,} cells, "
            f"with the mass of each cell from an unbalanced plan {_cite('chizat')} to allow for different "
            f"compositions; damped canonical correlation of components across the matches gave the next coordinates; "
            f"this was repeated for {config.n_rounds} rounds."
        )
        shape = next(iter(model.latents.values())).shape[1]
        out.append(
            f"The {shape} leading coordinates were kept, and each cell was moved {config.pull:.0%} of the way "
            f"towards its {config.n_smooth} nearest cells in linked views."
        )
    if config.training == "full":
        if config == Config.scmodal():
            out.append(
                f"Networks were trained with the settings of scMODAL {_cite('wang')}, for {config.n_steps:,} steps."
            )
        else:
            terms = [
                t
                for t in ("reconstruction", "cycle", "geometry", "anchors", "hold", "adversarial")
                if getattr(config, t) > 0
            ]
            out.append(
                f"Encoders and decoders were trained for {config.n_steps:,} steps on {_list(terms)} "
                f"terms, as in scMODAL {_cite('wang')}."
            )
        if model.networks is None:
            out.append(
                "Training did not improve on the closed form by the criteria that need no labels, so the closed form "
                "was kept."
            )
    if model.offsets is not None and model.batch_keys:
        keys = _list(_said(k) for k in dict.fromkeys(model.batch_keys.values()))
        out.append(
            f"Batches ({keys}) were corrected linearly within soft clusters, as in Harmony {_cite('korsunsky')}."
        )
    if model.like:
        how = "was added as a query" if len(model.like) == 1 else "were added as queries"
        out.append(f"{_list(map(_said, model.like))} {how} through the fitted maps, without moving the other cells.")
    return out


def _after(run: Run) -> list[str]:
    out = []
    if run.model.anchors:
        out.append(
            f"Anchors are pairs of cells that are among each other's {run.model.config.n_neighbors} nearest neighbours."
        )
    if run.labels:
        out.append("Labels were transferred by a weighted vote of nearest cells, with calibrated confidence.")
    if len(run.signals):
        ids = set(run.signals["signal"].map(ids_by_name()))
        words = {"ok": "trustworthy", "care": "to be used with care", "fail": "not to be used"}.get(run.level or "", "")
        held = (
            f", and links left out of the fit were tested against other pairings {_cite('hoeffding')}"
            if "links_held_out" in ids
            else ""
        )
        judged = f"; by these checks the run is {words}" if words else ""
        out.append(
            "The run was checked without labels: the fit was repeated without some of "
            f"the links, cells or counts{held}{judged}."
        )
    out.append(f"The map shows a UMAP {_cite('mcinnes')} of the common coordinates.")
    return out


def _list(words: Iterable[object]) -> str:
    parts = [str(w) for w in words]
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""
