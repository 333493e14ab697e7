"""All cells of a run as one AnnData: coordinates, map, labels, and the features of one view, measured or imputed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, unknown_name, value_error
from crosstie._labels import means_missing
from crosstie._log import log
from crosstie._typing import Matrix
from crosstie._version import __version__
from crosstie.data.stored import take_rows
from crosstie.export.cellxgene import RESERVED
from crosstie.runs.folder import CONFIDENCE, OBSM_KEY
from crosstie.runs.run import Run
from crosstie.trust.diagnosis import WORDS

if TYPE_CHECKING:
    from anndata import AnnData

UNKNOWN = "unknown"  # what a cell without a label has: cellxgene takes no missing categories
LABEL, LABEL_FROM, LABEL_CONFIDENCE = "crosstie_label", "crosstie_label_from", "crosstie_label_confidence"
NOVELTY, VIEW, MEASURED, IMPUTED, MAP = "crosstie_novelty", "view", "measured", "imputed", "X_umap"
PROVENANCE, VERDICT = "crosstie", "crosstie_verdict"
K = 30
KEPT = ("spatial",)  # of obsm, where one view alone is exported


def cells(run: Run, *, views: Sequence[str] | None = None, features: str | None = None) -> AnnData:
    """Return the cells of views as one AnnData, with the features of one view.

    Parameters
    ----------
    run
        The run, with its data.
    views
        Views whose cells are wanted; `None` takes all of them.
    features
        View whose features are wanted; `None` takes the one with the fewest.

    Returns
    -------
    Cells × used features of one view. `X` has normalised values (the units are in `uns`): measured for the cells of the
    view that measured them, imputed from their nearest neighbours for all others. `layers["measured"]` has the matrix
    that was integrated, empty for other views' cells; `layers["imputed"]` the imputed values, empty for the view's own
    cells. `obsm["X_crosstie"]` has the coordinates and `obsm["X_umap"]` the map (missing for cells not on it).
    `obs` has the view, labels given or transferred with their confidence and novelty, the confidence in the position,
    and the columns that all views have (`cell_type`, which CELLxGENE reserves, as `author_cell_type`); of a single view
    all its columns and positions. `uns["crosstie"]` says where everything comes from, in text and numbers that anndata
    can write.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If the run lacks its data.
    """
    from anndata import AnnData

    names = list(run.model.latents) if views is None else list(views)
    for name in [*names, *([features] if features is not None else [])]:
        if name not in run.model.latents:
            raise unknown_name("export: view", name, run.model.latents)
    if not run.model.views:
        what = "export: the run lacks its data, so nothing can be imputed."
        raise value_error(what, do="Export from a folder with integrated.h5mu, as crosstie integrate writes it.")
    if features is None:
        features = min(run.model.recipes, key=lambda name: len(run.model.recipes[name].names))
    recipe = run.model.recipes[features]
    x, measured, imputed = _values(run, names, features)
    columns = _columns(run, names)
    obs = pd.concat([cell_table(run, name, columns) for name in names], join="inner")
    obs = _plain(obs)  # again: categories of several views are text when they are put below each other
    if renamed := {column: f"author_{column}" for column in obs if column in RESERVED}:
        log.info("export: columns whose names CELLxGENE reserves are renamed: %s.", renamed)
        obs = obs.rename(columns=renamed)
    obs[VIEW] = pd.Categorical(np.repeat(names, [len(run.model.latents[name]) for name in names]), categories=names)
    obs.index = pd.Index(_unique(obs, len(names)))
    obsm = {OBSM_KEY: np.vstack([run.model.latents[name] for name in names]).astype(np.float32)}
    if run.plane:
        obsm[MAP] = np.vstack([_map(run, name) for name in names])
        if n_missing := int(np.isnan(obsm[MAP]).any(1).sum()):
            log.info("export: %d of %d cells are not on the map of the run.", n_missing, len(obs))
    if len(names) == 1 and names[0] in run.data:
        obsm |= {key: np.asarray(run.data[names[0]].obsm[key]) for key in KEPT if key in run.data[names[0]].obsm}
    var = pd.DataFrame({VIEW: pd.Categorical([features] * len(recipe.names))}, index=recipe.names.copy())
    uns = {PROVENANCE: _provenance(run, names, features)} | _units_of_space(run, names)
    return AnnData(x, obs, var, uns=uns, obsm=obsm, layers={MEASURED: measured, IMPUTED: imputed})


def _values(run: Run, names: Sequence[str], features: str) -> tuple[Matrix, sp.csr_matrix, sp.csr_matrix]:
    """Return values, measured values and imputed values of all cells; absent ones are empty rows."""
    from crosstie.tl import impute

    recipe = run.model.recipes[features]
    values: list[Any] = []
    measured, imputed = [], []
    for name in names:
        empty = sp.csr_matrix((len(run.model.latents[name]), len(recipe.names)), dtype=np.float32)
        if name == features:
            raw = take_rows(run.model.views[name].matrix, np.arange(run.model.views[name].n_cells))
            values.append(recipe.log_normalize(raw))
            measured.append(sp.csr_matrix(raw[:, recipe.kept], dtype=np.float32))
            imputed.append(empty)
        else:
            found = impute(run.model, name, features, k=K).X
            values.append(found)
            measured.append(empty)
            imputed.append(sp.csr_matrix(found, dtype=np.float32))
    all_sparse = all(sp.issparse(part) for part in values)
    x = sp.vstack(values, "csr") if all_sparse else np.vstack([p.toarray() if sp.issparse(p) else p for p in values])
    return _compact(x.astype(np.float32)), sp.vstack(measured, "csr"), sp.vstack(imputed, "csr")


def _compact(x: Matrix) -> Matrix:
    """Return a matrix as CSR where at least half of it is zero, as cellxgene demands; otherwise dense."""
    n_zero = x.shape[0] * x.shape[1] - (x.count_nonzero() if sp.issparse(x) else np.count_nonzero(x))
    if 2 * n_zero >= x.shape[0] * x.shape[1]:
        x = sp.csr_matrix(x)
        x.eliminate_zeros()
        return x
    return x.toarray() if sp.issparse(x) else x


def cell_table(run: Run, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """Return what a run knows of the cells of a view: labels, confidence, novelty, and columns of the view itself.

    Parameters
    ----------
    run
        The run.
    name
        Name of the view.
    columns
        Columns of its obs to keep.

    Returns
    -------
    One row per cell. `crosstie_label` is the cell's own label, or the transferred label with the highest confidence;
    `crosstie_label_from` the view that it is from; `crosstie_label_confidence` is 1 for own labels.
    """
    own = run.data[name].obs if name in run.data else run.model.obs[name]
    obs = own[list(columns)].copy()
    if name in run.confidence:
        obs[CONFIDENCE] = np.asarray(run.confidence[name], dtype=np.float32)
    if run.label_key is not None:
        obs = obs.assign(**_labels(run, name))
    if run.level == "fail":
        obs[VERDICT] = WORDS[run.level]  # which every result of such a run carries
    return _plain(obs)


def _labels(run: Run, name: str) -> dict[str, np.ndarray]:
    n_cells = len(run.model.latents[name])
    label, origin = np.full(n_cells, UNKNOWN, object), np.full(n_cells, UNKNOWN, object)
    confidence, novelty = np.zeros(n_cells, np.float32), np.zeros(n_cells, np.float32)
    for source, target in run.labels:
        if target != name:
            continue
        table = run.labels[source, target]
        taken = (table["label"].notna() & ((origin == UNKNOWN) | (table["confidence"] > confidence))).to_numpy()
        label[taken], origin[taken] = table["label"].astype(str).to_numpy()[taken], source
        confidence[taken] = table["confidence"].to_numpy()[taken]
        novelty[taken] = table["novelty"].to_numpy()[taken]
    if name in run.truth:
        known = np.array([not means_missing(word) for word in run.truth[name]])
        label[known], origin[known], confidence[known] = run.truth[name][known], name, 1
    return {LABEL: label, LABEL_FROM: origin, LABEL_CONFIDENCE: confidence, NOVELTY: novelty}


def _columns(run: Run, names: Sequence[str]) -> list[str]:
    """Return the columns of obs that are exported: all of a single view, or those that all views have."""
    tables = [run.data[name].obs if name in run.data else run.model.obs[name] for name in names]
    own = (CONFIDENCE, VERDICT, f"{run.label_key}_from_")
    kept = [str(column) for column in tables[0] if all(column in table for table in tables)]
    return [column for column in kept if not column.startswith(own)]


def _plain(obs: pd.DataFrame) -> pd.DataFrame:
    """Return a table that every program can read: text is categorical without missing values, numbers are finite."""
    out: dict[str, object] = {}
    for column in obs:
        values = obs[column]
        if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
            text = values.astype(object).where(values.notna(), UNKNOWN).astype(str)
            out[str(column).replace("/", "_")] = pd.Categorical(text)
        else:
            out[str(column).replace("/", "_")] = values.to_numpy()
    return pd.DataFrame(out, index=obs.index.astype(str))


def _unique(obs: pd.DataFrame, n_views: int) -> list[str]:
    """Return names of cells that tell views apart, as the same barcode may occur in several."""
    if n_views == 1 or obs.index.is_unique:
        return [str(cell) for cell in obs.index]
    return [f"{cell}-{view}" for cell, view in zip(obs.index, obs[VIEW], strict=True)]


def _map(run: Run, name: str) -> np.ndarray:
    out = np.full((len(run.model.latents[name]), 2), np.nan, np.float32)
    if name in run.plane:
        out[run.plane[name]["row"].to_numpy()] = run.plane[name][["x", "y"]].to_numpy()
    return out


def _units_of_space(run: Run, names: Sequence[str]) -> dict[str, Any]:
    if len(names) != 1 or names[0] not in run.data:
        return {}
    return {key: str(value) for key, value in run.data[names[0]].uns.items() if key == "spatial_unit"}


def _provenance(run: Run, names: Sequence[str], features: str) -> dict[str, Any]:
    """Return where the parts of an export come from."""
    others = [name for name in names if name != features]
    return {
        "version": __version__,
        "verdict": WORDS[run.level] if run.level else "not diagnosed",
        "views": list(names),
        "features_of": features,
        "X": f"normalised: {features} as measured" + f", {sample(others, 99)} imputed" * bool(others),
        "units": run.model.recipes[features].units,
        "layers": {
            MEASURED: f"the matrix of {features} that was integrated; empty for the cells of other views",
            IMPUTED: f"mean of the {K} nearest cells of {features}, weighted; empty for its own cells",
        },
        "imputation": {"method": "neighbours", "k": K},
        "labels": run.label_key or "none",
        "coordinates": OBSM_KEY,
    }
