"""Public data sets by name: found at hand, in the cache, or fetched into it; then read."""

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
    """Return a public data set, fetched once and kept.

    Files come from `source` if they are there, else from the cache, else from the address in the registry. A download
    that breaks off is gone on with, at the next call too. The checksum of every file is recorded when it first comes,
    where the source publishes none, and each file is compared with it whenever it is used; one that has changed is
    fetched anew. Where there is a mirror of the files, set `$CROSSTIE_MIRROR` to its address.

    Parameters
    ----------
    name
        One of `available()`, such as `"citeseq_pbmc"`.
    cache
        Folder of fetched files; by default `$CROSSTIE_CACHE`, else the system's folder for caches.
    source
        Folder with files that are already at hand, under their names at the source, unpacked or not, or inside the
        series' tar archive. They are read where they are; what is missing is fetched.
    where
        Only cells with these values, by column of obs: `{"donor": "P1"}`. The others are never held in memory, where
        the format allows it.
    refresh
        Forget the recorded checksums, and fetch all anew.
    progress
        `"auto"` shows a bar on a terminal and writes to the log elsewhere; a function is called with the file's name,
        the bytes that are there, and the bytes in all (`None` if unknown); `None` is silent.

    Returns
    -------
    MuData of `"rna"`, and `"adt"` or `"atac"` or both: raw counts, float32 CSR, the same cells in the same order.
    Where the data set has labels, they are in `.obs["cell_type"]` of every view, beside what else the source knows.

    Raises
    ------
    KeyError
        If there is no such data set, or no such column.
    FetchError
        If a file cannot be had, or is not what it should be (a `ValueError` where it cannot be read or written).
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
    """Return where the files of a data set are, by their names at the source, after fetching what is missing.

    Parameters are those of `fetch`.
    """
    dataset, folder = _known(name), cache_folder(cache) / name
    found = {} if source is None else _at_hand(dataset, Path(source).expanduser())
    if not refresh:  # a cache that may only be read serves as long as nothing is missing
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
    """Return the public data sets that `fetch` knows, a row each, with what is known of them."""
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
    """Return the names of the files of a data set that need no download."""
    dataset, folder = _known(name), cache_folder(cache) / name
    found = {file.name for file in dataset.files if (folder / file.name).exists()}
    return found if source is None else found | set(_at_hand(dataset, Path(source).expanduser()))


def _known(name: str) -> Dataset:
    if name not in DATASETS:
        raise unknown_name("datasets.fetch", name, DATASETS)
    return DATASETS[name]


def _at_hand(dataset: Dataset, source: Path) -> dict[str, Path]:
    """Return the files that lie in a folder or one level below it, and are whole."""
    if not source.is_dir():
        raise value_error(f"{source}: no such folder.", do="Give the folder that holds the files of the data set.")
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
    """Return the files that the cache has; a packed one that was unpacked before is the unpacked one."""
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
    """Unpack from tar archives at hand what is missing; return what was found there."""
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
    """Return a file of the cache, fetched if it is not there or not what it was."""
    path = folder / file.name
    if not refresh and ledger.holds(path):
        return path
    if not refresh and path.exists():
        if ledger.known(file.name) is None:
            log.warning("%s: nothing is known of this file; it is fetched anew.", path)
        else:
            log.warning("%s: not the file that was fetched (its checksum differs); it is fetched anew.", path)
    expected = file.sha256 or (None if refresh else ledger.known(file.name))
    mirror = os.environ.get("CROSSTIE_MIRROR", "").rstrip("/")
    url = f"{mirror}/{file.name}" if mirror else file.url
    log.info("%s: fetching %s (about %s).", folder.name, url, amount(round(1e6 * file.megabytes)))
    received = download(url, path, sha256=expected, progress=tick)
    ledger.record(file.name, received, url)
    return path


def _unpacked(path: Path, folder: Path, ledger: Ledger) -> Path:
    """Return what is in a packed HDF5 file."""
    target = folder / path.name.removesuffix(".gz")
    origin = f"{path.name}, SHA-256 {digest(path)}"
    if ledger.files.get(target.name, {}).get("from") == origin and ledger.holds(target):
        return target
    log.info("%s: unpacking.", path)
    unpack_gzip(path, target)
    check_complete(target)
    ledger.record(target.name, Received(target, target.stat().st_size, digest(target)), origin)
    return target
