"""From words on the command line to views and settings: NAME=PATH, options by view, presets. Feeds the commands."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import InputError, sample, unknown_name, value_error
from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie.cli.foreign import check_hdf5, check_zarr

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Modality
    from crosstie.links import Link
    from crosstie.links import Paired as PairedLink

_NAME = re.compile(r"\w[\w .+-]*")
_EXPECTED = "NAME=PATH.h5ad for each view, or one .h5mu file"

Views = Annotated[
    list[str], typer.Argument(metavar="NAME=PATH", help="Views: NAME=PATH.h5ad for each, or one .h5mu file.")
]
Modalities = Annotated[
    list[str] | None,
    typer.Option("--modality", metavar="NAME=WORD", help="What a view measured; guessed where not given."),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--names", metavar="NAME=COLUMN", help="Column of a view's var that holds the names to link by."),
]
Table = Annotated[
    Path | None,
    typer.Option("--links", metavar="TABLE", help="csv or tsv of feature pairs: first view, second view, weight."),
]

Genes = Annotated[
    Path | None,
    typer.Option("--genes", metavar="FILE", help="GTF or BED of genes: peaks are linked by gene activity."),
]
Paired = Annotated[
    list[str] | None,
    typer.Option("--paired", metavar="NAME,NAME", help="Two views in which one name is one cell; may be repeated."),
]


def paths_of(arguments: Sequence[str]) -> dict[str, Path]:
    """Return the file of each view; a single `.h5mu` file stands under the name `""`.

    Raises
    ------
    ValueError
        If an argument is not of the form NAME=PATH, a name occurs twice, or there is only one view.
    """
    if len(arguments) == 1 and (arguments[0].endswith(".h5mu") or Path(arguments[0]).is_dir()):
        return {"": Path(arguments[0])}
    paths: dict[str, Path] = {}
    for argument in arguments:
        name, sign, path = argument.partition("=")
        if not (sign and name and path):
            stem = Path(argument).stem.strip("=") or "rna"
            do = f"Write {_asked_name(stem)}={argument.strip('=') or 'FILE.h5ad'}."
            raise value_error(f"view {argument!r} is not of the form NAME=PATH.", expected=_EXPECTED, do=do)
        if not _NAME.fullmatch(name):
            do = f"Write {_asked_name(name)}={path}."
            raise value_error(f"view name {name!r} cannot be used in file names.", expected="letters and digits", do=do)
        if name in paths:
            raise value_error(
                f"view {name!r} is given twice.", found=f"{paths[name]} and {path}", do="Name them apart."
            )
        if path.endswith(".h5mu"):
            raise value_error(f"view {name!r}: {path} holds several views.", do=f"Give the file alone: {path}.")
        paths[name] = Path(path)
    _check_apart(paths)
    if len(paths) < 2:
        raise value_error("there is only one view.", found=sample(paths), expected=f"at least two: {_EXPECTED}")
    return paths


def _check_apart(names: Iterable[str]) -> None:
    """Raise if names of views differ by capitals alone: files are named after them, on every system."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            what = f"views {other!r} and {name!r} differ by capitals alone."
            raise value_error(what, do="Give one another name: files are named after views.")


def read_views(paths: Mapping[str, Path], *, most: int | None = None) -> dict[str, AnnData]:
    """Read the views of a command, or all views of its `.h5mu` file.

    Parameters
    ----------
    paths
        As `paths_of` returns them.
    most
        Of views with more cells than this, matrices stay on disk; `None` reads all.
    """
    if "" in paths:
        return read_file(paths[""], partial(_read_mudata, most=most), "a MuData file (.h5mu)")
    read = partial(_read_anndata, most=most)
    return {name: read_file(path, read, "an AnnData file (.h5ad) or folder (.zarr)") for name, path in paths.items()}


def read_features(paths: Mapping[str, Path]) -> dict[str, AnnData]:
    """Read only what the views' features are called: AnnData without cells."""
    if "" in paths:
        return read_file(paths[""], _read_mudata_var, "a MuData file (.h5mu)")
    return {name: read_file(path, _read_var, "an AnnData file (.h5ad)") for name, path in paths.items()}


def by_view(words: Iterable[str] | None, option: str, views: Iterable[str]) -> dict[str, str]:
    """Read an option given as NAME=WORD for some views.

    A word without a name is meant for all views.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If nothing stands behind the sign.
    """
    views = list(views)
    found: dict[str, str] = {}
    for text in words or ():
        name, sign, word = text.partition("=")
        if not sign:
            found = dict.fromkeys(views, text) | found
            continue
        if name not in views:
            raise unknown_name(f"{option} {text}: view", name, views)
        if not word:
            raise value_error(f"{option} {text!r} is not of the form NAME=WORD.")
        found[name] = word
    return found


