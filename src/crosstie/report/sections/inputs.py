"""Inputs: a line for every view."""

from __future__ import annotations

from pathlib import PurePath

from crosstie.data import Recipe
from crosstie.report.html import Html, el, section, table
from crosstie.runs.run import Run

NORMALISED = {
    "library": "total, then log",
    "binary": "detected or not, total, then log",
    "partial": "log, minus part of the log total",
    "clr": "centred log ratio",
    "arcsinh": "arcsinh",
    "none": "as given",
}


def inputs(run: Run) -> Html:
    """Return a table with a row for every view."""
    model, rows = run.model, []
    files = run.about.get("inputs") or {}
    for name, recipe in model.recipes.items():
        file = files.get(name) or files.get("all") or {}
        batches = model.offsets.names.get(name, ()) if model.offsets and name not in model.like else ()
        path = (
            el("small", PurePath(str(file["path"])).name + f", {file['n_bytes'] / 1e6:,.1f} MB")
            if "path" in file
            else None
        )
        rows.append(
            [
                [el("b", name), path],
                model.modalities[name] + (f" (like {model.like[name]})" if name in model.like else ""),
                f"{len(model.latents[name]):,}",
                f"{len(recipe.features):,}",
                f"{len(recipe.kept):,}",
                str(recipe.n_components),
                f"{recipe.values}, {model.slots[name]}",
                _normalised(recipe),
                f"{len(batches)} of {model.batch_keys[name]}" if len(batches) > 1 and name in model.batch_keys else "–",
            ]
        )
    heads = ["View", "Modality", "Cells", "Features", "Used", "Components", "Values", "Normalised by", "Batches"]
    simulated = files.get("simulated")
    note = (
        el("p", f"Simulated by crosstie: {', '.join(f'{k} {v}' for k, v in simulated.items())}.") if simulated else None
    )
    return section("inputs", "What was integrated", note, table(heads, rows, numbers=(2, 3, 4, 5), caption="Views"))


def _normalised(recipe: Recipe) -> str:
    how = recipe.steps.normalize
    return NORMALISED.get(how, how) if recipe.values == "counts" or how == "arcsinh" else "as given"
