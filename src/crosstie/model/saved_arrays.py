"""The arrays of a saved model: read from its file, and checked against each other as they are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crosstie._errors import sample, value_error
from crosstie._typing import Index
from crosstie._untrusted_folder import entry
from crosstie.model.save import SETTINGS, WEIGHTS

AGAIN = "Save the model again."


class SavedArrays:
    """The arrays of a file, taken one by one; axes that should agree are compared."""

    def __init__(self, path: Path, settings: Mapping[str, Any], most: int) -> None:
        self.file = entry(path, WEIGHTS, most=most, who="load: ")
        self.sizes: dict[str, int] = {}
        self.left = self._read(settings.get("weights_sha256"))
        for name in settings.get("column_major", ()):
            if name in self.left:
                self.left[name] = np.asfortranarray(self.left[name])

    def _read(self, checksum: object) -> dict[str, np.ndarray]:
        from safetensors import SafetensorError
        from safetensors.numpy import load as from_bytes

        if not self.file.is_file():
            raise value_error(f"load: {str(self.file)!r} is missing.", do=AGAIN)
        weights = self.file.read_bytes()
        if (found := hashlib.sha256(weights).hexdigest()) != checksum:
            raise value_error(
                f"load: {str(self.file)!r} is damaged, or of another model than the {SETTINGS} beside it.",
                found=f"{len(weights):,} bytes of checksum {found[:12]}…",
                expected=f"checksum {str(checksum)[:12]}…",
                do="Copy the folder again, or save the model again.",
            )
        try:
            return {name: np.array(x) for name, x in from_bytes(weights).items()}
        except SafetensorError as error:
            raise value_error(f"load: {str(self.file)!r} is not a safetensors file.", found=str(error)) from error

    def take(self, name: str, *axes: str | int, index: bool = False, above: float = -np.inf) -> np.ndarray:
        """Return an array whose axes have these sizes: numbers, or the names of sizes that agree among arrays."""
        if name not in self.left:
            raise value_error(
                f"load: {str(self.file)!r} lacks an array.",
                found=f"no {name!r}; there are {sample(sorted(self.left), 3)}",
                do=AGAIN,
            )
        x = self.left.pop(name)
        wanted = [self.sizes.get(a) if isinstance(a, str) else a for a in axes]
        kind = "int64" if index else "float32 or float64"
        fits = x.ndim == len(axes) and all(w in (None, n) for w, n in zip(wanted, x.shape, strict=True))
        if not fits or x.dtype.name not in kind:
            shown = ", ".join(f"{a if w is None else w}" for a, w in zip(axes, wanted, strict=True))
            raise value_error(
                f"load: an array of {str(self.file)!r} does not fit the others.",
                found=f"{name!r} of shape {x.shape}, {x.dtype}",
                expected=f"shape ({shown}), {kind}",
                do=AGAIN,
            )
        self.sizes |= {a: n for a, n in zip(axes, x.shape, strict=True) if isinstance(a, str)}
        if not index and not np.isfinite(x).all():
            raise value_error(f"load: array {name!r} of {str(self.file)!r} holds values that are not finite.", do=AGAIN)
        if not index and not (x > above).all():
            what = f"load: array {name!r} of {str(self.file)!r} holds values that are not above {above:g}."
            raise value_error(what, found=f"{x.min():.3g}", do=AGAIN)
        return x

    def rows(self, name: str, axis: str, n_rows: int) -> Index:
        """Return an array of row numbers below `n_rows`."""
        x = self.take(name, axis, index=True)
        if len(x) and not (x.min() >= 0 and x.max() < n_rows):
            raise value_error(
                f"load: row numbers in array {name!r} of {str(self.file)!r} point outside.",
                found=f"{x.min()} to {x.max()}",
                expected=f"0 to {n_rows - 1}",
            )
        return x

    def check_all_taken(self) -> None:
        """Raise if the file holds unknown arrays."""
        if self.left:
            raise value_error(
                f"load: {str(self.file)!r} holds unknown arrays.", found=sample(sorted(self.left)), do=AGAIN
            )
