"""Progress of a long fit, saved in a folder: an interrupted fit resumes from there."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._files import is_temporary, remove, replacing, sweep
from crosstie._log import log
from crosstie._typing import Array, Matrix
from crosstie._untrusted_folder import SETTINGS, entry, subfolder
from crosstie._version import __version__
from crosstie.config import Config
from crosstie.data.stored import Stored, rows_of
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.model.load import load
from crosstie.model.save import others_in, save

if TYPE_CHECKING:
    from crosstie.model.placement import Bound

_KEPT = re.compile(r"\d+_\d+_\d+\.npy|\.\d+_\d+_\d+\.crosstie-[0-9a-f]{16}\.part\.npy")  # coordinates of a block
_KEYS = {"version", "seed", "settings", "links", "data"}  # in every ABOUT
ABOUT, CORE, TRAINING = "progress.json", "core", "training.safetensors"
LOOKED_AT = 16  # cells at the beginning, in the middle and at the end of a view


class ResumeFolder:
    """The folder of a fit in progress: state of the training, the fitted core, and coordinates of finished blocks.

    Parameters
    ----------
    folder
        Path; it is created if needed.
    inputs, config, seed
        What is being fitted, with which settings and random seed.

    Raises
    ------
    ValueError
        If the folder holds anything else, or belongs to another fit.
    """

    def __init__(self, folder: str | Path, inputs: Inputs, config: Config, seed: int) -> None:
        self.folder = Path(folder).resolve()
        self.training = self.folder / TRAINING
        self.numbers = {name: i for i, name in enumerate(inputs.views)}
        about = _about(inputs, config, seed)
        file = entry(self.folder, ABOUT, most=SETTINGS)
        if self.folder.exists() and not file.is_file() and not _is_new(self.folder):
            raise value_error(
                f"resume: {str(self.folder)!r} is not a folder of an earlier fit.",
                expected=f"a new or empty folder, or one with {ABOUT}",
                do="Give another folder; this one is left as it is.",
            )
        if file.is_file():
            try:
                before = json.loads(file.read_text(encoding="utf-8"))
            except (ValueError, RecursionError):
                before = {}
            before = before if isinstance(before, dict) else {}
            other = [key for key in about if before.get(key) != about[key]]
            if other:
                raise value_error(
                    f"resume: {str(self.folder)!r} is of another fit.",
                    found=f"another {', '.join(other)}",
                    expected="the same data, links, settings, seed and version",
                    do="Give another folder, or remove this one.",
                )
            log.info("resuming the fit in %s.", self.folder)
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(file) as part:
                part.write_bytes(json.dumps(about, indent=1).encode())

    def core(self) -> tuple[Inputs, Fitted] | None:
        """Return the fitted core, without data, or `None`."""
        folder = subfolder(self.folder, CORE)
        return load(folder)[:2] if folder.is_dir() else None

    def keep_core(self, inputs: Inputs, fitted: Fitted) -> None:
        """Save the fitted core."""
        if (self.folder / CORE).is_symlink():  # a saved model elsewhere would be replaced
            (self.folder / CORE).unlink()
        save(inputs, fitted, self.folder / CORE)
        self.training.unlink(missing_ok=True)

    def find(self, view: str, bound: Bound) -> Array | None:
        """Return the saved coordinates of a block, or `None` if they are missing or damaged."""
        try:
            file = self._file(view, bound)
            z: Array = np.load(entry(self.folder, file.name), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return (
            z
            if isinstance(z, np.ndarray) and z.ndim == 2 and len(z) == bound[1] - bound[0] and z.dtype == np.float32
            else None
        )

    def keep(self, view: str, bound: Bound, z: Array) -> None:
        """Save the coordinates of a block; the file appears complete or not at all."""
        with replacing(self._file(view, bound)) as part, part.open("wb") as out:
            np.save(out, z, allow_pickle=False)

    def remove(self) -> None:
        """Remove the folder of a finished fit; other files in it stay."""
        with suppress(OSError):
            clear(self.folder)

    def _file(self, view: str, bound: Bound) -> Path:
        return self.folder / f"{self.numbers[view]}_{bound[0]}_{bound[1]}.npy"


def is_progress(folder: Path) -> bool:
    """Return whether a folder holds the progress of a fit, or what a fit left that was killed as it began."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    file = folder / ABOUT
    if file.is_symlink() or not file.is_file():
        return _is_new(folder)
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(about, dict) and set(about) >= _KEYS


def clear(folder: Path) -> None:
    """Remove the progress of a fit; anything else in its folder stays, and so does the folder then."""
    for name in (CORE, TRAINING, ABOUT):
        sweep(folder / name)
    for path in folder.iterdir():
        if path.name == CORE and path.is_dir() and not path.is_symlink():
            if not others_in(path):
                remove(path)
        elif path.name in (CORE, TRAINING) or _KEPT.fullmatch(path.name):
            remove(path)
    if {path.name for path in folder.iterdir()} <= {ABOUT}:
        remove(folder / ABOUT)  # last: it tells whose the folder is
        folder.rmdir()


def _about(inputs: Inputs, config: Config, seed: int) -> dict[str, Any]:
    """Return what identifies a fit, as JSON values."""
    links = [link.pairs.to_csv() for link in inputs.linkage.links] + [p.cells.to_csv() for p in inputs.linkage.paired]
    return {
        "version": __version__,
        "seed": seed,
        "settings": hashlib.sha256(json.dumps(asdict(config)).encode()).hexdigest(),
        "links": hashlib.sha256("\n".join(links).encode()).hexdigest(),
        "data": {
            name: [
                view.modality,
                *view.matrix.shape,
                _names(view.cells),
                _names(view.features),
                _looked_at(view.matrix),
            ]
            for name, view in inputs.views.items()
        },
        "data of links": {
            name: [*view.matrix.shape, _names(view.features), _looked_at(view.matrix)]
            for name, view in inputs.link_views.items()
        },
        "batches": {name: _names(batch) for name, batch in inputs.batches.items()},
    }


def _looked_at(matrix: Matrix | Stored) -> str:
    """Return a checksum of the first, middle and last cells, which detects other data under the same names."""
    n_cells, digest = matrix.shape[0], hashlib.sha256()
    for start in (0, n_cells // 2, max(0, n_cells - LOOKED_AT)):
        rows = rows_of(matrix, start, min(start + LOOKED_AT, n_cells))
        dense = rows.toarray() if sp.issparse(rows) else rows
        digest.update(np.ascontiguousarray(dense, np.float32).tobytes())
    return digest.hexdigest()


def _is_new(folder: Path) -> bool:
    """Whether a folder holds at most the leftovers of a process that was killed at the start."""
    return folder.is_dir() and all(is_temporary(path.name, folder / ABOUT) for path in folder.iterdir())


def _names(names: Any) -> str:
    return hashlib.sha256("\n".join(map(str, names)).encode()).hexdigest()
