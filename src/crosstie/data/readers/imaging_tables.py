"""Reads tables of segmented images, by mcmicro, QuPath, CellProfiler or steinbock: cells × markers, with positions."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._errors import InputError, sample, value_error
from crosstie._log import log
from crosstie._untrusted_folder import TABLE, entry, subfolder
from crosstie.data.readers.imaging_columns import Layout, layout_of
from crosstie.data.readers.request import Request
from crosstie.data.readers.stains import is_isotope, stain_of
from crosstie.data.untrusted_files import open_text

if TYPE_CHECKING:
    from anndata import AnnData

SPATIAL = "spatial"  # of obsm: x and y of each cell
UNIT = "spatial_unit"  # of uns: "micrometre" or "pixel"
SECTION = "section"  # column of obs: the image of each cell, where there are several
FEATURE_TYPE = "Protein Intensity"
ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_LONGEST_HEADER = 2**20
_OBJECTS = ("cell", "detection", "nucleus", "pathcellobject", "pathdetectionobject")
_NOT_CELLS = ("annotation", "tma core", "tile", "root", "pathannotationobject", "pathrootobject", "tmacoreobject")
_LARGEST_16_BIT = 2**16 - 1  # CellProfiler divides 16-bit intensities by this


def is_imaging_table(path: Path) -> bool:
    """Return whether a file is a table of a segmented image, or a folder holds such tables."""
    if path.is_dir():
        return _is_steinbock(path) or bool(_tables_in(path))
    return path.is_file() and path.name.lower().endswith(ENDINGS) and layout_of(_header(path)) is not None


def read_imaging_table(path: Path, request: Request) -> AnnData:
    """Read a table of a segmented image, or all such tables of a folder as sections.

    Parameters
    ----------
    path
        A table of mcmicro (`CellID`, …, `X_centroid`), QuPath (`Centroid X µm`, `Cell: CD3 mean`), CellProfiler
        (`ImageNumber`, `ObjectNumber`, `Intensity_MeanIntensity_…`) or steinbock (`objects.csv`); or a folder of such
        tables; or the folder of steinbock with `intensities/` and `regionprops/`.
    request
        What is asked for.

    Returns
    -------
    Cells × markers, dense float32: the mean intensity of each marker in the cell, as measured. `obsm["spatial"]` has
    the centroids, shape `(n_cells, 2)`, x and y in the unit of `uns["spatial_unit"]` (`"micrometre"` or `"pixel"`);
    y points down. `obs["section"]` names the image where there are several. Shapes, labels and channels that are no
    proteins (DNA, background) are columns of `obs`.

    Raises
    ------
    ValueError
        If a table is damaged, has no marker, or its positions are not numbers.
    """
    del request
    parts = list(_parts(path, said=set()))
    if len({part.uns[UNIT] for part in parts}) > 1:
        found = ", ".join(sorted({part.uns[UNIT] for part in parts}))
        raise value_error(f"{path}: its tables have positions in different units.", found=found, expected="one unit")
    adata = parts[0] if len(parts) == 1 else _joined(path, parts)
    adata.obs[SECTION] = adata.obs[SECTION].astype("category")
    n_sections = len(adata.obs[SECTION].cat.categories)
    if n_sections == 1:
        del adata.obs[SECTION]
    log.info("%s: %d cells of %d images, positions in %ss.", path, adata.n_obs, n_sections, adata.uns[UNIT])
    return adata


def _parts(path: Path, said: set[str]) -> Iterator[AnnData]:
    if path.is_file():
        yield _anndata(path, *_table(path), said)
    elif _is_steinbock(path):
        names = _tables_of(subfolder(path, "intensities"))
        if not names:
            raise value_error(f"{path / 'intensities'} holds no tables (csv).")
        for name in names:
            yield _anndata(path / name, *_steinbock_table(path, name), said)
    else:
        for name in _tables_in(path):
            yield _anndata(path / name, *_table(entry(path, name, most=TABLE)), said)


def _is_steinbock(folder: Path) -> bool:
    return (folder / "intensities").is_dir() and (folder / "regionprops").is_dir()


def _tables_of(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.lower().endswith(ENDINGS) and not p.name.startswith("."))


def _tables_in(folder: Path) -> list[str]:
    """Return the names of the tables of segmented images in a folder; other tables may be beside them."""
    return [name for name in _tables_of(folder) if (folder / name).is_file() and layout_of(_header(folder / name))]


def _first_line(path: Path) -> str:
    with open_text(path) as file:
        return file.readline(_LONGEST_HEADER).decode("utf-8", errors="replace")


def _header(path: Path) -> list[str]:
    """Return the column names of a table, or an empty list if the file cannot be read as one."""
    try:
        line = _first_line(path)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile):
        return []
    separator = _separator(line)
    return [word.strip().strip('"') for word in line.lstrip("\ufeff").rstrip("\r\n").split(separator)]


def _separator(line: str) -> str:
    return max("\t;,", key=line.count)


def _read_csv(path: Path) -> pd.DataFrame:
    separator = _separator(_first_line(path))
    decimal = "," if separator == ";" else "."
    with open_text(path) as file:
        table = pd.read_csv(
            file, sep=separator, decimal=decimal, encoding="utf-8-sig", encoding_errors="replace", low_memory=False
        )
    table.columns = [str(column).strip() for column in table.columns]
    return table


def _table(path: Path) -> tuple[pd.DataFrame, Layout]:
    """Return a table of cells and its layout; what QuPath lists besides cells is left out, and said."""
    table = _read_csv(path)
    layout = layout_of(list(table.columns))
    if layout is None:
        raise value_error(f"{path} is not a table of a segmented image.", found=f"columns {sample(table.columns, 6)}")
    if layout.tool == "CellProfiler":
        return _cellprofiler_table(path, table, layout)
    kind = next((column for column in ("Object type", "Name") if column in table), None)
    if layout.tool == "QuPath" and kind is not None:
        words = table[kind].astype(str).str.strip().str.lower()
        others = words.isin(_NOT_CELLS)
        if others.any():
            log.warning(
                "%s: %d rows are not cells (%s), and left out.", path, others.sum(), sample(words[others].unique())
            )
            table = table[~others].reset_index(drop=True)
    return table, layout


def _steinbock_table(folder: Path, name: str) -> tuple[pd.DataFrame, Layout]:
    """Return the intensities of an image, with the shapes and positions of its cells."""
    intensities = _read_csv(entry(subfolder(folder, "intensities"), name, most=TABLE))
    shapes = entry(subfolder(folder, "regionprops"), name, most=TABLE)
    if not shapes.is_file():
        raise value_error(f"{shapes} is missing.", expected="the shapes of the cells in intensities/" + name)
    table = intensities.merge(_read_csv(shapes), on="Object", how="left", validate="1:1", suffixes=("", "_shape"))
    markers = {column: column for column in intensities.columns if column != "Object"}
    layout = layout_of(list(table.columns))
    if layout is None:
        raise value_error(
            f"{shapes} has no positions.", found=sample(table.columns, 6), expected="centroid-0, centroid-1"
        )
    return table, replace(layout, markers=markers)


def _cellprofiler_table(path: Path, table: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, Layout]:
    """Return a table of CellProfiler on the scale of the image, with the names of images and of channels of a stack.

    `Image.csv`, `var_cell.csv` and `panel.csv` beside the table have them.
    """
    columns = list(layout.markers.values())
    images = _beside(path, "Image.csv")
    scale: Any = _LARGEST_16_BIT
    if images is not None and "ImageNumber" in images:
        images = images.set_index("ImageNumber")
        number = table["ImageNumber"]
        names = [str(column) for column in images if "mask" not in str(column).lower()]
        if scalings := [name for name in names if name.startswith("Scaling_")]:
            stack = next((c for c in scalings if columns[0].find(f"_{c.removeprefix('Scaling_')}_") >= 0), scalings[0])
            scale = number.map(images[stack]).fillna(_LARGEST_16_BIT).to_numpy()[:, None]
        if files := [name for name in names if name.startswith("FileName_")]:
            table["ImageNumber"] = number.map(images[files[0]].map(lambda name: Path(str(name)).stem)).fillna(number)
    if float(np.nanmax(table[columns].to_numpy(float), initial=0)) <= 1:
        table[columns] = table[columns] * scale
        log.info("%s: intensities are multiplied by the range of the image, which CellProfiler divided them by.", path)
    return table, replace(layout, markers=_named_channels(path, layout.markers))


def _named_channels(path: Path, markers: dict[str, str]) -> dict[str, str]:
    """Return the channels `c1`, `c2`, … of a stack under the names of their markers, where files beside tell these."""
    channels, panel = _beside(path, "var_cell.csv"), _beside(path, "panel.csv")
    if channels is None or not {"channel", "channel_id"} <= set(channels):
        if any(name == "c1" for name in markers):
            log.warning("%s: channels have no names: var_cell.csv and panel.csv are not beside it.", path)
        return markers
    isotopes = channels[channels["channel_id"].astype(str).map(is_isotope)]
    named = dict(
        zip("c" + isotopes["channel"].astype(int).astype(str), isotopes["channel_id"].astype(str), strict=True)
    )
    if panel is not None and {"Metal Tag", "Target"} <= set(panel):
        targets = panel.dropna(subset=["Metal Tag", "Target"]).astype(str).set_index("Metal Tag")["Target"].to_dict()
        named = {channel: targets.get(isotope, isotope) for channel, isotope in named.items()}
    return {named.get(channel, channel): column for channel, column in markers.items()}


def _beside(path: Path, name: str) -> pd.DataFrame | None:
    file = entry(path.parent, name, most=TABLE)
    if not file.is_file():
        return None
    try:
        return _read_csv(file)
    except (ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise value_error(f"{file} cannot be read.", found=str(error).splitlines()[0][:300]) from error


def _anndata(path: Path, table: pd.DataFrame, layout: Layout, said: set[str]) -> AnnData:
    """Return the cells of a table; what is true of all tables of a folder is said once."""
    from anndata import AnnData

    stem = path.name.split(".csv")[0].split(".tsv")[0].split(".txt")[0]
    image = table[layout.image].astype(str) if layout.image else pd.Series(stem, index=table.index)
    image = image.map(lambda name: name.removesuffix(".tiff").removesuffix(".tif"))
    aside = _not_proteins(path, layout.markers)
    markers = {marker: column for marker, column in layout.markers.items() if marker not in aside}
    x = table[list(markers.values())].apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    measured = np.isfinite(x).all(1)
    if not measured.any():
        raise value_error(f"{path}: no cell has an intensity of every marker.", found=sample(markers))
    if not measured.all():
        log.warning("%s: %d of %d cells lack an intensity, and are left out.", path, (~measured).sum(), len(measured))
    spatial = table[[layout.x, layout.y]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(spatial[measured]).all():
        raise value_error(f"{path}: positions are missing.", found=f"columns {layout.x!r} and {layout.y!r}")
    numbers = table[layout.cell] if layout.cell else pd.Series(range(1, len(table) + 1), index=table.index)
    names = numbers.astype(str) if layout.cell == "Object ID" else image + "_" + numbers.astype(str)
    obs = table.drop(columns=[*markers.values(), layout.x, layout.y, *layout.left_out])
    obs = _writable(obs.rename(columns={layout.markers[marker]: marker for marker in aside if marker not in table}))
    obs[SECTION] = image
    obs.index = pd.Index(names.astype(str).to_numpy())
    var = pd.DataFrame(
        {"channel": list(markers.values()), "feature_types": pd.Categorical([FEATURE_TYPE] * len(markers))},
        index=pd.Index(markers),
    )
    text = f"table of {layout.tool}, {len(markers)} markers ({layout.measured})"
    text += f"; set aside in obs (DNA, background, no marker): {sample(aside)}" * bool(aside)
    text += f"; {len(layout.left_out)} columns of other statistics left out" * bool(layout.left_out)
    if text not in said:
        said.add(text)
        log.info("%s: %s.", path, text)
    return AnnData(x[measured], obs[measured], var, obsm={SPATIAL: spatial[measured]}, uns={UNIT: layout.unit})


def _writable(obs: pd.DataFrame) -> pd.DataFrame:
    """Return a table that anndata can write: text is categorical, and no name holds a slash."""
    text = {str(c): obs[c].astype(str).where(obs[c].notna()).astype("category") for c in obs if obs[c].dtype == object}
    return obs.assign(**text).rename(columns=lambda name: name.replace("/", "_"))


def _not_proteins(path: Path, markers: Iterable[str]) -> list[str]:
    """Return the markers that are no proteins; raise if none is one."""
    markers = list(markers)
    some = any(not is_isotope(marker) for marker in markers)
    aside = [marker for marker in markers if stain_of(marker) != "protein" or (some and is_isotope(marker))]
    if len(aside) == len(markers):
        raise value_error(f"{path} holds no protein.", found=sample(markers), expected="columns of markers")
    return aside


def _joined(path: Path, parts: Iterable[AnnData]) -> AnnData:
    """Return the cells of all tables, with the markers that all have; the others are said."""
    import anndata as ad

    parts = list(parts)
    joined = ad.concat(parts, join="inner", merge="first", uns_merge="same")
    markers = list(dict.fromkeys(marker for part in parts for marker in part.var_names))
    if lost := [marker for marker in markers if marker not in set(joined.var_names)]:
        log.warning("%s: %d markers are not in all tables, and left out: %s.", path, len(lost), sample(lost))
    if not joined.n_vars:
        raise value_error(f"{path}: its tables share no marker.", do="Give tables of one panel.")
    return joined
