"""`crosstie learn`: from cells that measured two modalities to a small file of learned links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie._files import check_not_input
from crosstie.cli import json_answer, view_arguments
from crosstie.cli.console import Console, Quiet, Seed, Verbose, echo, table

EXAMPLES = ("crosstie learn pbmc.h5mu --out pbmc.npz",)
SHOWN = 10


def learn(
    reference: Annotated[
        list[str], typer.Argument(metavar="REFERENCE...", help="One file of both modalities, or NAME=FILE of each.")
    ],
    out: Annotated[Path, typer.Option(help="File to write, ending in .npz. It holds no cells.")],
    seed: Seed = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Learn from paired data how proteins follow from genes, for use as --reference.

    The view with more features predicts the other. The file holds statistics of features, no cells, and can be shared.
    """
    from crosstie._errors import value_error
    from crosstie.links import learn as learned_from

    say = Console(verbose=verbose, quiet=quiet)
    paths = view_arguments.paths_of(reference)
    if out.suffix != ".npz":
        raise value_error(f"--out {out} cannot be written.", found=f"ending {out.suffix!r}", expected="'.npz'")
    check_not_input(out, paths.values())
    with say.stage("reading " + ", ".join(map(str, paths.values()))):
        data = view_arguments.read(paths)
    source, target = sorted(data, key=lambda view: -data[view].n_vars)[:2]
    with say.stage("learning"):
        learned = learned_from(data, source, target, seed=seed)
    learned.save(out)
    best = learned.table.sort_values("r", ascending=False)
    json_answer.give(
        file=out,
        source=source,
        target=target,
        n_cells=learned.n_cells,
        r=dict(zip(best["feature"], best["r"], strict=True)),
    )
    rows = [[feature, f"{r:.2f}"] for feature, r in best.head(SHOWN).itertuples(index=False)]
    note = f"r: correlation of prediction and measurement in cells left out; {len(best)} features in all."
    table(f"{target} predicted from {source}", ["feature", "r"], rows, note=note)
    echo(f"{out}: to use it, crosstie integrate … --reference {out}")
