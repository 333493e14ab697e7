"""`crosstie evaluate`: scores of latent coordinates, from a run or any other method, where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import unknown_name, value_error
from crosstie._files import check_not_input, new_file
from crosstie.cli import json_answer, view_arguments
from crosstie.cli.console import Console, Quiet, Verbose
from crosstie.runs.folder import OBSM_KEY, VIEWS_FILE

if TYPE_CHECKING:
    from anndata import AnnData

EXAMPLES = ("crosstie evaluate run --label-key cell_type --pairs true_cell --out scores.csv",)


def evaluate(
    views: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="Folder of a run, one file that holds all views, or NAME=PATH for each."),
    ],
    label_key: view_arguments.LabelKey = None,
    pairs: view_arguments.Pairs = "auto",
    obsm: Annotated[str, typer.Option(help="Where the latent coordinates are.")] = OBSM_KEY,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the cells drawn for slow scores.")] = 0,
    out: Annotated[Path | None, typer.Option(help="csv file for the scores.")] = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score latent coordinates with all metrics that the known labels and pairs of cells allow."""
    say = Console(verbose=verbose, quiet=quiet)
    if out is not None and not out.resolve().parent.is_dir():
        raise value_error(f"--out {out} cannot be written.", found=f"no folder {out.resolve().parent}")
    paths = view_arguments.paths_of(views)
    if "" in paths and paths[""].is_dir():
        paths[""] = paths[""] / VIEWS_FILE
    if out is not None:
        check_not_input(out, paths.values())
    from crosstie.data.read_files import read_views

    with say.stage("reading " + ", ".join(map(str, paths.values()))):
        data = read_views(paths)
    latents = {name: _coordinates(name, adata, obsm) for name, adata in data.items()}
    from crosstie import metrics
    from crosstie.cli.score_table import print_scores
    from crosstie.runs.known_truth import check_label_key, labels_of, pairs_of

    labels = labels_of({name: adata.obs for name, adata in data.items()}, check_label_key(data, label_key))
    same = pairs_of(data, pairs)
    with say.stage("scoring"):
        scores = metrics.evaluate(latents, labels, pairs=same, seed=seed)
    if out is not None:
        with new_file(out) as part:
            scores.to_csv(part, index=False, float_format="%.6g")
    json_answer.give(scores=scores, out=out)
    print_scores(scores)


def _coordinates(view: str, adata: AnnData, key: str) -> Any:
    if key not in adata.obsm:
        do = "Integrate the views first: crosstie integrate."
        raise unknown_name(f"view {view!r}: --obsm", key, adata.obsm, do=do)
    return adata.obsm[key]
