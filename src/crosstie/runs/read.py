"""Read a run from its folder. The folder may come from someone else: its files are checked before they are opened."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._errors import InputError, sample, value_error
from crosstie._log import log
from crosstie._typing import Edge
from crosstie._untrusted_folder import TABLE, check_width, entry, subfolder
from crosstie.data.read_files import read_views
from crosstie.data.view_names import check_view_names
from crosstie.model.model import Model
from crosstie.runs import folder as names
from crosstie.runs.joint_map import MAX_PLOTTED, Plane, plane_of, plane_of_table
from crosstie.runs.run import Run
from crosstie.trust.findings import Finding

MOST_COLUMNS = 1000  # of a table of a run
# Bytes of a file of views: a cell takes less than 500,000 numbers would, whatever was measured.
VIEWS_BYTES, VIEWS_BYTES_PER_CELL = 2**31, 2**22
TEXT, NUMBER, FLAG = "text", "numbers", "true or false"
_SIGNALS = {"edge": TEXT, "signal": TEXT, "value": NUMBER, "expected": TEXT, "ok": FLAG}
_SUSPICIOUS = dict.fromkeys(("edge", "source", "target", "moves_with"), TEXT) | dict.fromkeys(
    ("own", "other", "contrast"), NUMBER
)

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.trust.diagnosis import Diagnosis


def read(folder: Path, *, diagnosis: Diagnosis | None = None, max_cells: int | None = None, seed: int = 0) -> Run:
    """Read the folder of a run, as `crosstie integrate` wrote it.

    The model has its data if all matrices are in the folder; large ones stay where they were, and are not read.

    Parameters
    ----------
    folder
        The folder.
    diagnosis
        A verdict that replaces the one in the folder.
    max_cells
        Number of cells on a map that is computed anew; `None` takes the map in the folder.
    seed
        Random seed of a map that is computed anew.

    Raises
    ------
    ValueError
        If the folder is not that of a run, a file in it cannot be read, or its data are not those of its model.
    """
    about = names.about_of(folder)
    model = read_model(folder)
    data = _views(folder, model)
    link_data: dict[str, AnnData] = {}
    if data and _has_matrices(data, model):
        link_data = _link_data(folder, data, model)
        model = model.with_data(data, link_data)
    else:
        _check_cells(folder, data, model)
    verdict = about.get("verdict") or {}
    if verdict.get("level") == "fail":
        model.judge("; ".join(verdict.get("reasons", ())) or "see diagnosis.csv")
    run = Run(
        model=model,
        data=data,
        link_data=link_data,
        about=about,
        level=verdict.get("level"),
        reasons=tuple(verdict.get("reasons", ())),
        findings=tuple(Finding(**found) for found in verdict.get("findings", ())),
        signals=_csv(folder, names.DIAGNOSIS_FILE, _SIGNALS),
        suspicious=_csv(folder, names.SUSPICIOUS_FILE, _SUSPICIOUS),
        confidence={
            name: _confidence(folder, name, adata) for name, adata in data.items() if names.CONFIDENCE in adata.obs
        },
        plane=_plane(folder, model, max_cells, seed),
        label_key=about.get("label_key"),
        labels={edge: table for edge in permutations(model.latents, 2) if len(table := _labels(folder, edge, model))},
        matches=_matches(folder, model),
        scores=_scores(folder),
    )
    return run if diagnosis is None else run.with_verdict(diagnosis)


def read_model(folder: Path) -> Model:
    """Return the model of a run, without data; raises `ValueError` if the folder is not that of a run."""
    names.check_run(folder)
    model = Model.load(subfolder(folder, names.MODEL_FOLDER))
    if odd := [name for name in model.latents if not name.isprintable()]:
        raise value_error(f"{folder}: names of views hold control characters.", found=sample(odd, 4))
    return model


def check_views(folder: Path) -> None:
    """Raise `ValueError` if the folder of a run lacks its views."""
    if not entry(folder, names.VIEWS_FILE).exists():
        do = (
            f"Copy {names.VIEWS_FILE} there, or integrate again. Without it, only crosstie impute --method regression "
            "works."
        )
        raise value_error(f"{folder} lacks {names.VIEWS_FILE}, the data of the run.", do=do)


def with_data(model: Model, folder: Path) -> Model:
    """Return the model of a run with its data, from the folder or from where the run left its matrices.

    Raises
    ------
    ValueError
        If the data are missing, cannot be read, or are not those of the model.
    """
    check_views(folder)
    data = read_views({"": _views_file(folder, names.VIEWS_FILE, model)}, most=model.config.n_core)
    if not _has_matrices(data, model):
        paths = _inputs(folder)
        found = read_views(paths, cells=_cells(folder, paths), most=model.config.n_core)
        data = {name: found[name] for name in model.latents if name in found}
    return model.with_data(data, _link_data(folder, data, model))


def _inputs(folder: Path) -> dict[str, Path]:
    """Return where the run left its matrices, by name of the view, as its `run.json` says."""
    files = names.about_of(folder).get("inputs") or {}
    paths = {"" if name == "all" else name: Path(file["path"]) for name, file in files.items() if "path" in file}
    if not paths:
        raise value_error(f"{folder / names.RUN_FILE} does not say where the matrices are.", do="Integrate again.")
    check_view_names(name for name in paths if name)
    return paths


def _cells(folder: Path, paths: Mapping[str, Path]) -> dict[str, str]:
    """Return whether cells are rows or columns of tables of text, by view, as far as the run was told."""
    found: Any = names.about_of(folder)
    for key in ("settings", "options", "cells"):
        found = found.get(key) if isinstance(found, dict) else None
    told = [str(word).partition("=") for word in found] if isinstance(found, list) else []
    for_all = next((name for name, sign, _ in told if not sign), None)
    every = {} if for_all is None else dict.fromkeys(paths, for_all)
    return every | {name: word for name, sign, word in told if sign}


def _views(folder: Path, model: Model) -> dict[str, AnnData]:
    """Return the views in the folder, or nothing if they are not all there."""
    file = _views_file(folder, names.VIEWS_FILE, model)
    if not file.is_file():
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about names that views share: nothing is joined here
        data = read_views({"": file}, most=model.config.n_core)
    return data if set(data) >= set(model.latents) else {}


def _views_file(folder: Path, name: str, model: Model) -> Path:
    """Return the path of a file of views, which need not be there and is no larger than the cells of the model say."""
    n_cells = sum(map(len, model.latents.values()))
    return entry(folder, name, most=VIEWS_BYTES + VIEWS_BYTES_PER_CELL * n_cells)


def _check_cells(folder: Path, data: Mapping[str, AnnData], model: Model) -> None:
    """Raise unless views without their matrices have the cells of the model, in its order."""
    for name in model.latents if data else ():
        if list(data[name].obs_names.astype(str)) != list(model.obs[name].index.astype(str)):
            raise value_error(
                f"{folder / names.VIEWS_FILE}: view {name!r} has other cells than the fitted one, or in another order.",
                found=f"{data[name].n_obs:,} cells",
                expected=f"the {len(model.latents[name]):,} cells of the model",
                do="Integrate again.",
            )


def _confidence(folder: Path, name: str, adata: AnnData) -> np.ndarray:
    found = adata.obs[names.CONFIDENCE]
    if not _is_of(found, NUMBER):
        what = f"{folder / names.VIEWS_FILE}: column {names.CONFIDENCE!r} of view {name!r} does not hold numbers."
        raise value_error(what, found=str(found.dtype), do="Integrate again.")
    return found.to_numpy(float)


def _has_matrices(data: Mapping[str, AnnData], model: Model) -> bool:
    """Whether the file of the run has its matrices: those of large views stay where they were."""
    return all(_has_matrix(data[name], model.slots[name]) for name in model.latents if name in data)


def _has_matrix(adata: AnnData, slot: str) -> bool:
    if slot in ("X", "raw"):
        return (adata.X if slot == "X" else adata.raw) is not None
    return slot.partition("/")[2] in (*adata.layers, *adata.obsm)


def _link_data(folder: Path, data: Mapping[str, AnnData], model: Model) -> dict[str, AnnData]:
    """Return the matrices that links read instead of the views' own."""
    files = {name: _views_file(folder, names.link_file(i), model) for i, name in enumerate(data)}
    return read_views({name: file for name, file in files.items() if file.exists()})


