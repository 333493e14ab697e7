"""`crosstie diagnose`: can you trust a run? A verdict in words, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie._errors import value_error
from crosstie._files import new_file
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Seed, Verbose, echo

EXAMPLES = ("crosstie diagnose run --out figures.csv --cells cells.csv",)


def diagnose(
    run: finished_run.RunFolder,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="csv file for the figures behind the verdict.")] = None,
    cells: Annotated[Path | None, typer.Option(help="csv file for the confidence in every cell.")] = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check whether a run can be trusted, and if not, why; no labels are needed.

    The verdict is "trustworthy", "use with care" or "do not use". The exit status is 0 in all three cases.
    """
    say = Console(verbose=verbose, quiet=quiet)
    for option, path in (("--out", out), ("--cells", cells)):
        if path is not None and not path.resolve().parent.is_dir():
            raise value_error(f"{option} {path} cannot be written.", found=f"no folder {path.resolve().parent}")
    model = finished_run.open_with_data(run, say)
    diagnosis = finished_run.diagnosed(model, say, seed=seed)
    if out is not None:
        with new_file(out) as part:
            diagnosis.table.to_csv(part, index=False, float_format="%.4g")
    if cells is not None:
        import pandas as pd

        parts = [
            pd.DataFrame({"view": name, "cell": score.index, "confidence": score.to_numpy()})
            for name, score in diagnosis.confidence.items()
        ]
        with new_file(cells) as part:
            pd.concat(parts).to_csv(part, index=False, float_format="%.4g")
    json_answer.give(**finished_run.judged(diagnosis), signals=diagnosis.table, out=out, cells=cells)
    echo(diagnosis, lines=True)
