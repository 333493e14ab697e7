"""What a run yields, and the files that hold it. `integrate` and `demo` write the same ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any, TypeAlias

from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie._run import RUN_FILE
from crosstie._typing import Edge
from crosstie.cli import finished_run, json_answer, record
from crosstie.cli.apart import apart
from crosstie.cli.console import Console
from crosstie.cli.truth import UNKNOWN
from crosstie.data.stored import Stored

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

    from crosstie.anchors import Anchors
    from crosstie.model.model import Model
    from crosstie.trust.diagnosis import Diagnosis

OBSM_KEY = "X_crosstie"
MAX_PLOTTED = 20_000  # UMAP takes a second for every thousand cells or so

FEW_DRAWN = 4000  # cells; below, another process takes longer to start than to draw

Map: TypeAlias = "Callable[[], dict[str, pd.DataFrame]]"


@dataclass(frozen=True)
class Results:
    """Everything that a run says about its cells.

    Parameters
    ----------
    model
        Fitted.
    data
        The views.
    label_key
        Column of obs with the labels, or `None`.
    truth
        Labels of the views that have some.
    labels
        Transferred labels, by source and target view.
    matches
        Matched cells, by source and target view.
    scores
        Table of `metrics.evaluate`; empty where nothing is known beforehand.
    """

    model: Model
    data: Mapping[str, AnnData]
    label_key: str | None
    truth: dict[str, NDArray[Any]]
    labels: dict[Edge, pd.DataFrame]
    matches: dict[Edge, Anchors]
    scores: pd.DataFrame


def collect(
    model: Model,
    data: Mapping[str, AnnData],
    say: Console,
    *,
    label_key: str | None,
    truth: dict[str, NDArray[Any]],
    pairs: Mapping[str, NDArray[Any]] | None,
    seed: int,
) -> Results:
    """Take from a fitted model what a run yields: labels carried over, matched cells, and scores."""
    import pandas as pd

    from crosstie.metrics import evaluate
    from crosstie.tl import match_cells, transfer_labels

    labels: dict[Edge, pd.DataFrame] = {}
    if truth:
        with say.stage("transferring labels"):
            known = {name: [None if label == UNKNOWN else label for label in y] for name, y in truth.items()}
            edges = [(source, target) for source, target in permutations(data, 2) if source in known]
            labels = {(s, t): transfer_labels(model, s, t, labels=known[s]) for s, t in edges}
    with say.stage("matching cells"):
        matches = {(s, t): match_cells(model, s, t) for s, t in model.anchors}
    scores = pd.DataFrame(columns=["metric", "source", "target", "value"])
    if len(truth) > 1 or pairs:
        with say.stage("scoring"):
            scored = model.latents
            if model.core_rows:
                log.info("scores are of the cells that were fitted on.")
                scored, rows = model.core.latents, model.core_rows
                truth_of = {name: y[rows[name]] for name, y in truth.items()}
                pairs = {name: cell[rows[name]] for name, cell in (pairs or {}).items()}
                pairs = pairs if pairs and set.intersection(*map(set, pairs.values())) else None
            else:
                truth_of = truth
            scores = evaluate(scored, truth_of if len(truth_of) > 1 else None, pairs=pairs or None, seed=seed)
    return Results(model, data, label_key, truth, labels, matches, scores)


@contextmanager
def mapping(data: Mapping[str, AnnData], *, plots: bool, seed: int) -> Iterator[Callable[[Model], Map | None]]:
    """Give what begins the map of a model that will be fitted to views; what that returns waits until the map is there.

    UMAP is compiled anew in every process, which takes as long as all the rest of a run of 10,000 cells: where there is
    a second core, a second process compiles it during the fit, and does the work beside all that follows.
    """
    from crosstie._threads import n_cores

    def begin(model: Model, submit: Callable[..., Future[Any]] | None = None) -> Map:
        from crosstie.pl.embedding import joint_umap
        from crosstie.report.run import as_plane, drawn_rows

        rows = drawn_rows({name: len(z) for name, z in model.latents.items()}, MAX_PLOTTED, seed)
        z = {name: z[rows[name]] for name, z in model.latents.items()}
        if submit is None:
            return lambda: as_plane(rows, joint_umap(z, seed=seed))
        coords = submit(joint_umap, z, seed=seed)
        return lambda: as_plane(rows, coords.result())

    if not plots:
        yield lambda _: None
    elif n_cores() < 2 or sum(view.n_obs for view in data.values()) < FEW_DRAWN:
        yield begin
    else:
        with apart(_compile_umap) as submit:
            yield partial(begin, submit=submit)


def _compile_umap() -> None:
    """Map a few points, for the compiled code that this leaves in the process."""
    import numpy as np

    from crosstie.pl.embedding import joint_umap

    joint_umap({"": np.random.default_rng(0).normal(size=(100, 2))})


def write(
    results: Results,
    folder: Path,
    say: Console,
    *,
    picture: Map | None,
    about: Mapping[str, Any],
    diagnosis: Diagnosis | None = None,
) -> None:
    """Write a run into a folder that exists.

    Parameters
    ----------
    results
        What to write.
    folder
        Where.
    say
        Says what is being done.
    picture
        What `mapping` gave; `None` draws no pictures, and gives the report no map.
    about
        What else `run.json` should say.
    diagnosis
        The verdict, if it was asked for.
    """
    verdict = {} if diagnosis is None else {"verdict": {"level": diagnosis.level, "reasons": list(diagnosis.reasons)}}
    with say.stage("writing"):
        _write_tables(results, folder)
        results.model.save(folder / "model")
        if results.model.linkage.paired:
            results.model.embed_joint().write_h5ad(folder / "joint.h5ad")
        _write_views(results, folder / "integrated.h5mu")
        said = record.about(results) | dict(about) | verdict
        (folder / RUN_FILE).write_text(json.dumps(said, indent=2, default=str) + "\n", encoding="utf-8")
        if diagnosis is not None:
            diagnosis.table.to_csv(folder / "diagnosis.csv", index=False, float_format="%.4g")
    if picture is not None:
        with say.stage("drawing"):
            draw(results, folder, picture())


def give(found: Results, out: Path, diagnosis: Diagnosis | None, *, seconds: float) -> None:
    """Give a run as the answer of a command: where it is, what is in it, scores and verdict."""
    json_answer.give(
        out=out,
        files=[(out / name).as_posix() + "/" * name.endswith("/") for name in files_of(out)],
        views={n: {"n_cells": len(z), "n_latent": z.shape[1]} for n, z in found.model.latents.items()},
        scores=found.scores,
        diagnosis=None if diagnosis is None else finished_run.judged(diagnosis),
        seconds=seconds,
    )


def report(folder: Path, say: Console) -> None:
    """Write report.html into the folder of a run in which all else is written."""
    from crosstie.report import write as write_report

    with say.stage("writing the report"):
        write_report(folder)


def files_of(folder: Path) -> list[str]:
    """Return the names of a run's files and folders, folders with a slash."""
    return sorted(p.name + "/" * p.is_dir() for p in folder.iterdir())


