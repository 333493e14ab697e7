"""Write a run into its folder. `crosstie integrate` and `crosstie demo` write the same files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie.data.stored import Stored
from crosstie.runs import folder as names
from crosstie.runs import record
from crosstie.runs.joint_map import Map, Plane, plane_table
from crosstie.runs.pictures import begin_drawing
from crosstie.runs.run import Run, Stage, pairs_table, silent
from crosstie.trust.diagnosis import WORDS

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.model.model import Model


def write(
    run: Run,
    folder: Path,
    *,
    plane: Map | None = None,
    stage: Stage = silent,
    report: Callable[[Path], object] | None = None,
) -> None:
    """Write a run into a folder that exists.

    The views of `run.data` get the latent coordinates, the confidence of their cells and the transferred labels.

    Parameters
    ----------
    run
        What to write, with its data.
    folder
        An existing, empty folder.
    plane
        The map, as `joint_map.begin_map` gives it; `None` takes the map of the run. Without either, no pictures are
        drawn. A process that made the map draws most of the pictures, too, while files are written here.
    stage
        Says what is being done.
    report
        Writes the report into the folder, from everything in it but the pictures, which may be drawn meanwhile. It is
        not called if there is no map, as when the process that draws it was killed.
    """
    verdict = {}
    if run.level is not None:
        findings = [{key: getattr(f, key) for key in names.FINDING} for f in run.findings]
        verdict = {"verdict": {"level": run.level, "reasons": list(run.reasons), "findings": findings}}
    drawing = _begin_drawing(run, folder, plane) if plane is not None and plane.is_ready() else None
    with stage("writing"):
        _write_tables(run, folder)
        run.model.save(folder / names.MODEL_FOLDER)
        if run.model.linkage.paired:
            run.model.embed_joint().write_h5ad(folder / names.JOINT_FILE)
        _write_views(run, folder / names.VIEWS_FILE)
        about = record.about(run) | dict(run.about) | verdict
        (folder / names.RUN_FILE).write_text(json.dumps(about, indent=2, default=str) + "\n", encoding="utf-8")
    if plane is not None or run.plane:
        with stage("drawing the map"):
            drawn, finish = drawing or _begin_drawing(run, folder, plane)
            if not drawn:
                return
            plane_table(drawn, run.model).to_csv(folder / names.MAP_FILE, index=False, float_format="%.5g")
        if report is not None:
            report(folder)
        with stage("drawing pictures"):
            finish()


def _begin_drawing(run: Run, folder: Path, plane: Map | None) -> tuple[Plane, Callable[[], list[str]]]:
    """Wait for the map, and begin to draw; return the map, and what finishes drawing."""
    drawn = run.plane if plane is None else plane.wait()
    if not drawn:
        return drawn, list
    submit = None if plane is None else plane.submit
    return drawn, begin_drawing(replace(run, plane=drawn), folder, submit=submit)


def _write_tables(run: Run, folder: Path) -> None:
    model, links = run.model, run.model.linkage.links
    condemned = run.level == "fail"  # then every table of answers says so
    for edge, labels in run.labels.items():
        labels = labels.assign(verdict=WORDS["fail"]) if condemned else labels
        labels.to_csv(folder / names.label_file(*edge), index_label="cell", float_format="%.4g")
    anchors = {edge: pairs_table(model, edge, found) for edge, found in model.anchors.items()}
    for pairs, file in ((anchors, names.ANCHORS_FILE), (run.matches, names.MATCHES_FILE)):
        if pairs:
            table = pd.concat(list(pairs.values()))
            table = table.assign(verdict=WORDS["fail"]) if condemned else table
            table.to_csv(folder / file, index=False, float_format="%.4g")
    if links:
        links_table(links).to_csv(folder / names.LINKS_FILE, index=False, float_format="%.6g")
        links_report_table(links).to_csv(folder / names.LINKS_REPORT_FILE, index=False)
    if len(run.scores):
        run.scores.to_csv(folder / names.SCORES_FILE, index=False, float_format="%.6g")
    if len(model.history):
        model.history.to_csv(folder / names.HISTORY_FILE, index=False, float_format="%.6g")
    if run.level is not None:
        run.signals.to_csv(folder / names.DIAGNOSIS_FILE, index=False, float_format="%.4g")
    if len(run.suspicious):
        run.suspicious.to_csv(folder / names.SUSPICIOUS_FILE, index=False, float_format="%.4g")


def links_table(links: Any) -> pd.DataFrame:
    """Return the pairs of links as one table, features and weight first; it can be used as a table of links."""
    parts = [link.pairs.assign(source_view=link.source, target_view=link.target) for link in links]
    return pd.concat(parts)[["source", "target", "weight", "column", "source_view", "target_view"]]


def links_report_table(links: Any) -> pd.DataFrame:
    """Return the outcome of the look-up of every feature as one table."""
    return pd.concat([link.report.assign(source_view=link.source, target_view=link.target) for link in links])


def _write_views(run: Run, path: Path) -> None:
    """Write the views with what was learned about their cells, and the matrices that links read beside them."""
    import mudata as md

    run.model.write(dict(run.data), key=names.OBSM_KEY)
    for name, adata in run.data.items():
        if name in run.confidence:
            adata.obs[names.CONFIDENCE] = run.confidence[name]
        elif names.CONFIDENCE in adata.obs:
            log.warning("%s: obs[%r] is of another run, and left out.", name, names.CONFIDENCE)
            del adata.obs[names.CONFIDENCE]
    for (source, target), labels in run.labels.items():
        obs = run.data[target].obs
        for column in labels.columns:
            end = "" if column == "label" else f"_{column}"
            values = labels[column]
            if column == "label":  # as text; missing ones remain missing
                values = values.astype(object).map(str, na_action="ignore")
            obs[f"{run.label_key}_from_{source}{end}"] = values.to_numpy()
    with views_as_they_are():
        mdata = md.MuData({name: _written(run.model, name, adata) for name, adata in run.data.items()})
        if run.level == "fail":
            mdata.uns["crosstie"] = {"verdict": WORDS["fail"], "reasons": list(run.reasons)}
        mdata.write_h5mu(path, compression="gzip")
    for name, adata in run.link_data.items():
        adata.write_h5ad(path.with_name(names.link_file(list(run.data).index(name))), compression="gzip")


def _written(model: Model, name: str, adata: AnnData) -> AnnData:
    """Return what is written of a view: all of it, or all but the matrices where these stay on disk."""
    if name not in model.views or not isinstance(model.views[name].matrix, Stored):
        return adata
    from anndata import AnnData

    return AnnData(obs=adata.obs, var=adata.var, obsm=dict(adata.obsm))