def modalities_of(words: Iterable[str] | None, data: Mapping[str, AnnData]) -> dict[str, Modality]:
    """Return the modality of every view: as given, else as guessed."""
    from crosstie.data.view import check_modality, guess_modality

    given = by_view(words, "--modality", data)
    return {
        name: check_modality(given[name], name) if name in given else guess_modality(name, a, a, a.var_names)  # type: ignore[arg-type]
        for name, a in data.items()
    }


def activities(genes: Path | None, data: Mapping[str, AnnData], modality: Mapping[str, Modality]) -> dict[str, AnnData]:
    """Return the gene activity of every view of peaks, if there is a table of genes."""
    if genes is None:
        return {}
    from crosstie.data import gene_activity

    peaks = [name for name, kind in modality.items() if kind == "atac"]
    if not peaks:
        found = ", ".join(f"{name}: {kind}" for name, kind in modality.items())
        raise value_error("--genes: no view holds peaks.", found=found, do="Write --modality NAME=atac.")
    return {name: gene_activity(data[name], genes) for name in peaks}


def ties(
    data: Mapping[str, AnnData],
    modality: Mapping[str, Modality],
    *,
    table: Path | None,
    names: Mapping[str, str],
    paired: Iterable[str] | None,
) -> list[Link | PairedLink]:
    """Return the links of a command: those that suggest themselves, or a table's, and the shared cells.

    Raises
    ------
    ValueError
        If nothing can be linked, or `--paired` does not name two views.
    """
    from crosstie.links import paired as shared
    from crosstie.links import suggest

    bridges = []
    for text in paired or ():
        pair = text.split(",")
        if len(pair) != 2:
            raise value_error(
                f"--paired {text!r} is not of the form NAME,NAME.", do=f"Write {','.join(list(data)[:2])}."
            )
        bridges.append(shared(data, *pair))
    try:
        return [*suggest(data, modality, table=table, names=names), *bridges]
    except InputError as error:
        if not bridges or table is not None:
            raise
        log.info("no features are linked: %s", str(error).splitlines()[0])
        return [*bridges]


def _asked_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", text).lstrip("_.+-") or "rna"


