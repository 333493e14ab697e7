"""Read a run from its folder. The folder may come from someone else: its files are checked before they are opened."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Edge
from crosstie.data.read_files import read_views
from crosstie.model.model import Model
from crosstie.runs import folder as names
from crosstie.runs.joint_map import MAX_PLOTTED, Plane, plane_of, plane_of_table
from crosstie.runs.run import Run

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
        link_data = _link_data(folder, data)
        model = model.with_data(data, link_data)
    verdict = about.get("verdict") or {}
    run = Run(
        model=model,
        data=data,
        link_data=link_data,
        about=about,
        level=verdict.get("level"),
        reasons=tuple(verdict.get("reasons", ())),
        signals=_csv(folder / names.DIAGNOSIS_FILE),
        confidence={
            name: adata.obs[names.CONFIDENCE].to_numpy(float)
            for name, adata in data.items()
            if names.CONFIDENCE in adata.obs
        },
        plane=_plane(folder / names.MAP_FILE, model, max_cells, seed),
        label_key=about.get("label_key"),
        labels={
            edge: table
            for edge in permutations(model.latents, 2)
            if len(table := _labels(folder / names.label_file(*edge)))
        },
        matches=_matches(folder / names.MATCHES_FILE),
        scores=_csv(folder / names.SCORES_FILE, text=("source", "target")),
    )
    return run if diagnosis is None else run.with_verdict(diagnosis)


def read_model(folder: Path) -> Model:
    """Return the model of a run, without data; raises `ValueError` if the folder is not that of a run."""
    names.check_run(folder)
    return Model.load(folder / names.MODEL_FOLDER)


def check_views(folder: Path) -> None:
    """Raise `ValueError` if the folder of a run lacks its views."""
    if not (folder / names.VIEWS_FILE).exists():
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
    data = read_views({"": folder / names.VIEWS_FILE}, most=model.config.n_core)
    if not _has_matrices(data, model):
        files = names.about_of(folder)["inputs"]
        paths = {"" if name == "all" else name: Path(file["path"]) for name, file in files.items()}
        data = read_views(paths, most=model.config.n_core)
    return model.with_data(data, _link_data(folder, data))


def _views(folder: Path, model: Model) -> dict[str, AnnData]:
    """Return the views in the folder, or nothing if they are not all there."""
    file = folder / names.VIEWS_FILE
    if not file.is_file():
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about names that views share: nothing is joined here
        data = read_views({"": file}, most=model.config.n_core)
    return data if set(data) >= set(model.latents) else {}


def _has_matrices(data: Mapping[str, AnnData], model: Model) -> bool:
    """Whether the file of the run has its matrices: those of large views stay where they were."""
    return all(_has_matrix(data[name], model.slots[name]) for name in model.latents if name in data)


def _has_matrix(adata: AnnData, slot: str) -> bool:
    return adata.X is not None if slot == "X" else slot.partition("/")[2] in (*adata.layers, *adata.obsm)


def _link_data(folder: Path, data: Mapping[str, AnnData]) -> dict[str, AnnData]:
    """Return the matrices that links read instead of the views' own."""
    files = {name: folder / names.link_file(i) for i, name in enumerate(data)}
    return read_views({name: file for name, file in files.items() if file.exists()})


def _plane(file: Path, model: Model, max_cells: int | None, seed: int) -> Plane:
    """Return the map of the run, or compute one."""
    if max_cells is None and file.is_file():
        saved = plane_of_table(_csv(file, text=("view", "cell")), model)
        if saved is not None:
            return saved
        log.warning("report: the cells in %s are not those of this run; computing the map anew.", file)
    return plane_of(model.latents, MAX_PLOTTED if max_cells is None else max_cells, seed)


def _labels(file: Path) -> pd.DataFrame:
    table = _csv(file, text=("cell", "label"))
    return table.set_index("cell") if "cell" in table else table


def _matches(file: Path) -> dict[Edge, pd.DataFrame]:
    table = _csv(file, text=("source_view", "target_view", "source", "target"))
    if not len(table):
        return {}
    return {(str(s), str(t)): part for (s, t), part in table.groupby(["source_view", "target_view"], sort=False)}


def _csv(file: Path, text: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table of the run, with names as they are ("NA" is a name); an empty one if there is no such file."""
    if not file.is_file():
        return pd.DataFrame()
    heads = pd.read_csv(file, nrows=0).columns
    kinds = {name: str for name in text if name in heads}
    return pd.read_csv(
        file, dtype=kinds, keep_default_na=False, na_values={c: ["", "nan"] for c in heads if c not in kinds}
    )
