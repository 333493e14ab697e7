"""`crosstie relate`: which features of one view are related to which of another."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._files import new_file
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo, table

if TYPE_CHECKING:
    import pandas as pd

    from crosstie.model.model import Model

EXAMPLES = ("crosstie relate run rna adt --by cell_type --out relations.csv",)
_FOLD = 15
MAX_DRAWN = 2_000_000  # pairs; heat maps of more show only those in the table


def relate(
    run: finished_run.RunFolder,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="View whose features explain.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="View whose features respond.")],
    out: Annotated[Path, typer.Option(help="csv file for the pairs of features; the heat map is written beside it.")],
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the source's obs: relate features within each group."),
    ] = None,
    n_top: Annotated[int, typer.Option(min=1, help="Source features for each target feature.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of neighbourhoods and permutations.")] = 0,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Whether to draw heat maps.")] = True,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Relate the features of two views: response, correlation, and the false discovery rate.

    Pairs are ranked by score: how far their correlation exceeds the other correlations of either feature.
    """
    say = Console(verbose=verbose, quiet=quiet)
    finished_run.check_file(out, ".csv")
    model = finished_run.open_with_data(run, say, source, target)
    finished_run.check_keys(model, source, "--by", [by] if by else [])
    with say.stage(f"relating features of {source} and {target}"):
        from crosstie import tl

        whole = plots and _n_pairs(model, source, target, by) <= MAX_DRAWN
        drawn = tl.relate(model, source, target, by=by, n_top=None if whole else n_top, seed=seed)
        relations = _best(drawn, n_top)
    pictures = _pictures(relations, out) if plots else {}
    with ExitStack() as files:
        relations.to_csv(files.enter_context(new_file(out)), index=False, float_format="%.4g")
        if pictures:
            files.enter_context(say.stage("drawing"))
        for group, path in pictures.items():
            title = f"{source} → {target}" + (f": {group}" if group else "")
            _draw(drawn, files.enter_context(new_file(path)), group, title)
    json_answer.give(out=out, pictures=list(pictures.values()))
    _print(relations, source, target)
    echo(f"{', '.join(map(str, [out, *pictures.values()]))}: {len(relations):,} pairs of features")


def _n_pairs(model: Model, source: str, target: str, by: str | None) -> int:
    n_groups = model.obs[source][by].nunique() if by else 1
    return len(model.recipes[source].names) * len(model.recipes[target].names) * n_groups


def _best(relations: pd.DataFrame, n_top: int) -> pd.DataFrame:
    """Return the first rows of each target feature, and group: `relate` gives the best first."""
    keys = [*(["group"] if "group" in relations else []), "target"]
    return relations.groupby(keys, sort=False).head(n_top).reset_index(drop=True)


def _pictures(relations: pd.DataFrame, out: Path) -> dict[str | None, Path]:
    """Return the file of the heat map of each group, or of the only one."""
    if "group" not in relations:
        return {None: out.with_suffix(".png")}
    paths: dict[str | None, Path] = {}
    for n, group in enumerate(relations["group"].unique()):
        word = re.sub(r"[^\w.+-]+", "_", group)
        path = out.with_name(f"{out.stem}_{word}.png")
        taken = {p.name.casefold() for p in paths.values()}  # as most file systems of macOS and Windows see names
        paths[group] = path if path.name.casefold() not in taken else path.with_stem(f"{path.stem}_{n}")
    return paths


def _draw(relations: pd.DataFrame, path: Path, group: str | None, title: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from crosstie import pl

    ax: Any = pl.relations(relations, group=group, title=title)
    ax.figure.savefig(path, bbox_inches="tight", dpi=150)
    plt.close(ax.figure)


def _print(relations: pd.DataFrame, source: str, target: str) -> None:
    best: Any = relations.sort_values("score", ascending=False, kind="stable").head(_FOLD)
    json_answer.give(n_pairs=len(relations), n_significant=int((relations["q"] <= 0.05).sum()), best=best)
    names = ["group"] * ("group" in best) + ["source", "target"]
    words = best[names].astype(str).to_numpy().tolist()
    numbers = [[f"{c:.2f}", f"{s:.1f}", f"{q:.2g}"] for c, s, q in best[["correlation", "score", "q"]].to_numpy(float)]
    rows = [[*word, *number] for word, number in zip(words, numbers, strict=True)]
    heads = [{"source": source, "target": target}.get(name, name) for name in names]
    right = range(len(names), len(names) + 3)
    note = f"{int((relations['q'] <= 0.05).sum()):,} of the {len(relations):,} pairs listed have q ≤ 0.05."
    title = f"Features of {source} and {target}, best first"
    table(title, [*heads, "correlation", "score", "q"], rows, right=right, note=note)
