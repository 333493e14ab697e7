"""`crosstie demo`: the main job, from counts to scores, on simulated data for which the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from crosstie._beside import Submit, begin
from crosstie._files import new_folder
from crosstie.cli import finished_run
from crosstie.cli.console import Console, Quiet, Verbose, echo, table
from crosstie.cli.out_folder import run_folder
from crosstie.runs.folder import RUN_FILE, files_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from crosstie._typing import Array
    from crosstie.model.model import Model
    from crosstie.runs.run import Run

    Baseline: TypeAlias = tuple[dict[str, Array], pd.DataFrame]  # coordinates and scores of the linked features alone

EXAMPLES = ("crosstie demo", "crosstie demo --n-cells 500 --out small --no-plots")
KEY, SAME = "cell_type", "true_cell"
COLUMNS = ["score", "source", "target", "value", "linked_only", "chance"]
NOTE = (
    "↑ higher is better, ↓ lower is better, 1 of perfect mixing is best. linked features only: nearest cells by the "
    "linked proteins and genes, without integration. chance: cells of the two views paired at random (which would mix "
    "them perfectly, so that line has none)."
)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo"),
    n_cells: Annotated[int, typer.Option(min=100, max=100_000, help="Cells of each view.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the simulation and the run.")] = 0,
    plots: Annotated[
        bool, typer.Option("--plots/--no-plots", help="Whether to draw pictures and write report.html.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite/--keep", help="Whether to replace the folder of an earlier demo.")
    ] = True,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run the main job on simulated data: integrate, transfer labels, match, impute, score.

    RNA and proteins of blood cells are simulated as if measured in different cells. Which cells are the same is known,
    but used for the scores only.
    """
    say = Console(verbose=verbose, quiet=quiet)
    with run_folder(out, overwrite=overwrite):
        _run(say, out, n_cells, seed=seed, plots=plots)


def _run(say: Console, out: Path, n_cells: int, *, seed: int, plots: bool) -> None:
    with say.stage(f"simulating RNA and proteins of {n_cells:,} cells"):
        from crosstie.datasets import simulate_citeseq

        data = dict(simulate_citeseq(n_cells=n_cells, seed=seed).mod)
    from crosstie.cli.commands.integrate import about_run, fitted, give, report
    from crosstie.config import Config
    from crosstie.runs.background import beside
    from crosstie.runs.joint_map import begin_map
    from crosstie.runs.known_truth import pairs_of
    from crosstie.runs.run import Run
    from crosstie.runs.write import write

    with beside(data, plots=plots) as submit:
        model = fitted(data, None, Config(), say, seed=seed)
        plane = begin_map(model, seed=seed, submit=submit) if plots else None
        found = Run(model, data, label_key=KEY)
        same = pairs_of(data, SAME)
        matching = found.begin_matches(submit)
        scoring = found.begin_scores(same, seed=seed, submit=submit)
        below = _begin_baseline(found, same, seed, submit)
        found = found.with_labels(say.stage)
        diagnosis = finished_run.diagnosed(model, say, seed=seed)
        found = found.with_scores(same, stage=say.stage, begun=scoring)
        found = found.with_matches(say.stage, matching)
        with say.stage("imputing proteins, scoring against linked features only"):
            scores = _scores(found, same, below())
        about = about_run(say, seed=seed, device="auto") | {
            "inputs": {"simulated": {"n_cells": n_cells, "seed": seed}},
            "settings": {"demo": {"n_cells": n_cells, "seed": seed, "plots": plots}},
        }
        found = replace(found.with_verdict(diagnosis), about=about, scores=scores)
        with new_folder(out.resolve(), last=RUN_FILE) as folder:
            write(found, folder, plane=plane, stage=say.stage, report=partial(report, say=say))
    give(found, out, diagnosis)
    _print(scores, n_cells)
    echo(f"Can you trust this run? Judged without the truth: {diagnosis.verdict}\n", lines=True)
    echo(f"{out}: {', '.join(files_of(out))}")


def _begin_baseline(found: Run, same: Any, seed: int, submit: Submit | None) -> Callable[[], Baseline]:
    """Begin to score the linked features alone; return what waits for their coordinates and scores."""
    from crosstie import metrics

    base = linked_latents(found.model)
    finish = begin(submit, metrics.evaluate, base, found.truth, pairs=same, seed=seed)
    return lambda: (base, finish())


