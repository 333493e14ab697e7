"""What a report tells of: a finished run, read from its folder, or made of a model."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie._run import about_of
from crosstie._threads import side_by_side
from crosstie._typing import Edge, Floats, Index

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.model.model import Model
    from crosstie.trust.diagnosis import Diagnosis

VIEWS, PLANE = "integrated.h5mu", "umap.csv"
UNKNOWN = "unknown"
CONFIDENCE = "crosstie_confidence"
DRAWN = 20_000  # cells that are drawn if no plane was saved: UMAP takes a second for every thousand or so


@dataclass(frozen=True)
class Run:
    """A finished run; what it lacks is empty or `None`, and the report says so.

    Parameters
    ----------
    model
        Fitted; with or without data.
    about
        What `run.json` says: versions, command, inputs, seed.
    level, reasons
        Of the verdict; `None` where it was not asked for.
    signals
        The table of figures behind the verdict.
    plane
        Of each view the cells that are drawn: row number, and two coordinates, columns `row`, `x`, `y`.
    label_key, truth
        Column of labels, and the labels of every view that has some; "unknown" where there is none.
    labels
        Transferred labels by source and target.
    matches
        Names of matched cells by source and target, columns `source` and `target`.
    scores
        Table of `metrics.evaluate`.
    confidence
        Of the cells of each view, where they were judged.
    reliability
        Of the features of each view, as other views would have them imputed; empty without data.
    """

    model: Model
    about: Mapping[str, Any]
    plane: Mapping[str, pd.DataFrame]
    level: str | None = None
    reasons: tuple[str, ...] = ()
    signals: pd.DataFrame = field(default_factory=pd.DataFrame)
    label_key: str | None = None
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: Mapping[Edge, pd.DataFrame] = field(default_factory=dict)
    matches: Mapping[Edge, pd.DataFrame] = field(default_factory=dict)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    confidence: Mapping[str, Floats] = field(default_factory=dict)
    reliability: Mapping[str, pd.Series] = field(default_factory=dict)


def read_run(folder: Path, *, diagnosis: Diagnosis | None = None, max_cells: int | None = None, seed: int = 0) -> Run:
    """Read the folder of a run, as `crosstie integrate` wrote it.

    Parameters
    ----------
    folder
        The folder.
    diagnosis
        A verdict that stands in for the one in the folder.
    max_cells
        Cells drawn on the map, which is computed anew; by default the map in the folder is taken.
    seed
        Of a map computed anew.

    Raises
    ------
    ValueError
        If the folder is not that of a run, or its model cannot be read.
    """
    from crosstie.model.model import Model

    about = about_of(folder)
    model = Model.load(folder / "model")
    data = _data(folder, model)
    if data is not None and not model.views and all(_has_matrix(data[n], model.slots[n]) for n in model.latents):
        model = _with_data(folder, model, data)
    key = about.get("label_key")
    verdict = about.get("verdict") or {}
    signals = _csv(folder / "diagnosis.csv")
    confidence = (
        {} if data is None else {n: a.obs[CONFIDENCE].to_numpy(float) for n, a in data.items() if CONFIDENCE in a.obs}
    )
    if diagnosis is not None:
        verdict = {"level": diagnosis.level, "reasons": diagnosis.reasons}
        signals, confidence = diagnosis.table, {n: c.to_numpy() for n, c in diagnosis.confidence.items()}
    return Run(
        model=model,
        about=about,
        plane=_plane(folder / PLANE, model, max_cells, seed),
        level=verdict.get("level"),
        reasons=tuple(verdict.get("reasons", ())),
        signals=signals,
        label_key=key,
        truth=truth_of(model, key),
        labels={
            edge: table
            for edge in permutations(model.latents, 2)
            if len(table := _csv(_inside(folder, "labels_{}_to_{}.csv", *edge), text=("cell", "label")))
        },
        matches=_matches(_csv(folder / "matches.csv", text=("source_view", "target_view", "source", "target"))),
        scores=_csv(folder / "scores.csv", text=("source", "target")),
        confidence=confidence,
        reliability=reliability_of(model),
    )


def run_of(
    model: Model,
    *,
    label_key: str | None = None,
    diagnosis: Diagnosis | None = None,
    max_cells: int | None = None,
    seed: int = 0,
) -> Run:
    """Make what a report tells of from a fitted model.

    Parameters
    ----------
    model
        Fitted.
    label_key
        Column of obs with labels, to be carried over and compared.
    diagnosis
        Result of `trust.diagnose`; made here if the model has its data.
    max_cells
        Cells drawn on the map.
    seed
        Of the map, and of the verdict.

    Raises
    ------
    KeyError
        If no view has the label column.
    """
    from crosstie import tl, trust
    from crosstie._errors import unknown_name

    model.embed(next(iter(model.linkage.views)))  # says so if the model is not fitted
    if label_key is not None and not any(label_key in obs for obs in model.obs.values()):
        columns = dict.fromkeys(str(c) for obs in model.obs.values() for c in obs)
        raise unknown_name("report: label_key, a column of obs", label_key, columns)
    if diagnosis is None and model.views:
        diagnosis = trust.diagnose(model, seed=seed)
    truth = truth_of(model, label_key)
    known = {name: [None if y == UNKNOWN else y for y in labels] for name, labels in truth.items()}
    return Run(
        model=model,
        about={},
        plane=_plane(None, model, max_cells, seed),
        level=diagnosis.level if diagnosis else None,
        reasons=diagnosis.reasons if diagnosis else (),
        signals=diagnosis.table if diagnosis else pd.DataFrame(),
        label_key=label_key,
        truth=truth,
        labels={
            (s, t): tl.transfer_labels(model, s, t, labels=known[s])
            for s, t in permutations(model.latents, 2)
            if s in truth
        },
        confidence={n: c.to_numpy() for n, c in diagnosis.confidence.items()} if diagnosis else {},
        reliability=reliability_of(model),
    )


def truth_of(model: Model, key: str | None) -> dict[str, np.ndarray]:
    """Return the labels of every view that has some."""
    out = {}
    for name, obs in model.obs.items():
        if key is not None and key in obs:
            column = obs[key]
            y = column.astype(object).where(column.notna(), UNKNOWN).astype(str).to_numpy().astype(str)
            if (y != UNKNOWN).any():
                out[name] = y
    return out


def reliability_of(model: Model) -> dict[str, pd.Series]:
    """Return how well the features of each view can be imputed elsewhere; nothing in a model without data."""
    from crosstie.tl.impute import feature_reliability

    core = model.core

    def of_view(name: str) -> pd.Series:
        recipe = model.recipes[name]
        values = recipe.log_normalize(core.views[name].loaded)
        return pd.Series(feature_reliability(core.latents[name], values), index=recipe.names)

    return dict(zip(core.views, side_by_side(of_view, core.views), strict=True))


def _data(folder: Path, model: Model) -> dict[str, AnnData] | None:
    if not (folder / VIEWS).is_file():
        return None
    import mudata as md

    with views_as_they_are(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that views have names in common: nothing is joined here
        data = dict(md.read_h5mu(folder / VIEWS).mod)
    return data if set(data) >= set(model.latents) else None


def _has_matrix(adata: AnnData, slot: str) -> bool:
    """Whether the file of the run has a view's matrix: those of large views stay where they were."""
    return adata.X is not None if slot == "X" else slot.partition("/")[2] in (*adata.layers, *adata.obsm)


