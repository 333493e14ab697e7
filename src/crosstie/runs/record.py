"""The record of a run in `run.json`: what is needed to repeat the run and to compare the results."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosstie._threads import n_cores
from crosstie._version import __version__

if TYPE_CHECKING:
    import numpy as np

    from crosstie.runs.run import Run

_PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "faiss-cpu",
    "anndata",
    "mudata",
    "torch",
    "umap-learn",
    "h5py",
)
WHOLE = 2**28  # bytes; up to this size a file is read whole for its digest, which takes half a second
_SAMPLES, _BLOCK = 64, 2**20  # of a larger file: number of blocks, evenly spread with both ends, and bytes of each


def about(run: Run) -> dict[str, Any]:
    """Return what is known of a run from the run alone."""
    model = run.model
    return {
        **machine(),
        "command": ["crosstie", *sys.argv[1:]],
        "views": {
            name: {
                "modality": view.modality,
                "slot": view.slot,
                "values": view.values,
                "n_cells": view.n_cells,
                "n_features": view.n_features,
            }
            for name, view in model.views.items()
        },
        "links": [
            {"source": link.source, "target": link.target, "n_columns": link.n_columns} for link in model.linkage.links
        ],
        "paired": [
            {"source": link.source, "target": link.target, "n_cells": len(link.cells)} for link in model.linkage.paired
        ],
        "label_key": run.label_key,
        "config": asdict(model.config),
        "coordinates": coordinates(model.latents),
    }


def machine() -> dict[str, Any]:
    """Return a description of the machine: versions, platform, threads."""
    return {
        "crosstie": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": threads(),
        "versions": {package: installed(package) for package in _PACKAGES},
    }


def installed(package: str) -> str:
    """Return the version of a package; "unknown" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def threads() -> dict[str, Any]:
    """Return the number of cores this process may use, and of threads of each linear algebra library."""
    from threadpoolctl import threadpool_info

    pools = {str(pool["internal_api"]): int(pool["num_threads"]) for pool in threadpool_info()}
    return {"cores": n_cores(), **dict(sorted(pools.items()))}


def coordinates(latents: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return a digest of the coordinates of each view; equal digests mean identical coordinates."""
    import numpy as np

    return {name: hashlib.sha256(np.ascontiguousarray(z).tobytes()).hexdigest() for name, z in latents.items()}


def file_of(path: Path) -> dict[str, Any]:
    """Return what identifies an input: its path, its size, and a digest of its contents."""
    path = path.resolve()
    parts = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    n_bytes = sum(p.stat().st_size for p in parts)
    return {"path": str(path), "n_bytes": n_bytes, **_digest(path, parts, n_bytes)}


def _digest(path: Path, parts: list[Path], n_bytes: int) -> dict[str, str]:
    """Return the digest, keyed by how it was computed."""
    whole = n_bytes <= WHOLE
    if parts == [path]:
        found = _of_file(path, n_bytes, whole=whole)
    else:  # a folder: names and contents
        of = hashlib.sha256()
        for part in parts:
            digest = _of_file(part, part.stat().st_size, whole=whole)
            of.update(f"{part.relative_to(path).as_posix()}\n{digest}\n".encode())
        found = of.hexdigest()
    return {"sha256" if whole else "sha256_of_samples": found}


def _of_file(path: Path, n_bytes: int, *, whole: bool) -> str:
    with path.open("rb") as file:
        if whole or n_bytes <= _SAMPLES * _BLOCK:
            return hashlib.file_digest(file, "sha256").hexdigest()
        of = hashlib.sha256(str(n_bytes).encode())
        for i in range(_SAMPLES):
            file.seek((n_bytes - _BLOCK) * i // (_SAMPLES - 1))
            of.update(file.read(_BLOCK))
        return of.hexdigest()
