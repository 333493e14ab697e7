"""From words on the command line to paths, options by view, and links. What is in the files: `data.read_files`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosstie._errors import InputError, sample, unknown_name, value_error
from crosstie._log import log
from crosstie.runs.known_truth import USUAL_KEY

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Modality
    from crosstie.links import LearnedLinks, Link
    from crosstie.links import Paired as PairedLink

_EXPECTED = "NAME=PATH for each view, or one file that holds all views"

Views = Annotated[
    list[str], typer.Argument(metavar="NAME=PATH", help="Views: NAME=PATH for each, or one file that holds all views.")
]
Modalities = Annotated[
    list[str] | None,
    typer.Option("--modality", metavar="NAME=WORD", help="What a view measured; guessed where not given."),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--names", metavar="NAME=COLUMN", help="Column of a view's var with the names to link by."),
]
Table = Annotated[
    Path | None,
    typer.Option("--links", metavar="TABLE", help="csv or tsv of feature pairs: first view, second view, weight."),
]

Genes = Annotated[
    Path | None,
    typer.Option("--genes", metavar="FILE", help="GTF or BED of genes: peaks are linked by gene activity."),
]
References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        metavar="FILE",
        help="Cells that measured both modalities in another experiment (h5mu, Cell Ranger h5, ...), or what "
        "crosstie learn learned from them; used where the data confirm it; repeatable.",
    ),
]
Droplets = Annotated[
    Path | None,
    typer.Option(
        "--droplets",
        metavar="FILE",
        help="Unfiltered matrix (raw_feature_bc_matrix.h5), whose empty droplets show the background to take off the "
        "proteins.",
    ),
]
PanelKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--panel-key",
        metavar="NAME=COLUMN",
        help="Column of obs with batches that measured different features: each panel becomes a view.",
    ),
]
Paired = Annotated[
    list[str] | None,
    typer.Option("--paired", metavar="NAME,NAME", help="Two views in which equal names are the same cell; repeatable."),
]
CELLS = ("rows", "columns")
Use = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME",
        help="Views to use of one file that holds several.  [dim]\\[all but hashtags, receptors, guides][/dim]",
    ),
]
Cells = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]WORD", help="Whether cells are rows or columns of a csv or tsv; found out where not given."
    ),
]
SectionKeys = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]COLUMN",
        help="Column of obs with the section of each imaged cell.  [dim]\\[section, if there][/dim]",
    ),
]
UsePositions = Annotated[
    bool, typer.Option("--positions/--no-positions", help='Whether to use positions of cells (obsm["spatial"]).')
]
LabelKey = Annotated[
    str | None,
    typer.Option(
        "--label-key", metavar="COLUMN", help=f"Column of obs with labels.  [dim]\\[{USUAL_KEY} if any][/dim]"
    ),
]
Pairs = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="Which cells are the same, for scores only: obs_names, a column of obs, or none; auto takes obs_names "
        "where at least half are shared.",
    ),
]


def read(
    paths: Mapping[str, Path],
    *,
    use: str | None = None,
    cells: Iterable[str] | None = None,
    most: int | None = None,
    least: int = 2,
) -> dict[str, AnnData]:
    """Return the views of a command, as `paths_of` found them.

    Parameters
    ----------
    paths
        The file of each view.
    use
        Names of the views to use of a single file, separated by commas; `None` uses all that take part.
    cells
        NAME=WORD: whether the cells of a table of text are its rows or its columns.
    most
        The matrices of views with more cells stay on disk; `None` reads all.
    least
        Number of views that are needed.

    Raises
    ------
    KeyError
        If there is no view of a name in `use`.
    ValueError
        If a file cannot be read, or fewer views than needed are left.
    """
    from crosstie.data.read_files import read_views

    return _taking_part(read_views(paths, cells=_cells(cells, paths), most=most), paths, use, least)


def read_features(
    paths: Mapping[str, Path], *, use: str | None = None, cells: Iterable[str] | None = None
) -> dict[str, AnnData]:
    """Return only the features of the views of a command; parameters and errors as of `read`."""
    from crosstie.data.read_files import read_features

    return _taking_part(read_features(paths, cells=_cells(cells, paths)), paths, use)


def references(paths: Iterable[Path]) -> list[LearnedLinks | dict[str, AnnData]]:
    """Return what `--reference` names: learned links, or the views of paired data."""
    from crosstie.data.read_files import read_views
    from crosstie.links import LearnedLinks

    return [LearnedLinks.load(path) if path.suffix == ".npz" else read_views({"": path}) for path in paths]


def without_background(
    data: dict[str, AnnData], droplets: Path, slot: Mapping[str, str], modality: Iterable[str]
) -> dict[str, AnnData]:
    """Return the views, with the background of proteins measured in empty droplets.

    Parameters
    ----------
    data
        The views by name.
    droplets
        File of the unfiltered matrix.
    slot
        What `--slot` says, by view.
    modality
        What `--modality` says.

    Raises
    ------
    ValueError
        If no view holds proteins, or the file does not hold the same ones.
    """
    from crosstie.data.read_files import read
    from crosstie.qc import with_background

    kinds = modalities_of(modality, data)
    proteins = [name for name, kind in kinds.items() if kind == "protein"]
    if not proteins:
        found = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
        raise value_error("--droplets: no view holds proteins.", found=found, do="Write --modality NAME=protein.")
    if changed := [name for name in proteins if slot.get(name, "X") != "X"]:
        do = "Leave one of them out."
        raise value_error(f"--droplets reads X of {sample(changed)}, --slot another matrix.", found=str(slot), do=do)
    raw = read(droplets, backed=True)
    empty = next(iter(raw.values())) if len(raw) == 1 else raw.get("adt")
    if empty is None:
        raise value_error(f"--droplets: {droplets} has no proteins.", found=sample(raw), expected="Antibody Capture")
    return data | {name: with_background(data[name], droplets=empty) for name in proteins}


def _taking_part(
    data: dict[str, AnnData], paths: Mapping[str, Path], use: str | None, least: int = 2
) -> dict[str, AnnData]:
    from crosstie.data.read_files import chosen

    if "" not in paths:
        if use is not None:
            do = "Leave it out, or give one file that holds all views."
            raise value_error("--use is about the views of one file.", found=f"{len(paths)} files", do=do)
        return data
    names = None if use is None else [name.strip() for name in use.split(",")]
    data = chosen(data, paths[""], names)
    if len(data) < least:
        expected = f"at least two: {_EXPECTED}"
        raise value_error(f"{paths['']}: there is only one view.", found=sample(data), expected=expected)
    return data


def _cells(words: Iterable[str] | None, paths: Mapping[str, Path]) -> dict[str, str]:
    cells = by_view(words, "--cells", paths)
    for word in cells.values():
        if word not in CELLS:
            raise unknown_name("--cells", word, CELLS)
    return cells


def paths_of(arguments: Sequence[str], *, least: int = 2) -> dict[str, Path]:
    """Return the file of each view; a single file that holds all views is under the name `""`.

    Parameters
    ----------
    arguments
        What is typed.
    least
        Number of views that are needed: one view and a reference will do.

    Raises
    ------
    ValueError
        If an argument is not of the form NAME=PATH, a name occurs twice, or there is only one view.
    """
    from crosstie.data.readers.mtx_folders import folder_of
    from crosstie.data.view_names import check_view_names

    if len(arguments) == 1 and ("=" not in arguments[0] or Path(arguments[0]).exists()):
        return {"": folder_of(Path(arguments[0]))}
    paths: dict[str, Path] = {}
    for argument in arguments:
        name, sign, path = argument.partition("=")
        if not (sign and name and path):
            stem = Path(argument).stem.strip("=") or "rna"
            do = f"Write {_asked_name(stem)}={argument.strip('=') or 'FILE.h5ad'}."
            raise value_error(f"view {argument!r} is not of the form NAME=PATH.", expected=_EXPECTED, do=do)
        check_view_names([name], do=f"Write {_asked_name(name)}={path}.")
        if name in paths:
            raise value_error(
                f"view {name!r} is given twice.", found=f"{paths[name]} and {path}", do="Use different names."
            )
        paths[name] = folder_of(Path(path))
    check_view_names(paths)
    if len(paths) < least:
        raise value_error("there is only one view.", found=sample(paths), expected=f"at least two: {_EXPECTED}")
    return paths


def by_view(words: Iterable[str] | None, option: str, views: Iterable[str]) -> dict[str, str]:
    """Read an option given as NAME=WORD for some views.

    A word without a name applies to all views.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If nothing follows the equals sign.
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
    """Return the modality of every view: as given, otherwise guessed."""
    from crosstie.data import modality

    return modality.modalities_of(data, by_view(words, "--modality", data))


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
    """Return the links of a command: suggested ones or those of a table, and shared cells.

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
        return [*suggest(data, modality, table=table, names=names, paired=bridges), *bridges]
    except InputError as error:
        if not bridges or table is not None:
            raise
        log.info("no features are linked: %s", str(error).splitlines()[0])
        return [*bridges]


def _asked_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", text).lstrip("_.+-") or "rna"