def read_file(path: Path, read: Callable[[Path], Any], kind: str) -> Any:
    """Read a file, and turn whatever its reader raises into one message."""
    if path.is_symlink() and not _leads_somewhere(path):
        to = os.readlink(path)
        raise value_error(f"{path} is a symbolic link to nothing.", found=f"it leads to {to}", expected=kind)
    if not path.exists():
        near = [p.name for p in path.parent.iterdir() if p.suffix in (".h5ad", ".h5mu")] if path.parent.is_dir() else []
        do = f"In that folder: {sample(sorted(near))}." if near else ""
        raise value_error(f"{path}: there is no such file.", do=do)
    if path.is_dir() and not is_zarr(path):
        raise value_error(f"{path} is a folder.", expected=kind)
    if not (path.is_file() or path.is_dir()):  # reading a pipe would wait for ever
        raise value_error(f"{path} is neither a file nor a folder.", expected=kind)
    if not os.access(path, os.R_OK):
        raise value_error(f"{path} may not be read.", do="Look at its permissions.")
    try:
        return read(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # readers raise all sorts of things at what they do not know
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise value_error(
            f"{path} cannot be read.", found=text[:300], expected=kind, do=_hint(path, f"{type(error).__name__} {text}")
        ) from error


def _leads_somewhere(link: Path) -> bool:
    try:
        return link.exists()
    except (OSError, RuntimeError):  # links in a ring, in some versions of Python
        return False


def _hint(path: Path, said: str = "") -> str:
    if "IORegistryError" in said or "encoding" in said.lower():
        return "Was it written by a newer anndata? Update: pip install --upgrade anndata."
    if path.suffix in (".csv", ".tsv", ".txt"):
        return "A table of numbers becomes one in Python: anndata.io.read_csv(path).write_h5ad('file.h5ad')."
    if path.suffix == ".h5":
        return "A file of Cell Ranger becomes one in Python: scanpy.read_10x_h5(path).write_h5ad('file.h5ad')."
    return "Is the file whole? Copy or write it again." if path.suffix in (".h5ad", ".h5mu") else ""


def _open(path: Path) -> Any:
    """Open an HDF5 file, or say what it is instead."""
    import h5py

    if not path.stat().st_size:
        raise ValueError("the file is empty")
    with path.open("rb") as file:  # HDF5 may stand behind a user block, as in files of MuData
        start = file.read(2048)
    if start.startswith(b"\x1f\x8b"):
        raise value_error(
            f"{path} is compressed with gzip.", expected="an HDF5 file", do=f"Decompress it: gunzip {path}."
        )
    if b"\x89HDF\r\n\x1a\n" not in start:
        raise ValueError("not an HDF5 file")
    return h5py.File(path, "r")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr store."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def _check_anndata(path: Path) -> None:
    with _open(path) as file:
        if "mod" in file:
            raise value_error(f"{path} holds several views (MuData).", do="Give it alone: it stands for all views.")
        if not {"obs", "var"} <= set(file):
            raise ValueError(f"HDF5 without obs and var; it has {sample(file)}")
        check_hdf5(file)


def _check_mudata(path: Path) -> None:
    with _open(path) as file:
        if "mod" not in file:
            raise ValueError(f"HDF5 without views (mod); it has {sample(file)}")
        for name in file["mod"]:
            if not _NAME.fullmatch(name):
                raise value_error(f"{path}: view name {name!r} cannot be used in file names.", expected="letters")
        _check_apart(file["mod"])
        check_hdf5(file)


def _read_anndata(path: Path, *, most: int | None = None) -> AnnData:
    import anndata as ad

    if path.is_dir():
        import zarr

        check_zarr(path)
        store = zarr.open_group(path, mode="r")
        return stored_anndata(store) if most is not None and n_cells_of(store) > most else ad.read_zarr(path)
    _check_anndata(path)
    file = _open(path)
    if most is not None and n_cells_of(file) > most:
        return stored_anndata(file)
    file.close()
    return ad.read_h5ad(path)


def _read_mudata(path: Path, *, most: int | None = None) -> dict[str, AnnData]:
    import mudata as md

    _check_mudata(path)
    file = _open(path)
    order = _order(file)
    if most is not None and any(n_cells_of(file["mod"][name]) > most for name in order):
        return {name: stored_anndata(file["mod"][name]) for name in order}
    file.close()
    with views_as_they_are():
        mdata = md.read_h5mu(path)
        mdata.push_obs(common=True, prefixed=False)  # labels that the file keeps for all views together
    return dict(mdata.mod)


def _order(file: Any) -> list[str]:
    """Return the names of the views of an open MuData file, in its order; a path is not a name."""
    there = list(file["mod"])
    order = [str(name) for name in file["mod"].attrs.get("mod-order", there)]
    return order if sorted(order) == sorted(there) else there


def n_cells_of(group: Any) -> int:
    """Return the number of cells of an AnnData in an open file."""
    obs = group["obs"]
    names = obs[str(obs.attrs.get("_index", "_index"))]
    if not hasattr(names, "shape"):  # since anndata 0.13 with pandas 3, names are values beside a mask of the missing
        names = names["values"]
    return int(names.shape[0])


def stored_anndata(group: Any) -> AnnData:
    """Return an AnnData of an open file whose matrices stay there; tables of cells and features are read."""
    from anndata import AnnData
    from anndata.io import read_elem, sparse_dataset

    def stored(element: Any) -> Any:
        if element.attrs.get("encoding-type") == "null":  # an AnnData without a matrix
            return None
        return element if hasattr(element, "dtype") else sparse_dataset(element)

    log.info("%s: %d cells, matrices are read in blocks.", getattr(group, "name", ""), n_cells_of(group))
    return AnnData(
        X=stored(group["X"]) if "X" in group else None,
        obs=read_elem(group["obs"]),
        var=read_elem(group["var"]),
        layers={name: stored(group["layers"][name]) for name in group.get("layers", {})},
        obsm=read_elem(group["obsm"]) if "obsm" in group else None,
    )


def _read_var(path: Path) -> AnnData:
    if path.is_dir():
        import zarr

        check_zarr(path)
        return _only_var(zarr.open_group(path, mode="r"))
    _check_anndata(path)
    with _open(path) as file:
        return _only_var(file)


def _read_mudata_var(path: Path) -> dict[str, AnnData]:
    _check_mudata(path)
    with _open(path) as file:
        return {name: _only_var(file["mod"][name]) for name in _order(file)}


def _only_var(group: Any) -> AnnData:
    from anndata import AnnData
    from anndata.io import read_elem

    return AnnData(var=read_elem(group["var"]))
