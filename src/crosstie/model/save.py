"""A fitted model as a folder: arrays in safetensors, everything else in readable JSON and CSV.

This file defines and writes the format; `load` reads it. Views and edges are numbered in the folder, so that no name
from the user becomes part of a path or of the name of an array.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, value_error
from crosstie._files import claimed, new_folder
from crosstie._log import log
from crosstie._version import __version__
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.space import Positions

NumberKind = Literal[
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "float128",
]  # of columns of obs; of text, one value could be as wide as the memory
FORMAT = 3
SETTINGS, WEIGHTS, HISTORY = "model.json", "weights.safetensors", "history.csv"
_OURS = re.compile(rf"{re.escape(SETTINGS)}|{re.escape(WEIGHTS)}|{re.escape(HISTORY)}|obs_\d+\.csv")
_RECIPE = ("kept", "mean", "std", "loadings", "variance")
_CLOSED_FORM = ("mean", "maps", "reference")
_BLOCKS = ("columns", "block", "target_sum", "mean", "std")
_ANCHORS = ("source", "target", "weight")


def most_weights(n_rows: int) -> int:
    """Return the most bytes that the arrays of a model of so many cells and features may take, with a wide margin.

    A cell or feature has some hundred coordinates and weights, never 8,000; the rest, 1 GiB, is for networks.
    """
    return 2**30 + 2**16 * n_rows


def save(inputs: Inputs, fitted: Fitted, path: str | Path, *, condemned: str = "") -> None:
    """Save a fitted model into a folder, which appears complete or not at all.

    Parameters
    ----------
    inputs, fitted
        The two halves of a fitted model.
    path
        The folder. An older saved model of this name is replaced.
    condemned
        Why the model should not be used, by its last diagnosis; empty if nothing is known against it.

    Raises
    ------
    ValueError
        If the path exists and is not a saved model: a file, or a folder with other contents.
    """
    from safetensors.numpy import save as as_bytes

    path = Path(path).resolve()
    _check_free(path)
    arrays = _arrays(fitted) | _places(inputs, list(fitted.map.recipes))
    with claimed(path, wait=True), new_folder(path) as folder:
        weights = as_bytes({name: np.ascontiguousarray(x) for name, x in arrays.items()})
        (folder / WEIGHTS).write_bytes(weights)
        settings = _settings(inputs, fitted) | {
            **({"condemned": condemned} if condemned else {}),
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            # The last bits of a matrix product depend on the layout of its factors.
            "column_major": [name for name, x in arrays.items() if x.ndim > 1 and not x.flags.c_contiguous],
        }
        (folder / SETTINGS).write_text(json.dumps(settings, indent=1, allow_nan=False), encoding="utf-8")
        for i, name in enumerate(fitted.map.recipes):
            _as_text(inputs.obs[name]).to_csv(folder / f"obs_{i}.csv", encoding="utf-8")
        if len(fitted.history.columns):
            fitted.history.to_csv(folder / HISTORY, index=False)


def _arrays(fitted: Fitted) -> dict[str, np.ndarray]:
    """Return every array of a model by its name in the file."""
    found, trained = fitted.map, fitted.map.trained
    out: dict[str, np.ndarray] = {}
    for i, (name, recipe) in enumerate(found.recipes.items()):
        out |= {f"recipes/{i}/{part}": getattr(recipe, part) for part in _RECIPE}
        if recipe.weight is not None:
            out[f"recipes/{i}/weight"] = recipe.weight
        if recipe.background is not None:
            out[f"recipes/{i}/background"] = recipe.background
        out[f"latents/{i}"] = fitted.latents[name]
        out[f"decoders/{i}/matrix"], out[f"decoders/{i}/offset"] = found.decoders[name]
        if name in fitted.core_rows:
            out[f"core/{i}"] = fitted.core_rows[name]
        if trained is not None and name in trained.input_scale:
            out[f"input_scale/{i}"] = trained.input_scale[name]
        if trained is not None and name in trained.blocks:
            out |= {f"blocks/{i}/{part}": getattr(trained.blocks[name], part) for part in _BLOCKS}
        if found.closed_form is not None:
            out |= {f"closed_form/{i}/{part}": getattr(found.closed_form, part)[name] for part in _CLOSED_FORM}
    if found.closed_form is not None:
        out["closed_form/strength"] = found.closed_form.strength
    out |= {f"disagreement/{i}": told for i, told in enumerate(fitted.disagreement.values())}
    for i, anchors in enumerate(fitted.anchors.values()):
        out |= {f"anchors/{i}/{part}": getattr(anchors, part) for part in _ANCHORS}
    if found.offsets is not None:
        out["offsets/centroids"] = found.offsets.centroids
        out |= {f"offsets/{list(found.recipes).index(name)}": shift for name, shift in found.offsets.shifts.items()}
    if trained is not None:
        out |= {f"networks/{key}": weight.numpy() for key, weight in trained.networks.state_dict().items()}
    return out


def _places(inputs: Inputs, names: list[str]) -> dict[str, np.ndarray]:
    """Return positions and sections of the cells of tissue by their names in the file."""
    out: dict[str, np.ndarray] = {}
    for i, name in enumerate(names):
        if (here := inputs.positions.get(name)) is not None:
            out |= {f"positions/{i}/xy": here.xy, f"positions/{i}/section": here.section}
            if here.graph is not None:
                edges = sp.triu(here.graph).tocoo()  # symmetric: each pair once
                ends = {"source": edges.row, "target": edges.col}
                out |= {f"positions/{i}/{end}": rows.astype(np.int64) for end, rows in ends.items()}
    return out


def _of_tissue(here: Positions | None) -> dict[str, Any]:
    """Return what is said of the positions of a view; nothing without any, as in models before there were positions."""
    if here is None:
        return {}
    about: dict[str, Any] = {"sections": list(here.sections), "unit": here.unit}
    return {"positions": about | ({"graph": True} if here.graph is not None else {})}


def _settings(inputs: Inputs, fitted: Fitted) -> dict[str, Any]:
    """Return everything except arrays, as JSON values."""
    found = fitted.map
    names = list(found.recipes)
    return {
        "format": FORMAT,
        "crosstie": __version__,
        "config": asdict(found.config),
        "views": [
            {
                "name": name,
                "modality": inputs.modalities[name],
                "slot": inputs.slots[name],
                "batch_key": inputs.batch_keys.get(name),
                "batches": found.offsets.names.get(name) if found.offsets else None,
                "core": name in fitted.core_rows,
                **_of_tissue(inputs.positions.get(name)),
                "obs": _described(name, inputs.obs[name]),
                "recipe": {
                    "steps": asdict(recipe.steps),
                    "values": recipe.values,
                    "target_sum": recipe.target_sum,
                    "slope": recipe.slope,
                    "weighed": recipe.weight is not None,
                    "background": recipe.background is not None,
                    "ignored": list(recipe.features[recipe.ignored]),
                    "features": list(recipe.features),
                },
            }
            for name, recipe in found.recipes.items()
        ],
        "links": [
            {
                "source": link.source,
                "target": link.target,
                "pairs": _table(link.pairs),
                "report": _table(link.report),
                "origin": link.origin,
            }
            for link in inputs.linkage.links
        ],
        "paired": [
            {"source": link.source, "target": link.target, "cells": _table(link.cells)}
            for link in inputs.linkage.paired
        ],
        "edges": [[names.index(source), names.index(target)] for source, target in fitted.anchors],
        "disagreement": [[names.index(source), names.index(target)] for source, target in fitted.disagreement],
        "like": dict(found.like),
        "closed_form": found.closed_form is not None,
        "trained": found.trained is not None,
        "history": bool(len(fitted.history.columns)),
    }


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    plain = frame.astype(object).where(frame.notna(), None)
    return {"columns": [str(c) for c in frame.columns], "rows": plain.to_numpy().tolist()}


def _described(view: str, obs: pd.DataFrame) -> dict[str, Any]:
    """Return the type of each column, which a CSV file does not store."""
    columns, as_text = [], []
    for name, values in obs.items():
        kind: dict[str, Any] = {"name": str(name), "kind": "text"}
        if isinstance(values.dtype, pd.CategoricalDtype):
            categories = values.cat.categories.tolist()
            if all(isinstance(c, str | int | float) for c in categories):
                kind |= {"kind": "category", "categories": categories, "ordered": bool(values.cat.ordered)}
        elif isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
            kind["kind"] = values.dtype.name
        elif values.isna().any():
            kind["kind"] = "text or missing"
        if kind["kind"].startswith("text") and not all(isinstance(v, str) for v in values.dropna()):
            as_text.append(str(name))
        columns.append(kind)
    if as_text:
        log.warning("save: view %r: %d columns of obs are saved as text: %s.", view, len(as_text), sample(as_text, 4))
    return {"index": None if obs.index.name is None else str(obs.index.name), "columns": columns}


def _as_text(obs: pd.DataFrame) -> pd.DataFrame:
    columns = [["" if missing else str(v) for v, missing in zip(obs.iloc[:, j], obs.iloc[:, j].isna(), strict=True)]
               for j in range(obs.shape[1])]  # fmt: skip
    text = pd.DataFrame(dict(enumerate(columns)), index=obs.index)
    text.columns = [str(c) for c in obs.columns]
    return text


def others_in(folder: Path) -> list[str]:
    """Return what in a folder is not a file of a saved model, by name."""
    return sorted(
        p.name for p in folder.iterdir() if not _OURS.fullmatch(p.name) or (p.is_dir() and not p.is_symlink())
    )


def _check_free(path: Path) -> None:
    """Raise if something other than a saved model exists at `path`."""
    if not path.exists():
        return
    what = f"save: {str(path)!r} exists and is not a saved model alone."
    do = "Choose another name, or move it away."
    if not path.is_dir():
        raise value_error(what, found="a file", do=do)
    names, others = sorted(entry.name for entry in path.iterdir()), others_in(path)
    if others:
        raise value_error(what, found=f"a folder with {sample(others, 4)}", do=do)
    if names and SETTINGS not in names:
        raise value_error(what, found=f"a folder with {sample(names, 4)} and no {SETTINGS}", do=do)
