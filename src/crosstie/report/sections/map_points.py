"""The cells of the map, packed: two bytes per coordinate, one or two per label, compressed names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crosstie._labels import in_natural_order, means_missing
from crosstie.pl.map_names import islands, middle
from crosstie.report.colours import of_classes, ramp
from crosstie.report.html import pack
from crosstie.runs.known_truth import UNKNOWN
from crosstie.runs.pictures import transferred_labels
from crosstie.runs.run import Run

ABSENT = "–"  # value of cells whose view lacks the column
MISSING = 255
UNIT = np.array([[0.0, 0.0], [1.0, 1.0]])
GAP = 0.12  # between sections in the tissue, relative to the longest side of one
SQUARE = 1 + GAP


def points(run: Run) -> dict[str, Any]:
    """Return the content of the map as JSON types."""
    rows = {name: part["row"].to_numpy(int) for name, part in run.plane.items()}
    xy = _placed(run.plane)
    view = np.repeat(list(rows), [len(r) for r in rows.values()]).astype(object)
    fields = [_classes("View", view, xy, order=list(rows))]
    fields += _label_fields(run, rows, xy)
    for name, key in run.model.batch_keys.items():
        if name not in run.model.like:
            fields.append(_classes(f"{key} of {name}", _spread(rows, {name: run.model.obs[name][key].astype(str)}), xy))
    fields += _number_fields(run, rows)
    names = [str(cell) for name, r in rows.items() for cell in run.model.cells[name][r]]
    tissue = _tissue(run, rows)
    return ({"tissue": tissue} if tissue else {}) | {
        "xy": pack((xy.T * 65535).round().astype("<u2").tobytes()),
        "names": pack(json.dumps(names, ensure_ascii=False, separators=(",", ":")).encode()),
        "fields": fields,
        "start": 1 if run.truth else 0,
    }


def _label_fields(run: Run, rows: Mapping[str, np.ndarray], xy: np.ndarray) -> list[dict[str, Any]]:
    if not run.truth and not run.labels:
        return []
    key = run.label_key or "label"
    own = _spread(rows, run.truth)
    by_source: dict[str, dict[str, pd.Series]] = {}
    for (source, target), table in run.labels.items():
        by_source.setdefault(source, {})[target] = table["label"].fillna("no label")
    given = {source: _spread(rows, tables) for source, tables in by_source.items()}
    order = _sorted({str(x) for column in (own, *given.values()) for x in column})
    out = []
    best = _spread(rows, transferred_labels(run))
    known = ~np.array([_is_grey(str(name)) for name in own])
    hollow = ~known & ~np.array([_is_grey(str(name)) for name in best])
    if hollow.any():  # else the field of own labels is the same
        both = np.where(hollow, best, own)
        out.append(_classes(f"{key}, own or transferred", both, xy, order=order) | {"hollow": _bits(hollow)})
    out += [_classes(key, own, xy, order=order)] if run.truth else []
    out += [_classes(f"{key} from {source}", column, xy, order=order) for source, column in given.items()]
    if run.truth and given:
        verdict = np.full(len(own), ABSENT, dtype=object)
        for column in given.values():
            judged = (own != ABSENT) & (own != UNKNOWN) & (column != ABSENT)
            verdict[judged & (column != own)] = "incorrect"
            verdict[judged & (column == own) & (verdict == ABSENT)] = "correct"
        out.append(_classes("Transferred label is", verdict, xy, order=["correct", "incorrect", ABSENT]))
    return out


def _number_fields(run: Run, rows: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    out = []
    if run.confidence:
        out.append(_numbers("Confidence of the position", _spread(rows, run.confidence, fill=np.nan)))
    for column, title in (("confidence", "Confidence of the label"), ("novelty", "Novelty")):
        parts: dict[str, pd.Series] = {}
        for (_, target), table in run.labels.items():
            parts.setdefault(target, table[column])  # with several sources, the first
        if parts:
            out.append(_numbers(title, _spread(rows, parts, fill=np.nan)))
    return out


def _tissue(run: Run, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return where the drawn cells lie in the tissue, which have positions, and names of sections above them.

    The sections of all views lie side by side on a grid of equal squares; those of one view have one scale.
    """
    placed = {name: run.model.positions[name] for name in rows if name in run.model.positions}
    if not placed:
        return {}
    first = dict(zip(rows, np.cumsum([0, *map(len, rows.values())]), strict=False))
    n_cells = sum(map(len, rows.values()))
    there, xy = np.zeros(n_cells, bool), np.zeros((n_cells, 2))
    parts = []
    for name, here in placed.items():
        drawn = here.take(rows[name])
        side = max(float(np.ptp(drawn.xy[r, :2], axis=0).max()) for _, r in drawn.by_section()) or 1.0
        for section, r in drawn.by_section():
            inside = drawn.xy[r, :2] - drawn.xy[r, :2].min(0)
            text = section if len(placed) == 1 else name if section == name else f"{name}, {section}"
            parts.append((text, first[name] + r, inside / side))
    n_columns = int(np.ceil(np.sqrt(len(parts))))
    names = []
    for k, (text, r, inside) in enumerate(parts):
        left, top = SQUARE * (k % n_columns), SQUARE * (k // n_columns) + GAP * (len(parts) > 1)  # names stand above
        there[r], xy[r] = True, inside + np.array([left, top])
        names.append((text, left + inside[:, 0].max() / 2, top - GAP / 2))
    most = max(float(xy.max()), 1e-9)
    return {
        "xy": pack((xy.T / most * 65535).round().astype("<u2").tobytes()),
        "there": _bits(there),
        "sections": [[text, round(x / most, 4), round(y / most, 4)] for text, x, y in names] if len(parts) > 1 else [],
    }


def _placed(plane: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """Return coordinates in the unit square, shape `(n_cells, 2)`, one scale for both axes, y downwards."""
    xy = np.concatenate([part[["x", "y"]].to_numpy(float) for part in plane.values()])
    low, high = xy.min(0), xy.max(0)
    unit = (xy - (low + high) / 2) / max(float((high - low).max()), 1e-9) + 0.5
    return np.clip(np.column_stack([unit[:, 0], 1 - unit[:, 1]]), 0, 1)


def _spread(rows: Mapping[str, np.ndarray], columns: Mapping[str, Any], fill: Any = ABSENT) -> np.ndarray:
    """Return one column over the drawn cells of all views; views without it get `fill`."""
    parts = [
        np.asarray(columns[name], dtype=object)[r] if name in columns else np.full(len(r), fill, dtype=object)
        for name, r in rows.items()
    ]
    return np.concatenate(parts)


def _sorted(names: set[str]) -> list[str]:
    return sorted(in_natural_order(names), key=lambda x: x == ABSENT)


def _is_grey(name: str) -> bool:
    return name == ABSENT or means_missing(name)


def _classes(title: str, column: np.ndarray, xy: np.ndarray, *, order: list[str] | None = None) -> dict[str, Any]:
    text = column.astype(str)
    classes = _sorted(set(text)) if order is None else order
    codes = pd.Categorical(text, categories=classes).codes.astype(int)
    grey = [_is_grey(name) and title != "View" for name in classes]
    light, dark = of_classes(grey)
    wide = len(classes) > 255
    middles: list[list[list[float]]] = []  # of each island of each class
    for i, is_grey in enumerate(grey):
        at = xy[codes == i]
        parts = [] if is_grey or not len(at) else islands(at, UNIT)
        middles.append([[round(float(v), 4) for v in middle(at[part])] for part in parts])
    return {
        "title": title,
        "kind": "class",
        "classes": classes,
        "absent": ABSENT,
        "grey": grey,
        "light": light,
        "dark": dark,
        "middles": middles,
        "wide": wide,
        "codes": pack(codes.astype("<u2" if wide else "u1").tobytes()),
    }


def _bits(flags: np.ndarray) -> str:
    return pack(flags.astype("u1").tobytes())


def _numbers(title: str, column: np.ndarray) -> dict[str, Any]:
    values = column.astype(float)
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    part = (np.where(known, values, low) - low) / max(high - low, 1e-9)
    codes = np.where(known, np.round(part * 254), MISSING)
    light, dark = ramp()
    return {
        "title": title,
        "kind": "number",
        "low": low,
        "high": high,
        "grey": [False] * MISSING + [True],
        "light": light,
        "dark": dark,
        "wide": False,
        "codes": pack(codes.astype("u1").tobytes()),
    }
