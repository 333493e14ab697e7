"""`crosstie reproduce`: repeat the experiments of a study on its public data, next to the published figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import unknown_name, value_error
from crosstie._files import new_file
from crosstie.cli import json_answer
from crosstie.cli import scmodal_study as study_of_seed
from crosstie.cli.commands.fetch import Cache, Source, fetched
from crosstie.cli.console import Console, Quiet, Verbose, echo, table
from crosstie.cli.scmodal_study import CONTROL, LEARNED, PUBLISHED, TABLE, TRIMODAL, Hidden

if TYPE_CHECKING:
    import pandas as pd

    from crosstie.model.model import Model

EXAMPLES = ("crosstie reproduce seed --from ~/Downloads --cells 5000",)
STUDIES = ("seed",)
CITESEQ, DONOR = "citeseq_pbmc", "P1"
TEASEQ = ("teaseq_pbmc", "teaseq_pbmc_w3")
NOTE = (
    "Labels are those of the nearest cell, from the view left of the arrow to the one right of it. FOSCTTM: ↓ lower is "
    "better. Published figures used other subsets and filters of the same data, so compare with care."
)


def reproduce(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="seed: the study that this project builds on.")],
    source: Source = None,
    cache: Cache = None,
    cells: Annotated[
        int | None,
        typer.Option("--cells", metavar="N", min=50, help="Number of cells to draw from each data set.  [dim]\\[all]"),
    ] = None,
    teaseq: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="TEA-seq sample.  [dim]\\[teaseq_pbmc if its labels, or its files alone, are at hand, else "
            "teaseq_pbmc_w3, whose labels are published]",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="csv file for the table.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the subset, the shuffles and the fits.")] = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run a study's experiments on its public data, and print the figures next to the published ones.

    seed: CITE-seq with links from the table and with learned links; TEA-seq with three views; and a self-alignment
    control, a protein matrix and its own copy, because of which one published figure is void. The pairing of cells and
    their labels are hidden, and used for the scores only.
    """
    say = Console(verbose=verbose, quiet=quiet)
    if study not in STUDIES:
        raise unknown_name("reproduce", study, STUDIES)
    if out is not None and not out.resolve().parent.is_dir():
        raise value_error(f"--out {out} cannot be written.", found=f"no folder {out.resolve().parent}")
    if teaseq is not None and teaseq not in TEASEQ:
        raise unknown_name("--teaseq", teaseq, TEASEQ)
    sample = teaseq or _sample(source, cache)
    rows: list[dict[str, Any]] = []
    cite = study_of_seed.citeseq(
        fetched(CITESEQ, say, source=source, cache=cache, where={"donor": DONOR}), cells, seed=seed
    )
    first = _run(rows, TABLE, cite, say, lambda: study_of_seed.integrated(cite, seed), [("adt", "rna")])
    second = _run(rows, LEARNED, cite, say, lambda: study_of_seed.with_learned(cite, first, seed), [("adt", "rna")])
    notes = {TRIMODAL: sample} | ({LEARNED: "none were learned, so as above"} if second is first else {})
    alone = study_of_seed.control(cite, seed=seed)
    tea = study_of_seed.teaseq(fetched(sample, say, source=source, cache=cache), cells, seed=seed)
    pairs = [("atac", "adt"), ("adt", "rna"), ("atac", "rna")]
    _run(rows, TRIMODAL, tea, say, lambda: study_of_seed.integrated(tea, seed), pairs)
    _run(rows, CONTROL, alone, say, lambda: study_of_seed.integrated(alone, seed), [("copy", "adt")])
    found = _beside(rows)
    if out is not None:
        with new_file(out) as part:
            found.to_csv(part, index=False, float_format="%.6g")
    json_answer.give(figures=found, notes=notes, out=out)
    _print(found, rows, notes)


def _sample(source: Path | None, cache: Path | None) -> str:
    """Choose the sample that can be scored: the study's own if its labels are at hand, else one with published ones."""
    from crosstie.datasets.public.fetch import at_hand

    own, other = (at_hand(name, source=source, cache=cache) for name in TEASEQ)
    labelled = any(name.endswith("labels.csv") for name in own)
    return TEASEQ[0] if labelled or len(own) > len(other) else TEASEQ[1]


def _run(
    rows: list[dict[str, Any]],
    experiment: str,
    task: Hidden,
    say: Console,
    fit: Callable[[], Model],
    pairs: list[tuple[str, str]],
) -> Model:
    sizes = {view: adata.n_obs for view, adata in task.views.items()}
    n_cells = max(sizes.values())
    with say.stage(f"{experiment}: {n_cells:,} cells, {', '.join(sizes)}"):
        start = time.perf_counter()
        model = fit()
        seconds = time.perf_counter() - start
        for pair in pairs:
            for score, value in study_of_seed.scores(task, model, pair, many=len(pairs) > 1).items():
                row = {"experiment": experiment, "score": score, "value": value}
                rows.append(row | {"n_cells": n_cells, "seconds": seconds})
    return model


def _beside(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row for each of our figures and each published one beside it."""
    import pandas as pd

    out = []
    for row in rows:
        known = PUBLISHED.get((row["experiment"], row["score"]), ())
        for p in known or (None,):
            beside = (
                {"published": p.value, "by": p.by, "void": p.void} if p else {"published": "", "by": "", "void": ""}
            )
            out.append(row | beside)
    scored = {(row["experiment"], row["score"]) for row in rows}
    for (experiment, score), known in PUBLISHED.items():
        if (experiment, score) not in scored:  # there were no labels to score it with
            row = {"experiment": experiment, "score": score, "value": float("nan"), "n_cells": 0, "seconds": 0.0}
            out += [row | {"published": p.value, "by": p.by, "void": p.void} for p in known]
    return pd.DataFrame(out)


def _print(found: pd.DataFrame, rows: list[dict[str, Any]], notes: dict[str, str]) -> None:
    seconds = {row["experiment"]: row for row in rows}
    for experiment in found["experiment"].unique():
        part = found[found["experiment"] == experiment]
        lines, last = [], ""
        for _, row in part.iterrows():
            first, last = row["score"] != last, row["score"]
            ours = "" if not first else "no labels" if row["value"] != row["value"] else f"{row['value']:.4f}"
            published = f"VOID {row['published']}" if row["void"] else row["published"]
            by = f"{row['by']} – {row['void']}" if row["void"] else row["by"]
            lines.append([row["score"] if first else "", ours, published, by])
        run = seconds[experiment]
        name = f"{experiment}: {notes[experiment]}" if experiment in notes else experiment
        title = f"{name} ({run['n_cells']:,} cells, {run['seconds']:.0f} s)"
        table(title, ["score", "crosstie", "published", "by"], lines, right=[1, 2])
    echo(NOTE, lines=True)