def _with_data(folder: Path, model: Model, data: Mapping[str, AnnData]) -> Model:
    """Return the model with the data of its views."""
    import anndata as ad

    files = {name: folder / f"links_{i}.h5ad" for i, name in enumerate(data)}
    return model.with_data(data, {name: ad.read_h5ad(file) for name, file in files.items() if file.exists()})


def _plane(file: Path | None, model: Model, max_cells: int | None, seed: int) -> dict[str, pd.DataFrame]:
    """Return the map of the run, or make one."""
    if file is not None and max_cells is None and file.is_file():
        saved = _csv(file, text=("view", "cell"))
        saved = saved.rename(columns={"umap_1": "x", "umap_2": "y"})
        parts = {name: saved.loc[saved["view"] == name, ["row", "x", "y"]] for name in model.latents}
        if all(len(part) and part["row"].max() < len(model.latents[name]) for name, part in parts.items()):
            return parts
        log.warning("report: %s is not of this run's cells; the map is made anew.", file)
    return plane_of(model.latents, DRAWN if max_cells is None else max_cells, seed)


def plane_of(latents: Mapping[str, Floats], max_cells: int, seed: int) -> dict[str, pd.DataFrame]:
    """Bring cells to the plane: all of them, or an equal share of each view, at random.

    Returns
    -------
    Per view a table with `row`, `x` and `y`.
    """
    from crosstie.pl import joint_umap

    rows = drawn_rows({name: len(z) for name, z in latents.items()}, max_cells, seed)
    return as_plane(rows, joint_umap({name: z[rows[name]] for name, z in latents.items()}, seed=seed))


def drawn_rows(sizes: Mapping[str, int], max_cells: int, seed: int) -> dict[str, Index]:
    """Return the rows of the cells of each view that are drawn: all, or an equal share of each view, at random."""
    n_cells = sum(sizes.values())
    share = min(1.0, max_cells / n_cells)
    if share < 1:
        log.info("pictures: %d of %d cells are drawn, at random.", max_cells, n_cells)
    rng = np.random.default_rng(seed)
    return {name: np.sort(rng.choice(n, max(1, round(share * n)), replace=False)) for name, n in sizes.items()}


def as_plane(rows: Mapping[str, Index], coords: Mapping[str, Floats]) -> dict[str, pd.DataFrame]:
    """Return rows and their two coordinates as a table for each view, with `row`, `x` and `y`."""
    return {name: pd.DataFrame({"row": rows[name], "x": xy[:, 0], "y": xy[:, 1]}) for name, xy in coords.items()}


def _matches(table: pd.DataFrame) -> dict[Edge, pd.DataFrame]:
    if not len(table):
        return {}
    return {(str(s), str(t)): part for (s, t), part in table.groupby(["source_view", "target_view"], sort=False)}


def _inside(folder: Path, name: str, *views: str) -> Path:
    """Return a file that is named after views; the name of a view leads nowhere else."""
    return folder / name.format(*(re.sub(r"[/\\:]", "_", view) for view in views))


def _csv(file: Path, text: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table of the run, names as they are ("NA" is a name); an empty one if it is not there."""
    if not file.is_file():
        return pd.DataFrame()
    heads = pd.read_csv(file, nrows=0).columns
    kinds = {name: str for name in text if name in heads}
    return pd.read_csv(
        file, dtype=kinds, keep_default_na=False, na_values={c: ["", "nan"] for c in heads if c not in kinds}
    )
