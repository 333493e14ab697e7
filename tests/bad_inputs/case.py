"""What a case of the catalogue is, and what it is given: small right data, a fitted model, a folder, the command line.

Everything is fresh for each case, except `model`, which no case may change.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata as ad
import pytest

import crosstie as xt


@dataclass(frozen=True)
class Case:
    """One wrong input.

    Parameters
    ----------
    heading
        The part of the catalogue.
    name
        What is wrong.
    error
        Class of the error; on the command line the exit status is 2 whatever it is.
    words
        What the message must contain: what was found, and what to do.
    call
        Makes the input and makes the call.
    """

    heading: str
    name: str
    error: type[Exception]
    words: tuple[str, ...]
    call: Callable[[Given], Any]


@dataclass(frozen=True)
class Accepted:
    """An odd input that is right after all.

    Parameters
    ----------
    name
        What is odd.
    warning
        What the log must say; empty where nothing needs to be said.
    call
        Makes the call; returns whether the result is right.
    """

    name: str
    warning: str
    call: Callable[[Given], bool]


@dataclass
class Given:
    """What a case can use."""

    folder: Path
    shared: Shared
    monkeypatch: pytest.MonkeyPatch
    command: Callable[..., Any]

    def __post_init__(self) -> None:
        self.rna, self.adt = self.shared.rna.copy(), self.shared.adt.copy()
        self.model = self.shared.model

    @property
    def views(self) -> dict[str, ad.AnnData]:
        """The two views."""
        return {"rna": self.rna, "adt": self.adt}

    def integrate(self, rna: ad.AnnData | None = None, **options: Any) -> Any:
        """Integrate the two views, the first of them perhaps another one."""
        return xt.integrate({"rna": self.rna if rna is None else rna, "adt": self.adt}, **options)

    def matrix(self, x: Any) -> Any:
        """Integrate with another matrix of the first view; of other shape, its names are numbers."""
        if x.shape == self.rna.shape:
            self.rna.X = x
            return self.integrate()
        return self.integrate(ad.AnnData(x))

    def files(self) -> Path:
        """Write both views as h5ad files into the folder."""
        for name, path in self.shared.files.items():
            shutil.copy(path, self.folder / f"{name}.h5ad")
        return self.folder

    def saved(self) -> Path:
        """Write a saved model into the folder."""
        return Path(shutil.copytree(self.shared.saved, self.folder / "model"))

    def run(self) -> Path:
        """Write the folder of a finished run."""
        return Path(shutil.copytree(self.shared.run, self.folder / "run"))

    def written(self, content: bytes | str, name: str = "rna.h5ad") -> Path:
        """Write any file into the folder, in place of a view or beside the views."""
        path = self.files() / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def cli(self, *words: object) -> Any:
        """Run a command in the folder."""
        return self.command(*words)

    def integrate_files(self, *words: object) -> Any:
        """Run `crosstie integrate` on the two files of the folder."""
        if not (self.folder / "adt.h5ad").exists():
            self.files()
        return self.cli("integrate", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "out", *words)


@dataclass(frozen=True)
class Shared:
    """What is made once: views, their files, a fitted model, its folder, and that of a run."""

    rna: ad.AnnData
    adt: ad.AnnData
    files: dict[str, Path]
    model: Any
    saved: Path
    run: Path


def changed(adata: ad.AnnData, change: Callable[[ad.AnnData], object]) -> ad.AnnData:
    """Return a data set after a change in place."""
    change(adata)
    return adata
