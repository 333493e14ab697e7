"""Public data sets by name: finds the files locally or in the cache, or downloads them, and reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
from mudata import MuData

from crosstie._errors import InputError, sample, unknown_name, value_error
from crosstie._log import log
from crosstie.datasets.download.archives import unpack_gzip, unpack_tar
from crosstie.datasets.download.cache import Ledger, cache_folder, locked
from crosstie.datasets.download.download import Progress, Received, amount, digest, download
from crosstie.datasets.download.integrity import check_complete
from crosstie.datasets.download.progress_bar import shown
from crosstie.datasets.public.registry import DATASETS, Dataset, File


def fetch(
    name: str,
    *,
    cache: str | Path | None = None,
    source: str | Path | None = None,
    where: Mapping[str, str] | None = None,
    refresh: bool = False,
    progress: Progress | Literal["auto"] | None = "auto",
) -> MuData:
    """Return a public data set; its files are downloaded once and cached.

    Files are taken from `source`, else from the cache, else downloaded from the registered address. Interrupted
    downloads resume, also in a later call. If the source publishes no checksum, the checksum of the first download is
    recorded. Files are verified whenever they are used, and downloaded again if they have changed. To download from a
    mirror, set `$CROSSTIE_MIRROR` to its address.

    Parameters
    ----------
    name
        Name of the data set, one of `available()`, such as `"citeseq_pbmc"`.
    cache
        Folder for downloaded files; `None` uses `$CROSSTIE_CACHE`, or the user's cache folder.
    source
        Folder with files that you already have, under their original names, unpacked or not, or inside the tar archive
        of the series. They are read in place; missing files are downloaded. `None` if there are none.
    where
        Keep only cells with these values of columns of obs, such as `{"donor": "P1"}`; `None` keeps all cells. If the
        format allows it, the other cells are never loaded.
    refresh
        Ignore the recorded checksums, and download all files again.
    progress
        `"auto"` shows a progress bar on a terminal, and log lines otherwise. A function is called with the name of the
        file, the bytes received, and the total bytes (`None` if unknown). `None` shows nothing.

    Returns
    -------
    MuData of `"rna"`, and `"adt"` or `"atac"` or both: raw counts, float32 CSR, the same cells in the same order.
    Labels, if the data set has them, are in `.obs["cell_type"]` of every view, together with other columns of the
    source.

    Raises
    ------
    KeyError
        If the data set or a column of `where` is unknown.
    FetchError
        If a file cannot be downloaded, or is not the expected file.
    ValueError
        If a file cannot be read or written.
    """
    dataset = _known(name)
    files = files_of(name, cache=cache, source=source, refresh=refresh, progress=progress)
    log.info("%s: reading %s.", name, sample([path.name for path in files.values()], 4))
    mdata = dataset.read(files, dict(where or {}))
    for adata in mdata.mod.values():
        adata.uns["source"] = {"name": name, "page": dataset.page, "citation": dataset.citation}
    return mdata


def files_of(
    name: str,
    *,
    cache: str | Path | None = None,
    source: str | Path | None = None,
    refresh: bool = False,
    progress: Progress | Literal["auto"] | None = "auto",
) -> dict[str, Path]:
    """Return the path of each file of a data set, by its original name, after downloading missing files.

    Parameters are those of `fetch`.
    """
    dataset, folder = _known(name), cache_folder(cache) / name
    found = {} if source is None else _at_hand(dataset, Path(source).expanduser())
    if not refresh:  # a read-only cache works as long as no file is missing
        found |= _held(dataset, folder, found)
    missing = [file for file in dataset.files if file.name not in found and file.url]
    if missing or any(_is_packed(path) for path in found.values()):
        with locked(folder), shown(progress) as tick:
            ledger = Ledger(folder)
            if source is not None:
                found |= _from_archives(missing, Path(source).expanduser(), folder, ledger)
            for file in missing:
                if file.name not in found:
                    found[file.name] = _cached(file, folder, ledger, refresh, tick)
            for key, path in found.items():
                found[key] = _unpacked(path, folder, ledger) if _is_packed(path) else path
    return found


def available() -> pd.DataFrame:
    """Return a table of the data sets that `fetch` knows, with their cells, views, labels, size and licence."""
    rows = {
        name: {
            "title": dataset.title,
            "n_cells": dataset.n_cells,
            "views": ", ".join(dataset.views),
            "labels": dataset.labels,
            "megabytes": round(dataset.megabytes),
            "licence": dataset.licence,
            "page": dataset.page,
            "citation": dataset.citation,
        }
        for name, dataset in DATASETS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def at_hand(name: str, *, cache: str | Path | None = None, source: str | Path | None = None) -> set[str]:
    """Return the names of the files of a data set that need not be downloaded."""
    dataset, folder = _known(name), cache_folder(cache) / name
    found = {file.name for file in dataset.files if (folder / file.name).exists()}
    return found if source is None else found | set(_at_hand(dataset, Path(source).expanduser()))


def _known(name: str) -> Dataset:
    if name not in DATASETS:
        raise unknown_name("datasets.fetch", name, DATASETS)
    return DATASETS[name]


def _at_hand(dataset: Dataset, source: Path) -> dict[str, Path]:
    """Return the files found in a folder or one level below it; raise if one is damaged."""
    if not source.is_dir():
        raise value_error(f"{source}: no such folder.", do="Give the folder with the files of the data set.")
    places = [source, *sorted(path for path in source.iterdir() if path.is_dir())]
    out = {}
    for file in dataset.files:
        names = [file.name, file.name.removesuffix(".gz")]
        path = next((place / name for place in places for name in names if (place / name).is_file()), None)
        if path is None:
            continue
        if file.sha256 is not None and path.name == file.name and digest(path) != file.sha256:
            raise value_error(f"{path}: not the published file.", expected=f"SHA-256 {file.sha256}")
        check_complete(path)
        out[file.name] = path
    return out


def _held(dataset: Dataset, folder: Path, found: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files in the cache, preferring the unpacked version of a compressed file."""
    ledger, out = Ledger(folder), {}
    for file in dataset.files:
        path = folder / file.name
        if file.name in found or not path.exists():
            continue
        if not file.url or ledger.holds(path):
            plain = path.with_suffix("")
            out[file.name] = plain if _is_packed(path) and ledger.holds(plain) else path
    return out