def _write_tables(results: Results, folder: Path) -> None:
    import pandas as pd

    model = results.model
    for (source, target), table in results.labels.items():
        table.to_csv(folder / f"labels_{source}_to_{target}.csv", index_label="cell", float_format="%.4g")
    for name, found in (("anchors", model.anchors), ("matches", results.matches)):
        parts = [
            pd.DataFrame(
                {
                    "source_view": source,
                    "target_view": target,
                    "source": model.obs[source].index[pairs.source],
                    "target": model.obs[target].index[pairs.target],
                    "weight": pairs.weight,
                }
            )
            for (source, target), pairs in found.items()
        ]
        pd.concat(parts).to_csv(folder / f"{name}.csv", index=False, float_format="%.4g")
    if model.linkage.links:
        links_table(model.linkage.links).to_csv(folder / "links.csv", index=False, float_format="%.6g")
        report_table(model.linkage.links).to_csv(folder / "links_report.csv", index=False)
    if len(results.scores):
        results.scores.to_csv(folder / "scores.csv", index=False, float_format="%.6g")
    if len(model.history):
        model.history.to_csv(folder / "history.csv", index=False, float_format="%.6g")


def links_table(links: Any) -> pd.DataFrame:
    """Return the pairs of links as one table, features and weight first: it can be given back as a table of links."""
    import pandas as pd

    parts = [link.pairs.assign(source_view=link.source, target_view=link.target) for link in links]
    return pd.concat(parts)[["source", "target", "weight", "column", "source_view", "target_view"]]


def report_table(links: Any) -> pd.DataFrame:
    """Return what became of every feature that was looked up, as one table."""
    import pandas as pd

    parts = [link.report.assign(source_view=link.source, target_view=link.target) for link in links]
    return pd.concat(parts)


def _write_views(results: Results, path: Path) -> None:
    import mudata as md

    results.model.write(dict(results.data), key=OBSM_KEY)
    for (source, target), table in results.labels.items():
        obs = results.data[target].obs
        for column in table.columns:
            end = "" if column == "label" else f"_{column}"
            values = table[column].to_numpy()
            obs[f"{results.label_key}_from_{source}{end}"] = values.astype(str) if column == "label" else values
    with views_as_they_are():
        md.MuData({name: _written(results.model, name, a) for name, a in results.data.items()}).write_h5mu(
            path, compression="gzip"
        )


def _written(model: Model, name: str, adata: AnnData) -> AnnData:
    """Return what is written of a view: all of it, or all but the matrices, where these stay on disk."""
    if name not in model.views or not isinstance(model.views[name].matrix, Stored):
        return adata
    from anndata import AnnData

    return AnnData(obs=adata.obs, var=adata.var, obsm=dict(adata.obsm))


def draw(results: Results, folder: Path, plane: Mapping[str, pd.DataFrame]) -> None:
    """Draw the pictures of a run: the views together, by view and by label, confusions, and the course of training."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from crosstie import pl
    from crosstie.report.run import PLANE

    def save(ax: Any, name: str) -> None:
        ax.figure.savefig(folder / f"{name}.png", bbox_inches="tight", dpi=150)
        plt.close(ax.figure)

    _plane_table(results.model, plane).to_csv(folder / PLANE, index=False, float_format="%.5g")
    coords = {name: part[["x", "y"]].to_numpy() for name, part in plane.items()}
    save(pl.embedding(coords, title="Views"), "umap_view")
    if results.truth:
        colour = {name: y[plane[name]["row"].to_numpy()] for name, y in results.truth.items()}
        save(pl.embedding(coords, colour=colour, title=results.label_key), "umap_label")
    for (source, target), table in results.labels.items():
        if target in results.truth:
            title = f"{results.label_key}: {source} → {target}"
            ax = pl.confusion(results.truth[target], table["label"].to_numpy(), title=title)
            save(ax, f"confusion_{source}_to_{target}")
    if len(results.model.history):
        save(pl.losses(results.model.history, title="Training"), "losses")


def _plane_table(model: Model, plane: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the coordinates of the pictures as one table; `row` is the cell's number in its view."""
    import pandas as pd

    parts = [
        pd.DataFrame(
            {
                "view": name,
                "row": part["row"],
                "cell": model.obs[name].index[part["row"]],
                "umap_1": part["x"],
                "umap_2": part["y"],
            }
        )
        for name, part in plane.items()
    ]
    return pd.concat(parts)
