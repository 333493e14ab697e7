"""Columns of tables of segmented images: which hold the intensity of a marker, the position and the name of a cell.

mcmicro, QuPath, CellProfiler and steinbock are told by the names of their columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["micrometre", "pixel"]


@dataclass(frozen=True)
class Layout:
    """Where the columns of a table are.

    Parameters
    ----------
    tool
        The program that wrote the table.
    markers
        Column of each marker.
    x, y
        Columns of the centroid of a cell.
    unit
        Unit of the centroid.
    cell
        Column that names the cell within its image.
    image
        Column that names the image; `None` if the table is of one image.
    measured
        What the intensity of a marker is, such as `"cell: mean"`.
    left_out
        Columns of other statistics of the same images, such as the maximum of a marker in the nucleus.
    """

    tool: str
    markers: dict[str, str] = field(repr=False)
    x: str
    y: str
    unit: Unit
    cell: str | None
    image: str | None
    measured: str
    left_out: tuple[str, ...] = field(default=(), repr=False)


def layout_of(columns: Sequence[str]) -> Layout | None:
    """Return the layout of a table by the names of its columns; `None` if no known program wrote it."""
    for layout in (_qupath, _mcmicro, _cellprofiler, _steinbock):
        found = layout(list(columns))
        if found is not None and found.markers:
            return found
    return None


# The whole cell before its parts, and the mean before the median.
_PARTS = ("cell", "roi", "", "membrane", "cytoplasm", "nucleus")
_STATISTICS = ("mean", "median")
_STATISTIC = "|".join(_STATISTICS)
_PART = r"cell|nucleus|cytoplasm|membrane|roi: [^:]*"
_QUPATH = (
    re.compile(rf"(?P<part>{_PART}): (?P<marker>.+?):? (?P<statistic>{_STATISTIC})", re.I),  # Cell: CD3 mean
    re.compile(rf"(?P<marker>.+): (?P<part>{_PART}): (?P<statistic>{_STATISTIC})", re.I),  # CD3: Cell: Mean
    re.compile(rf"(?P<marker>.+):(?P<part>) (?P<statistic>{_STATISTIC})", re.I),  # CD3: Mean
)
_OTHER = re.compile(r".*\b(?:mean|median|min|max|std\.? ?dev\.?|variance|sum|range|percentile: [\d.]+)", re.I)
_CENTROID = re.compile(r"Centroid (?P<axis>[XY])(?P<unit>\b.*)")


def _qupath(columns: Sequence[str]) -> Layout | None:
    """`Image`, `Object ID`, `Centroid X µm`, and `Cell: CD3 mean` or `CD3: Cell: Mean`."""
    axes = {match["axis"]: match for column in columns if (match := _CENTROID.fullmatch(column))}
    if set(axes) != {"X", "Y"}:
        return None
    best: dict[str, tuple[int, int, str]] = {}
    for column in columns:
        match = next((m for pattern in _QUPATH if (m := pattern.fullmatch(column))), None)
        if match is None:
            continue
        part, statistic = match["part"].lower().split(":")[0], match["statistic"].lower()
        rank = (_PARTS.index(part), _STATISTICS.index(statistic), column)
        best[match["marker"]] = min(best.get(match["marker"], rank), rank)
    used = sorted({(part, statistic) for part, statistic, _ in best.values()})
    measured = " or ".join(f"{_PARTS[part]}: {_STATISTICS[statistic]}".removeprefix(": ") for part, statistic in used)
    unit = axes["X"]["unit"].strip()
    taken = {column for _, _, column in best.values()}
    return Layout(
        tool="QuPath",
        markers={marker: column for marker, (_, _, column) in best.items()},
        x=axes["X"][0],
        y=axes["Y"][0],
        unit="micrometre" if unit.endswith("m") else "pixel",  # µm in any encoding
        cell=_first(columns, "Object ID"),
        image=_first(columns, "Image"),
        measured=measured,
        left_out=tuple(column for column in columns if _OTHER.fullmatch(column) and column not in taken),
    )


_SHAPES = re.compile(
    r"(?:convex_?|filled_?)?area(?:_convex|_filled)?|perimeter(?:_crofton)?|(?:axis_)?(?:major|minor)_?(?:axis_?)?length"
    r"|eccentricity|solidity|extent|orientation|equivalent_?diameter.*|feret_?diameter.*|euler_?number|compactness"
    r"|centroid-\d|[xyz]_?(?:centroid|position|coord.*)|(?:row|column)_centroid",
    re.I,
)
_MASKS = ("cellMask", "cell", "cellRingMask", "cytoMask", "cytoplasmMask", "cyto", "nucleiMask", "nuclei", "nucleus")
_MASK = re.compile(rf"(?P<marker>.+)_(?P<mask>{'|'.join(sorted(_MASKS, key=len, reverse=True))})")


def _mcmicro(columns: Sequence[str]) -> Layout | None:
    """`CellID`, the markers, `X_centroid`, `Y_centroid`, `Area` and other shapes."""
    if not {"X_centroid", "Y_centroid"} <= set(columns):
        return None
    first, last = columns.index("CellID") + 1 if "CellID" in columns else 0, columns.index("X_centroid")
    inside = [column for column in columns[first:last] if not _SHAPES.fullmatch(column)]
    best: dict[str, tuple[int, str]] = {}
    for column in inside:
        match = _MASK.fullmatch(column)
        marker, rank = (match["marker"], (_MASKS.index(match["mask"]), column)) if match else (column, (-1, column))
        best[marker] = min(best.get(marker, rank), rank)
    return Layout(
        tool="mcmicro",
        markers={marker: column for marker, (_, column) in best.items()},
        x="X_centroid",
        y="Y_centroid",
        unit="pixel",
        cell=_first(columns, "CellID"),
        image=_first(columns, "imageid", "image", "Image", "sample"),
        measured="mean",
        left_out=tuple(column for column in inside if column not in {name for _, name in best.values()}),
    )


_INTENSITY = re.compile(r"Intensity_MeanIntensity_(?P<channel>.+)")
_OF_PIXELS = re.compile(
    "Intensity_|Location_(?:CenterMass|Max)Intensity|Texture_|Granularity_|RadialDistribution_|Correlation_"
)
_IN_STACK = re.compile(r"(?P<stack>.*)_c(?P<number>\d+)")


def _cellprofiler(columns: Sequence[str]) -> Layout | None:
    """`ImageNumber`, `ObjectNumber`, `Intensity_MeanIntensity_CD3`, or `…_FullStack_c1` for channel 1 of a stack."""
    x, y = (_first(columns, f"AreaShape_Center_{axis}", f"Location_Center_{axis}") for axis in "XY")
    if not {"ImageNumber", "ObjectNumber"} <= set(columns) or x is None or y is None:
        return None
    channels = {match["channel"]: column for column in columns if (match := _INTENSITY.fullmatch(column))}
    stacks = {match["stack"] for channel in channels if (match := _IN_STACK.fullmatch(channel))}
    measured = {stack for stack in stacks if "prob" not in stack.lower()}  # probabilities of a pixel classifier
    stack = next((s for s in sorted(measured) if "filtered" in s.lower()), min(measured, default=""))
    if stack:
        prefix = f"{stack}_"
        channels = {name.removeprefix(prefix): c for name, c in channels.items() if name.startswith(prefix)}
        channels = {name: c for name, c in channels.items() if re.fullmatch(r"c\d+", name)}
    others = tuple(c for c in columns if _OF_PIXELS.match(c) and c not in channels.values())
    return Layout("CellProfiler", channels, x, y, "pixel", "ObjectNumber", "ImageNumber", "MeanIntensity", others)


def _steinbock(columns: Sequence[str]) -> Layout | None:
    """`Image`, `Object`, the markers, `area`, `centroid-0` (y), `centroid-1` (x) and other shapes."""
    if not {"Object", "centroid-0", "centroid-1"} <= set(columns):
        return None
    names = [c for c in columns if c not in ("Image", "Object") and not _SHAPES.fullmatch(c)]
    image = _first(columns, "Image")
    return Layout("steinbock", {c: c for c in names}, "centroid-1", "centroid-0", "pixel", "Object", image, "mean")


def _first(columns: Iterable[str], *wanted: str) -> str | None:
    there = set(columns)
    return next((name for name in wanted if name in there), None)