def _scores(found: Run, same: Any, baseline: Baseline) -> pd.DataFrame:
    """Return the table that the demo prints: a row per score and direction, beside the baseline and chance."""
    import pandas as pd

    from crosstie import metrics

    model, truth, (base, scored) = found.model, found.truth, baseline
    below, ours = (t.set_index(["metric", "source", "target"])["value"] for t in (scored, found.scores))
    rows: list[tuple[str, str, str, float, float, float]] = []
    for (source, target), labels in found.labels.items():
        simple = metrics.nearest_labels(base[source], truth[source], base[target], k=30)  # as many as vote in ours
        for what, score, chance in (
            ("accuracy", metrics.transfer_accuracy, _agreement(truth[source], truth[target])),
            ("balanced", metrics.balanced_accuracy, 1 / len(set(truth[target]))),
        ):
            value, low = (score(truth[target], predicted) for predicted in (labels["label"], simple))
            rows.append((f"label transfer, {what} ↑", source, target, value, low, chance))
    for (source, target), pairs in found.matches.items():
        at = (source, target)
        s, t = (model.cells[at[i]].get_indexer(pd.Index(pairs[side])) for i, side in enumerate(("source", "target")))
        for what, of in (("the same cell type", truth), ("the same cell", same)):
            value = metrics.matching_accuracy(s, t, of[source], of[target])
            low = below["matching_accuracy", *at] if of is same else below["accuracy", target, source]
            rows.append((f"matched cells, {what} ↑", *at, value, low, _agreement(of[source], of[target])))
        low, value = ((t["foscttm", source, target] + t["foscttm", target, source]) / 2 for t in (below, ours))
        rows.append(("FOSCTTM ↓", "all", "all", value, low, 0.5))
    mixed = ("alignment", "all", "all")
    # Random coordinates mix perfectly, so that chance is no bound below which a method fails.
    rows.append(("mixing, relative to perfect", "all", "all", ours[mixed], below[mixed], float("nan")))
    rows += _imputation(found, base, same)
    return pd.DataFrame(rows, columns=COLUMNS)


def linked_latents(model: Model) -> dict[str, Array]:
    """Return the baseline's coordinates: the linked columns of each view, scaled, and nothing else."""
    import numpy as np

    (link,) = model.linkage.links
    sides = link.restricted(model.recipes[link.source].names, model.recipes[link.target].names)
    maps = sides.projections(model.recipes[link.source].names, model.recipes[link.target].names)
    out = {}
    for name, projection in zip(link.edge, maps, strict=True):
        columns = model.recipes[name].scale(model.views[name].loaded) @ projection
        out[name] = ((columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-6)).astype(np.float32)
    return out


def _imputation(
    found: Run, base: Mapping[str, Array], same: Mapping[str, np.ndarray]
) -> list[tuple[str, str, str, float, float, float]]:
    """Compare the proteins imputed for RNA cells with those measured in the same cells."""
    import numpy as np
    import pandas as pd

    from crosstie.tl import impute

    model = found.model
    (link,) = model.linkage.links
    source, target = link.edge
    imputed = impute(model, source, target)
    names = model.recipes[target].names
    measured = model.recipes[target].scale(model.views[target].loaded)
    _, at_source, at_target = np.intersect1d(same[source], same[target], return_indices=True)
    linked = link.restricted(model.recipes[source].names, names).pairs
    column = np.unique(linked["column"].to_numpy(), return_inverse=True)[1]
    proteins, first = np.unique(linked["target"].to_numpy(str), return_index=True)
    true = measured[at_target][:, names.get_indexer(pd.Index(proteins))]
    guess = _dense(imputed[:, proteins].X)[at_source]
    simple = base[source][at_source][:, column[first]]
    ours, below = (float(np.median(_correlation(true, x))) for x in (guess, simple))
    return [(f"imputed {len(proteins)} linked proteins, median Pearson ↑", source, target, ours, below, 0.0)]


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of the columns of two matrices; 0 where one is constant."""
    import numpy as np

    x, y = x - x.mean(0), y - y.mean(0)
    return (x * y).sum(0) / np.maximum(np.sqrt((x**2).sum(0) * (y**2).sum(0)), 1e-12)


def _agreement(source: np.ndarray, target: np.ndarray) -> float:
    """Return how often two cells, one of each view, drawn at random, have the same label."""
    import pandas as pd

    left, right = (pd.Series(x).value_counts(normalize=True) for x in (source, target))
    return float((left * right.reindex(left.index, fill_value=0)).sum())


def _figure(x: float) -> str:
    return "–" if x != x else f"{x:.3f}" if abs(x) >= 1e-3 or not x else f"{x:.4f}"


def _print(scores: pd.DataFrame, n_cells: int) -> None:
    directions = (scores["source"] + " → " + scores["target"]).where(scores["source"] != scores["target"], "")
    numbers = scores[COLUMNS[3:]].to_numpy(float)
    rows = [
        [score, direction, *map(_figure, line)]
        for score, direction, line in zip(scores["score"], directions, numbers, strict=True)
    ]
    columns = ["", "", "crosstie", "linked features only", "chance"]
    title = f"{n_cells:,} cells, measured as RNA and as proteins; the pairing was hidden"
    table(title, columns, rows, right=[2, 3, 4], note=NOTE)
