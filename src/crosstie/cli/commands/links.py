"""`crosstie links`: which features would be linked, which not, and why. Reads names only, so it is quick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import unknown_name, value_error
from crosstie._files import check_not_input, new_file
from crosstie.cli import json_answer, view_arguments
from crosstie.cli.console import Console, Quiet, Verbose, table

if TYPE_CHECKING:
    import pandas as pd

    from crosstie.links import Link

EXAMPLES = ("crosstie links rna=rna.h5ad adt=adt.h5ad --only unlinked",)
ONLY = ("all", "linked", "unlinked")
_FOLD = 12  # features shown of each status, unless asked for more


def links(
    views: view_arguments.Views,
    links: view_arguments.Table = None,
    names: view_arguments.Names = None,
    use: view_arguments.Use = None,
    cells: view_arguments.Cells = None,
    modality: view_arguments.Modalities = None,
    only: Annotated[
        str | None, typer.Option(help="Print all, linked or unlinked features in full.  [dim]\\[all, shortened][/dim]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="csv file for the linked pairs; can be used with --links.")] = None,
    report: Annotated[Path | None, typer.Option(help="csv file with the outcome for every feature.")] = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show which features of the views would be linked, which not, and why."""
    Console(verbose=verbose, quiet=quiet)
    if only is not None and only not in ONLY:
        raise unknown_name("--only", only, ONLY)
    for path in (out, report):
        if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
            found = "a folder" if path.is_dir() else f"no folder {path.resolve().parent}"
            raise value_error(f"{path} cannot be written.", found=found, expected="the name of a csv file")
    paths = view_arguments.paths_of(views)
    for option, path in (("--out", out), ("--report", report)):
        if path is not None:
            check_not_input(path, [*paths.values(), *([] if links is None else [links])], option=option)
    from crosstie.links.suggest import suggest

    data = view_arguments.read_features(paths, use=use, cells=cells)
    kinds = view_arguments.modalities_of(modality, data)
    made = suggest(data, kinds, table=links, names=view_arguments.by_view(names, "--names", data))
    from crosstie.runs.write import links_report_table, links_table

    for path, told in ((out, links_table), (report, links_report_table)):
        if path is not None:
            with new_file(path) as part:
                told(made).to_csv(part, index=False)
    json_answer.give(links=[_answer(link) for link in made], out=out, report=report)
    for link in made:
        _print(link, only)


def _answer(link: Link) -> dict[str, Any]:
    return {
        "source": link.source,
        "target": link.target,
        "n_columns": link.n_columns,
        "features": link.report["status"].value_counts(),
        "pairs": link.pairs[["source", "target", "weight"]],
        "unlinked": link.report.loc[link.report["status"] != "linked", ["feature", "status", "reason"]],
    }


def _print(link: Link, only: str | None) -> None:
    report = link.report
    counts = report["status"].value_counts()
    order = sorted(counts.index, key=lambda status: (status != "linked", -counts[status]))
    n_features = link.pairs[["source", "target"]].nunique()
    table(
        f"{link.source} – {link.target}: {link.n_columns} independent links, between {n_features['source']} features "
        f"of {link.source} and {n_features['target']} of {link.target}",
        ["status", "features"],
        [[status, f"{counts[status]:,}"] for status in order],
        right=[1],
    )
    wanted = [s for s in order if only in (None, "all") or (s == "linked") == (only == "linked")]
    for status in wanted:
        _print_status(status, report[report["status"] == status], fold=only is None)


def _print_status(status: str, rows: pd.DataFrame, *, fold: bool) -> None:
    """Print the features of one status; a reason that all share goes into the title."""
    columns = ["feature", *(["targets"] if status == "linked" else [])]
    reasons = rows["reason"].unique()
    if len(reasons) > 1 or len(rows) == 1:
        columns.append("reason")
    title = status if "reason" in columns else f"{status}: {reasons[0]}"
    shown = rows.head(_FOLD) if fold else rows
    note = "" if len(shown) == len(rows) else f"… and {len(rows) - len(shown):,} more: --only {_group(status)}"
    table(title, _headings(columns), shown[columns].astype(str).to_numpy().tolist(), note=note)


def _group(status: str) -> str:
    return "linked" if status == "linked" else "unlinked"


def _headings(columns: Sequence[str]) -> list[str]:
    return [{"targets": "linked to"}.get(column, column) for column in columns]