def _plane(folder: Path, model: Model, max_cells: int | None, seed: int) -> Plane:
    """Return the map of the run, or compute one."""
    if max_cells is None:
        kinds = {"view": TEXT, "row": NUMBER, "cell": TEXT, "umap_1": NUMBER, "umap_2": NUMBER}
        table = _csv(folder, names.MAP_FILE, kinds)
        saved = plane_of_table(table, model) if len(table.columns) else None
        if saved is not None:
            return saved
        if len(table.columns):
            file = folder / names.MAP_FILE
            log.warning("report: the cells in %s are not those of this run; computing the map anew.", file)
    return plane_of(model.latents, MAX_PLOTTED if max_cells is None else max_cells, seed)


def _labels(folder: Path, edge: Edge, model: Model) -> pd.DataFrame:
    file = names.label_file(*edge)
    table = _csv(folder, file, {"cell": TEXT, "label": TEXT, "confidence": NUMBER, "novelty": NUMBER})
    if not len(table.columns):
        return table
    cells = model.obs[edge[1]].index.astype(str)
    if list(table["cell"].astype(str)) != list(cells):
        raise value_error(
            f"{folder / file}: the cells are not those of view {edge[1]!r}.",
            found=f"{len(table):,} cells",
            expected=f"the {len(cells):,} cells of the model, in its order",
            do="Integrate again.",
        )
    return table.set_index("cell")


