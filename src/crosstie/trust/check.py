"""`check` looks at the data before any fit: numbers, controls, doublets, empty cells, links, and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import InputError, sample, unknown_name
from crosstie._log import log
from crosstie._threads import few_threads
from crosstie._typing import Modality
from crosstie.anchors.neighbours import nearest
from crosstie.data import Recipe, View
from crosstie.data.dominant_features import dominant_of, set_aside_of
from crosstie.data.normalize import totals
from crosstie.data.panels import unmeasured
from crosstie.data.scaled import column_sums
from crosstie.data.steps import STEPS
from crosstie.data.stored import Stored
from crosstie.data.view import as_mapping
from crosstie.links.antibody_names import controls
from crosstie.links.suggest import PROTEINS, suggest
from crosstie.model.recipes import controls_of
from crosstie.qc import doublets as qc_doublets
from crosstie.qc import find_debris, find_doublets
from crosstie.space.positions import SPATIAL
from crosstie.trust import input_mistakes
from crosstie.trust.findings import Checked, Finding, Level

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

FEW_LINKS = 10
SOME_DOUBLETS, MANY_DOUBLETS = 0.05, 0.1  # up to .04 are found where there are none
MANY_EMPTY = 0.01
SOME_DEBRIS, MANY_DEBRIS = 0.02, 0.1  # about .01 of whole cells are flagged
SHALLOW, MANY_DROPLETS = 100, 50_000  # median counts of RNA, and cells: an unfiltered matrix has few and many
MANY_SHARED = 0.5
SKETCH, K = 2000, 15
APART = 0.9  # of the possible excess of neighbours of one's own batch
_BARCODE = re.compile(r"(?:^|[^A-Za-z])([ACGT]{12,24})(?:[^A-Za-z]|$)")
_TENX = re.compile(r"(?:.*[^A-Z])?[ACGT]{16}(?:-\d+)*(?:[^A-Z].*)?")
_CHEMISTRY = (  # what the names of most antibodies of a panel tell
    ("TotalSeq-A", re.compile(r".*total-?_?seq[-_ ]?a\b.*|.*_a\d{4}", re.IGNORECASE)),
    ("TotalSeq-B", re.compile(r".*total-?_?seq[-_ ]?b\b.*|.*_b\d{4}", re.IGNORECASE)),
    ("TotalSeq-C", re.compile(r".*total-?_?seq[-_ ]?c\b.*|.*_c\d{4}", re.IGNORECASE)),
    ("BD AbSeq", re.compile(r".*(?:pabo|ahs\d{4}).*", re.IGNORECASE)),
    ("antibodies named with their barcodes (CITE-seq-Count, REAP-seq)", re.compile(r".*[-_][ACGT]{8,15}")),
)


def check(
    data: Data,
    *,
    modality: Mapping[str, Modality] | None = None,
    slot: str | Mapping[str, str] = "X",
    batch_key: str | Mapping[str, str] | None = None,
    label_key: str | None = None,
    quick: bool = False,
    seed: int = 0,
) -> Checked:
    """Tell, before any fit, what the data are and what would go wrong.

    Of every view: the kind of numbers, what it measured and with which chemistry as far as names tell, the organism,
    controls, cells without counts, repeated barcodes, duplicated cells, doublets, debris of segmentation, and whether
    batches share populations. Of every two views: the features that can be linked, and cell names in common.

    Parameters
    ----------
    data
        The views by name, or MuData.
    modality, slot, batch_key
        As in `xt.integrate`.
    label_key
        Column of obs with cell types, only to see which of them occur in one batch alone.
    quick
        Leave out what takes more than a moment: doublets, duplicated cells, links and batches. On the command line,
        `crosstie integrate` runs the quick check and warns of what needs action; `xt.integrate` does not.
    seed
        Random seed of simulated doublets and of sketches.

    Returns
    -------
    The findings. Wrong inputs are findings too, not exceptions.

    Raises
    ------
    TypeError
        If `data` is not a mapping of names to AnnData.
    KeyError
        If `label_key` is in no view.
    """
    named = as_mapping(data)
    if label_key is not None and not any(label_key in adata.obs for adata in named.values()):
        raise unknown_name("check: label_key, a column of obs", label_key, next(iter(named.values())).obs.columns)
    found: list[Finding] = []
    views: dict[str, View] = {}
    for name, adata in named.items():
        try:
            with _silent():
                views[name] = View.of(
                    name,
                    adata,
                    modality=(modality or {}).get(name),
                    slot=slot if isinstance(slot, str) else slot.get(name, "X"),
                    batch_key=batch_key.get(name) if isinstance(batch_key, Mapping) else batch_key,
                )
        except InputError as error:
            found.append(Finding(name, "values", "error", str(error).replace("\n", ";")))
            continue
        if not quick:
            found += _slowly(views[name], adata, label_key, seed)
    found = [*check_views(views), *found]
    order = {name: i for i, name in enumerate(named)}
    found.sort(key=lambda f: order.get(f.about, len(order)))
    if not quick and len(views) == len(named):
        found += _of_links(named, views)
    return Checked(tuple(found))


def check_views(views: Mapping[str, View]) -> list[Finding]:
    """Return what `check(quick=True)` finds, of views that have been read: the part that takes but a moment."""
    found = [f for view in views.values() for f in _of_view(view)]
    organisms = input_mistakes.organisms(views)
    found += [Finding(n, "organism", "fine", f"{o} ({k} features tell it)", value=k) for n, (o, k) in organisms.items()]
    if len({organism for organism, _ in organisms.values()}) > 1:
        said = ", ".join(f"{name}: {organism}" for name, (organism, _) in organisms.items())
        found.append(
            Finding(" – ".join(organisms), "organism", "warning", f"they differ ({said})", "Are these the right files?")
        )
    return found + _of_names({name: view.cells.astype(str) for name, view in views.items()})


@contextmanager
def _silent() -> Iterator[None]:
    """Log nothing: what would be said is among the findings."""
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _of_view(view: View) -> list[Finding]:
    """Look at names and totals of one view."""
    said = f"{view.n_cells:,} cells × {view.n_features:,} features, taken as {view.modality}"
    out = [Finding(view.name, "size", "fine", said)]
    kinds = {"counts": "counts", "intensity": "intensities"}
    if view.values in kinds or view.modality in ("none", "cytometry"):
        out.append(Finding(view.name, "values", "fine", kinds.get(view.values, "taken as they are")))
    else:
        text = {
            "log": "log-normalised",
            "normalized": "normalised, not counts",
            "any": "normalised, with negative values",
        }
        do = "Counts are better: point --slot (slot=) at them if the file has them."
        out.append(Finding(view.name, "values", "note", text[view.values], do))
    out += _chemistry(view)
    if view.modality in PROTEINS and (found := controls(view.features)):
        kinds_of = ", ".join(f"{n} × {kind}" for kind, n in Counter(found.values()).items())
        out.append(
            Finding(view.name, "controls", "note", f"{kinds_of} ({sample(found, 3)}); set aside", value=len(found))
        )
    if not isinstance(view.matrix, Stored) and view.values != "any":
        out += _of_totals(view) + _dominant(view) + _panels(view)
    return out + _barcodes(view)


def _dominant(view: View) -> list[Finding]:
    """Look for features that would be the total of every cell; a fit sets them aside, but not antibodies."""
    steps, controls = STEPS[view.modality], controls_of(view)
    found, aside = dominant_of(view, steps, controls), set_aside_of(view, steps, controls)
    if not len(found):
        return []
    share = float((sums := column_sums(view.loaded))[found].sum() / sums.sum())
    so = "; set aside" if len(aside) else ""
    text = f"{sample(view.features[found], 4)}: more than four times the counts of all other features{so}"
    do = "If it is not a measurement (a QC column, an index), remove it; otherwise look at its values."
    return [Finding(view.name, "dominant_features", "note", text, do, share)]


def _chemistry(view: View) -> list[Finding]:
    names = [str(f) for f in view.features[:2000]]
    if view.modality in PROTEINS:
        for kind, pattern in _CHEMISTRY:
            if np.mean([bool(pattern.fullmatch(n)) for n in names]) > 0.5:
                return [Finding(view.name, "chemistry", "fine", kind)]
    cells = [str(c) for c in view.cells[:200]]
    if (
        cells
        and np.mean([bool(re.fullmatch(r"(?:.*[^A-Z])?[ACGT]{16}(?:-\d+)*(?:[^A-Z].*)?", c)) for c in cells]) > 0.9
    ):
        return [Finding(view.name, "chemistry", "fine", "cell barcodes of 16 bases, as 10x Genomics has them")]
    return []


def _of_totals(view: View) -> list[Finding]:
    total = totals(view.loaded)
    empty, out = int((total <= 0).sum()), []
    middle = float(np.median(total))
    if view.values == "counts" and view.modality == "rna" and view.n_cells > MANY_DROPLETS and middle < SHALLOW:
        text = f"a median of {middle:,.0f} counts in {view.n_cells:,} cells: unfiltered droplets?"
        out.append(Finding(view.name, "empty_cells", "warning", text, "Give the filtered matrix.", middle))
    if empty:
        share = empty / len(total)
        do = "Drop them first: they get no label, and their matches mean nothing."
        text = f"{empty:,} cells ({share:.1%}) without a single count"
        out.append(Finding(view.name, "empty_cells", "warning" if share > MANY_EMPTY else "note", text, do, share))
    return out


def _panels(view: View) -> list[Finding]:
    """Look for proteins that are zero in every cell of a batch and seen elsewhere: its panel lacked them."""
    if view.modality not in PROTEINS or view.batch is None:
        return []
    names, lacking = unmeasured(view.loaded, np.asarray(view.batch))
    if not lacking.any():
        return []
    which, where = sorted(view.features[np.any(lacking, axis=0)]), sample(names[np.any(lacking, axis=1)], 3)
    text = f"{len(which)} proteins are 0 in every cell of some batches ({sample(which, 3)} in {where}): other panels?"
    do = (
        "What was not measured is taken for absent. Make a view of each panel (--panel-key, crosstie.data."
        "split_by_panel): each is linked by what it has."
    )
    return [Finding(view.name, "panels", "warning", text, do, len(which))]


def _barcodes(view: View) -> list[Finding]:
    """Look for cell names that repeat, and for barcodes that repeat under other names, as in merged samples."""
    names = view.cells.astype(str)
    out = []
    if twice := int(names.duplicated().sum()):
        do = "Make them unique; in Python: adata.obs_names_make_unique()."
        out.append(Finding(view.name, "barcodes", "warning", f"{twice:,} cell names occur more than once", do, twice))
    barcode = names.to_series().str.extract(_BARCODE, expand=False)
    known = barcode.dropna()
    if len(known) > 0.9 * len(names):
        repeated = float(known.duplicated(keep=False).mean())
        if repeated > 0.05:
            text = f"{repeated:.0%} of the cells share their barcode with a cell of another sample"
            do = "More than a few per cent: was one library counted twice, or did barcodes hop between samples?"
            out.append(Finding(view.name, "barcodes", "warning", text, do, repeated))
    return out


def _slowly(view: View, adata: AnnData, label_key: str | None, seed: int) -> list[Finding]:
    """Look at what takes seconds: doublets, duplicated cells, batches."""
    if isinstance(view.matrix, Stored):
        view = view.loaded_up_to(qc_doublets.MAX_CELLS)
        if isinstance(view.matrix, Stored):
            some = np.sort(np.random.default_rng(seed).permutation(view.n_cells)[: qc_doublets.MAX_CELLS])
            view, adata = view.subset(some), adata[some].to_memory()
    out = _debris(view, adata)
    same = input_mistakes.duplicated(view.loaded)
    if same > 0:
        level: Level = "warning" if same > 0.01 else "note"
        text = f"{same:.1%} of the cells are identical to another cell in every feature"
        out.append(Finding(view.name, "duplicated_cells", level, text, "Drop the copies.", same))
    if view.values == "counts" and view.modality in ("rna", "protein") and view.n_cells >= qc_doublets.MIN_CELLS:
        with _silent():
            share = find_doublets(view, seed=seed).share
        level = "warning" if share > MANY_DOUBLETS else "note" if share > SOME_DOUBLETS else "fine"
        do = "xt.qc.find_doublets scores every cell; remove those it calls." if level != "fine" else ""
        out.append(Finding(view.name, "doublets", level, f"about {share:.1%} of the cells", do, share))
    return out + _batches(view, adata, label_key, seed)


def _debris(view: View, adata: AnnData) -> list[Finding]:
    """Look for objects of a segmented image that are unlike its cells."""
    if SPATIAL not in adata.obsm:
        return []
    found = find_debris(adata)
    share = float(found.flagged.mean())
    level: Level = "warning" if share > MANY_DEBRIS else "note" if share > SOME_DEBRIS else "fine"
    do = "xt.qc.find_debris says which; labels of the others hardly change without them." if level != "fine" else ""
    text = f"{found} are unlike the cells of their section (by {', '.join(dict.fromkeys(found.measures.values()))})"
    return [Finding(view.name, "debris", level, text, do, share)]


def _batches(view: View, adata: AnnData, label_key: str | None, seed: int) -> list[Finding]:
    """Look whether batches share populations, by neighbours and, if labels are given, by types of one batch alone."""
    if view.batch is None or view.batch.nunique() < 2:
        return []
    batch, out = view.batch.to_numpy(), []
    some = np.sort(np.random.default_rng(seed).permutation(view.n_cells)[:SKETCH])
    with _silent(), few_threads(SKETCH):
        part = view.subset(some)
        x = Recipe.fit(part, n_components=20, seed=seed).transform(part.loaded)
        row = nearest(x, x, K + 1)[1][:, 1:]
    code = np.unique(batch[some], return_inverse=True)[1]
    share = np.bincount(code) / len(code)
    own, expected = (code[row] == code[:, None]).mean(), (share**2).sum()
    apart = float((own - expected) / (1 - expected))
    n = view.batch.nunique()
    if apart > APART:
        text = f"the {n} batches share hardly any neighbours ({apart:.2f} on a scale from 0, mixed, to 1, apart)"
        do = "If each batch holds its own cell types, batch correction would remove them: run without --batch-key, too."
        out.append(Finding(view.name, "batches", "warning", text, do, apart))
    else:
        out.append(
            Finding(view.name, "batches", "fine", f"{n} batches, {apart:.2f} apart (0 mixed, 1 apart)", value=apart)
        )
    if label_key is not None and label_key in adata.obs:
        seen = pd.crosstab(adata.obs[label_key].to_numpy(), batch) > 0
        alone = seen.index[seen.sum(axis=1) == 1]
        if len(alone):
            text = f"{len(alone)} of {len(seen)} types occur in one batch alone ({sample(alone, 3)})"
            do = "For these, batch and type cannot be told apart."
            out.append(Finding(view.name, "batches", "warning" if len(alone) > len(seen) / 2 else "note", text, do))
    return out


def _of_names(cells: Mapping[str, pd.Index]) -> list[Finding]:
    """Look for cell names that two views have in common."""
    out, names = [], list(cells)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            one, other = cells[a], cells[b]
            share = one.isin(other).sum() / max(1, min(len(one), len(other)))
            numbers = one.str.fullmatch(r"\d+").all()
            if share > MANY_SHARED and not numbers:
                do = f"If they are the same cells, say so: --paired {a},{b} (xt.links.paired)."
                out.append(
                    Finding(f"{a} – {b}", "cell_names", "note", f"{share:.0%} are in both views", do, float(share))
                )
    return out


def _of_links(named: Mapping[str, AnnData], views: Mapping[str, View]) -> list[Finding]:
    try:
        with _silent():
            links = suggest(named, {name: view.modality for name, view in views.items()})
    except InputError as error:
        return [Finding(" – ".join(named), "links", "error", str(error).splitlines()[0], "See crosstie links.")]
    out = []
    for link in links:
        about, text = f"{link.source} – {link.target}", f"{link.n_columns} independent links"
        if link.n_columns < FEW_LINKS:
            do = "So few may not be enough; give a table of pairs (--links), or see crosstie links."
            out.append(Finding(about, "links", "warning", text, do, link.n_columns))
        else:
            out.append(Finding(about, "links", "fine", text, value=link.n_columns))
    return out
