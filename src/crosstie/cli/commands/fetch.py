"""`crosstie fetch`: get a public data set by name, from its source or from local files, as one file of views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosstie._errors import value_error
from crosstie._files import new_file
from crosstie.cli import json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mudata import MuData

EXAMPLES = (
    "crosstie fetch --list",
    "crosstie fetch citeseq_pbmc --where donor=P1 --out p1.h5mu",
    "crosstie fetch teaseq_pbmc --from ~/Downloads --out tea.h5mu",
)
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder of fetched files.  [dim]\\[$CROSSTIE_CACHE, else the system's folder for caches]"
    ),
]
Source = Annotated[Path | None, typer.Option("--from", metavar="DIR", help="Folder with files you already have.")]


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Data set; without a name, all are listed.")
    ] = None,
    source: Source = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.h5mu", help="File for the views.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Keep only cells with this value in obs; repeatable."),
    ] = None,
    cache: Cache = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Forget the recorded checksums and download everything again.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the data sets, their sizes and licences.")] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a public data set, check it, and write its views to one file.

    Downloaded files stay in the cache, and interrupted downloads resume. The checksum of every file is recorded at the
    first download, and compared whenever the file is used.
    """
    say = Console(verbose=verbose, quiet=quiet)
    if listed or name is None:
        print_list()
        return
    wanted = conditions(where)
    if out is not None:
        check_file(out)
    mdata = fetched(name, say, source=source, cache=cache, where=wanted, refresh=refresh)
    if out is not None:
        with say.stage(f"writing {out}"):
            _write(mdata, out)
    _print(name, mdata, out)


def fetched(
    name: str,
    say: Console,
    *,
    source: Path | None,
    cache: Path | None,
    where: dict[str, str] | None = None,
    refresh: bool = False,
) -> MuData:
    """Return a data set, showing the progress of downloads."""
    from crosstie import datasets
    from crosstie.datasets.download.progress_bar import shown

    with shown(None if say.quiet else "auto", console=say.live) as tick:
        return datasets.fetch(name, source=source, cache=cache, where=where, refresh=refresh, progress=tick)


def conditions(words: Iterable[str] | None) -> dict[str, str]:
    """Read options given as COLUMN=VALUE."""
    out = {}
    for text in words or ():
        column, sign, value = text.partition("=")
        if not (sign and column):
            raise value_error(f"--where {text!r} is not of the form COLUMN=VALUE.", do="Write --where donor=P1.")
        out[column] = value
    return out


def check_file(out: Path) -> None:
    """Raise if the views cannot be written to a file, before anything is fetched."""
    if out.suffix != ".h5mu":
        raise value_error(f"--out {out}: not a name of a MuData file.", expected="FILE.h5mu")
    if out.is_dir() or not out.resolve().parent.is_dir():
        raise value_error(f"--out {out} cannot be written.", found=f"no folder {out.resolve().parent}")


def print_list() -> None:
    """Print the list of data sets."""
    from crosstie.datasets import available

    json_answer.give(datasets=available().rename_axis("name").reset_index())
    rows = [
        [str(name), row["title"], f"{row['n_cells']:,}", row["views"], f"{row['megabytes']:,} MB", row["licence"]]
        for name, row in available().iterrows()
    ]
    note = "Sizes and numbers are approximate. Cite the studies: xt.datasets.available() has their references."
    table("Public data sets", ["name", "what", "cells", "views", "download", "licence"], rows, right=[2, 4], note=note)


def _write(mdata: MuData, out: Path) -> None:
    with new_file(out) as part:
        mdata.write_h5mu(part, compression="gzip")


def _print(name: str, mdata: MuData, out: Path | None) -> None:
    sizes = {view: {"n_cells": adata.n_obs, "n_features": adata.n_vars} for view, adata in mdata.mod.items()}
    json_answer.give(name=name, views=sizes, out=out)
    labels = next(iter(mdata.mod.values())).obs.get("cell_type")
    rows = [[view, f"{adata.n_obs:,}", f"{adata.n_vars:,}"] for view, adata in mdata.mod.items()]
    note = "no labels" if labels is None else f"labels in obs['cell_type']: {labels.nunique()} types"
    table(name, ["view", "cells", "features"], rows, right=[1, 2], note=note)
    if out is not None:
        echo(f"{out}")