def _matches(folder: Path, model: Model) -> dict[Edge, pd.DataFrame]:
    kinds = {"source_view": TEXT, "target_view": TEXT, "source": TEXT, "target": TEXT, "weight": NUMBER}
    table = _csv(folder, names.MATCHES_FILE, kinds)
    if not len(table):
        return {}
    for view_column, column in (("source_view", "source"), ("target_view", "target")):
        for name, cells in table.groupby(view_column)[column]:
            view = str(name)
            known = model.obs[view].index.astype(str) if view in model.obs else pd.Index([])
            unknown = cells[~cells.isin(known)]
            if len(unknown):
                raise value_error(
                    f"{folder / names.MATCHES_FILE}: unknown cells of view {view!r}.",
                    found=sample(unknown, 4),
                    do="Integrate again.",
                )
    return {(str(s), str(t)): part for (s, t), part in table.groupby(["source_view", "target_view"], sort=False)}


def _scores(folder: Path) -> pd.DataFrame:
    """Return the scores; the first column is a score's id, or its name in the table of the demo."""
    kinds = {"source": TEXT, "target": TEXT, "value": NUMBER}
    table = _csv(folder, names.SCORES_FILE, kinds, numbers=("linked_only", "chance"))
    if len(table) and not {"metric", "score"} & set(table.columns[:1]):
        found = repr(str(table.columns[0]))
        raise value_error(f"{folder / names.SCORES_FILE} is damaged.", found=found, expected="first column 'metric'")
    return table


def _csv(folder: Path, name: str, kinds: Mapping[str, str], *, numbers: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table of the run, with names as they are ("NA" is a name); an empty one if there is no such file.

    Parameters
    ----------
    folder, name
        Folder of the run, and name of the file.
    kinds
        Kind of each column that must be there.
    numbers
        Columns that may be there, and hold numbers if they are.

    Raises
    ------
    ValueError
        If the file cannot be read as a table, or a column is missing or of another kind.
    """
    file = entry(folder, name, most=TABLE)
    if not file.is_file():
        return pd.DataFrame()
    try:
        check_width(file, MOST_COLUMNS)
        heads = pd.read_csv(file, nrows=0).columns
        text = {column: str for column in heads if kinds.get(column) == TEXT}
        missing = {c: ["", "nan"] for c in heads if c not in text}
        table = pd.read_csv(file, dtype=text, keep_default_na=False, na_values=missing, index_col=False)
    except (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, OSError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        said = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise value_error(f"{file} is damaged.", found=said, expected="a table (csv)", do="Integrate again.") from error
    lacking = [column for column in kinds if column not in table]
    if lacking:
        raise value_error(f"{file} is damaged.", found=f"no column {sample(lacking)}", do="Integrate again.")
    wanted = dict(kinds) | dict.fromkeys(numbers, NUMBER)
    wrong = [column for column, kind in wanted.items() if column in table and not _is_of(table[column], kind)]
    if wrong and not table.empty:
        expected = ", ".join(f"{column}: {wanted[column]}" for column in wrong)
        raise value_error(f"{file} is damaged.", found=f"values of another kind in {sample(wrong)}", expected=expected)
    return table


def _is_of(column: pd.Series, kind: str) -> bool:
    """Whether a column is of a kind; one without any value may be of numbers."""
    if kind == TEXT:
        return True
    if kind == FLAG:
        return all(isinstance(value, (bool, np.bool_)) for value in column.dropna())
    return bool(pd.api.types.is_numeric_dtype(column) and column.dtype != bool)
