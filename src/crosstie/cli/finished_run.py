"""What the commands on a finished run share: opening the run, checking options, printing labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import sample, unknown_name, value_error
from crosstie._files import check_not_input
from crosstie._log import log
from crosstie.cli import json_answer
from crosstie.cli.console import Console, table
from crosstie.runs.folder import JOINT_FILE, MODEL_FOLDER, RUN_FILE, VIEWS_FILE, about_of, check_run

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from crosstie.model.model import Model
    from crosstie.trust.diagnosis import Diagnosis

NOVEL = 0.3  # 99 of 100 cells are below where both views hold the same mixture of cells
_FOLD = 20  # labels printed

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, as crosstie integrate wrote it.")]
AbstainAt = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Leave labels below this confidence missing.  [dim]\\[label every cell][/dim]"),
]
KeepWords = Annotated[
    bool,
    typer.Option("--keep-words", help="Take words such as Unknown, unassigned or NA as labels, not as missing ones."),
]
UseAnyway = Annotated[
    bool,
    typer.Option("--use-anyway", help="Continue although the verdict on the run is: do not use. The output says so."),
]


def condemned(run: Path, *, use_anyway: bool) -> str:
    """Return the verdict that a result has to carry; empty unless the run's own verdict is "do not use".

    Raises
    ------
    ValueError
        If that is the verdict, and the result is not wanted anyway.
    """
    from crosstie.trust.diagnosis import WORDS

    found = about_of(run).get("verdict")
    if found is None:
        log.info("this run has not been judged: crosstie diagnose %s says whether it can be trusted.", run)
        return ""
    if found.get("level") != "fail":
        return ""
    reasons = "; ".join(found.get("reasons", ())) or "see crosstie diagnose"
    if not use_anyway:
        raise value_error(
            f"the verdict on {run} is: {WORDS['fail']}.",
            found=reasons,
            expected="a run that can be trusted",
            do="Fix what the reasons name and integrate again, or take the result at your own risk: --use-anyway.",
        )
    log.warning("the verdict on %s is: %s (%s). The result carries this verdict.", run, WORDS["fail"], reasons)
    return WORDS["fail"]


def open_run(run: Path, say: Console, *views: str) -> Model:
    """Return the model of a run, without data, in which there are these views.

    Raises
    ------
    KeyError
        If the run has no such view.
    ValueError
        If the folder is not that of a run, its model cannot be read, or a view is named twice.
    """
    check_run(run)
    with say.stage(f"reading {run}"):
        from crosstie.runs.read import read_model

        model = read_model(run)
    for name in views:
        if name not in model.latents:
            raise unknown_name(f"{run}: view", name, model.latents)
    if len(set(views)) < len(views):
        raise value_error("SOURCE and TARGET are one view.", found=views[0], expected=f"two of {sample(model.latents)}")
    return model


def open_with_data(run: Path, say: Console, *views: str) -> Model:
    """Return the model of a run, as `open_run` does, with the data that it was fitted to."""
    model = open_run(run, say, *views)
    from crosstie.runs.read import check_views, with_data

    check_views(run)
    with say.stage(f"reading {run / VIEWS_FILE}"):
        return with_data(model, run)


def check_file(out: Path, ending: str, run: Path) -> None:
    """Raise if a result about a run cannot be written to `out`; nothing is written yet."""
    if out.suffix != ending:
        raise value_error(f"--out {out} cannot be written.", found=f"ending {out.suffix!r}", expected=f"{ending!r}")
    folder = out.resolve().parent
    if out.is_dir() or not folder.is_dir():
        raise value_error(
            f"--out {out} cannot be written.",
            found="a folder" if out.is_dir() else f"no folder {folder}",
            do="Give a file in a folder that exists.",
        )
    if not os.access(folder, os.W_OK):
        raise value_error(f"--out {out} cannot be written.", found=f"{folder}, which is not writable")
    check_not_read(out, run)


def check_not_read(out: Path, run: Path, *, option: str = "--out") -> None:
    """Raise if writing to `out` would replace what commands read of a run."""
    read = (RUN_FILE, MODEL_FOLDER, VIEWS_FILE, JOINT_FILE)
    check_not_input(out, [*(run / name for name in read), *run.glob("links_*.h5ad")], option=option)


def diagnosed(model: Model, say: Console, *, seed: int) -> Diagnosis:
    """Return the diagnosis of a model, computed as a stage."""
    with say.stage("refitting with links, cells and counts left out"):
        from crosstie import trust

        return trust.diagnose(model, seed=seed)


def judged(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the verdict as commands give it in JSON."""
    from crosstie.trust.diagnosis import WORDS

    found = [{"about": f.about, "id": f.id, "level": f.level, "found": f.found, "do": f.do} for f in diagnosis.findings]
    said = {"level": diagnosis.level, "verdict": WORDS[diagnosis.level], "reasons": diagnosis.reasons}
    return said | {"findings": found}


def check_keys(model: Model, view: str, option: str, keys: Sequence[str]) -> None:
    """Raise `KeyError` where a view has no such column of obs."""
    for key in keys:
        if key not in model.obs[view]:
            raise unknown_name(f"{option}, a column of obs of {view!r}", key, model.obs[view].columns)


def levels_of(labels: pd.DataFrame, keys: Sequence[str]) -> Iterator[tuple[str, pd.Series, NDArray[Any]]]:
    """Yield key, labels and confidence of each level of transferred labels, coarse to fine."""
    for key, end in [*((key, f"_{key}") for key in keys[:-1]), (keys[-1], "")]:
        yield key, labels[f"label{end}"], labels[f"confidence{end}"].to_numpy()


def print_labels(labels: pd.DataFrame, keys: Sequence[str], source: str, target: str) -> None:
    """Print the number of cells with each label, level by level, and how many cells are novel."""
    import pandas as pd

    novel = int((labels["novelty"] >= NOVEL).sum())
    note = f"{novel:,} of {len(labels):,} cells have a novelty of {NOVEL} or more: little in {source} supports them."
    given: list[dict[str, Any]] = []
    for key, label, confidence in levels_of(labels, keys):
        word = label.astype(object).where(label.notna(), "(no label)").astype(str)
        found: Any = pd.Series(confidence).groupby(word.to_numpy()).agg(n_cells="size", confidence="mean")
        found = found.sort_values(by="n_cells", ascending=False, kind="stable")
        given.append({"key": key, "labels": found.rename_axis("label").reset_index()})
        rows = [[str(name), f"{n:,}", f"{mean:.2f}"] for name, n, mean in found.head(_FOLD).itertuples()]
        more = f"… and {len(found) - _FOLD:,} more labels. " if len(found) > _FOLD else ""
        title = f"{target}: {key}, from {source}"
        table(title, [key, "cells", "mean confidence"], rows, right=[1, 2], note=more + note)
    json_answer.give(n_cells=len(labels), n_novel=novel, levels=given)