def _is_packed(path: Path) -> bool:
    return path.name.endswith(".h5ad.gz")  # HDF5 cannot be read through gzip


def _from_archives(files: list[File], source: Path, folder: Path, ledger: Ledger) -> dict[str, Path]:
    """Unpack missing files from tar archives in the source folder; return the files found there."""
    out = {}
    for archive in dict.fromkeys(file.archive for file in files if file.archive):
        path = source / archive
        if path.is_file():
            check_complete(path)
            for name, member in unpack_tar(path, folder, [f.name for f in files if f.archive == archive]).items():
                try:
                    check_complete(member)
                except InputError:
                    member.unlink()
                    raise
                ledger.record(name, Received(member, member.stat().st_size, digest(member)), str(path))
                out[name] = member
    return out


def _cached(file: File, folder: Path, ledger: Ledger, refresh: bool, tick: Progress | None) -> Path:
    """Return a file of the cache, downloaded if it is missing or has changed."""
    path = folder / file.name
    if not refresh and ledger.holds(path):
        return path
    if not refresh and path.exists():
        if ledger.known(file.name) is None:
            log.warning("%s: no checksum was recorded for this file; downloading it again.", path)
        else:
            log.warning("%s: the file has changed (its checksum differs); downloading it again.", path)
    expected = file.sha256 or (None if refresh else ledger.known(file.name))
    mirror = os.environ.get("CROSSTIE_MIRROR", "").rstrip("/")
    url = f"{mirror}/{file.name}" if mirror else file.url
    log.info("%s: downloading %s (about %s).", folder.name, url, amount(round(1e6 * file.megabytes)))
    received = download(url, path, sha256=expected, progress=tick)
    ledger.record(file.name, received, url)
    return path


def _unpacked(path: Path, folder: Path, ledger: Ledger) -> Path:
    """Return the unpacked version of a compressed HDF5 file."""
    target = folder / path.name.removesuffix(".gz")
    origin = f"{path.name}, SHA-256 {digest(path)}"
    if ledger.files.get(target.name, {}).get("from") == origin and ledger.holds(target):
        return target
    log.info("%s: unpacking.", path)
    unpack_gzip(path, target)
    check_complete(target)
    ledger.record(target.name, Received(target, target.stat().st_size, digest(target)), origin)
    return target
