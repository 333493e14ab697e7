"""The page: its sections in order, with style and script inside, and a content policy that blocks everything else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from crosstie._errors import type_error, unknown_name, value_error
from crosstie._files import new_file
from crosstie._version import __version__
from crosstie.report.html import Html, el, joined
from crosstie.report.sections.again import again
from crosstie.report.sections.anchors import anchors
from crosstie.report.sections.checks import checks
from crosstie.report.sections.imputation import imputation
from crosstie.report.sections.inputs import inputs
from crosstie.report.sections.labels import labels
from crosstie.report.sections.linked_features import linked_features
from crosstie.report.sections.links import links
from crosstie.report.sections.map import joint_map
from crosstie.report.sections.methods import methods
from crosstie.report.sections.settings import settings
from crosstie.report.sections.suspicious_links import suspicious_links
from crosstie.report.sections.training import training
from crosstie.report.sections.verdict import verdict
from crosstie.runs.folder import REPORT_FILE
from crosstie.runs.joint_map import MAX_PLOTTED, plane_of
from crosstie.runs.read import read
from crosstie.runs.run import Run

if TYPE_CHECKING:
    from crosstie.model.model import Model
    from crosstie.trust.diagnosis import Diagnosis

SECTIONS: tuple[tuple[str, str, Callable[[Run], Html]], ...] = (  # id, entry in the contents, content
    ("verdict", "Verdict", verdict),
    ("map", "Map", joint_map),
    ("inputs", "Inputs", inputs),
    ("links", "Links", links),
    ("linked-features", "Linked features", linked_features),
    ("suspicious-links", "Suspicious links", suspicious_links),
    ("labels", "Labels", labels),
    ("imputation", "Imputation", imputation),
    ("anchors", "Anchors", anchors),
    ("training", "Training", training),
    ("checks", "Checks", checks),
    ("settings", "Settings", settings),
    ("again", "Run it again", again),
    ("methods", "Methods", methods),
)


def write(
    run: Model | str | Path,
    out: str | Path | None = None,
    *,
    label_key: str | None = None,
    diagnosis: Diagnosis | None = None,
    max_cells: int | None = None,
    seed: int = 0,
) -> Path:
    """Write the report of a run: one self-contained HTML file that opens offline.

    Parameters
    ----------
    run
        Folder of a run, as written by `crosstie integrate`, or a fitted model.
    out
        Path of the file, `*.html`; `None` takes `report.html` in the folder of the run. It is written completely or
        not at all.
    label_key
        Column of obs with labels to transfer and compare; only for a model, since a folder knows its own.
    diagnosis
        Result of `trust.diagnose`; `None` takes the one in the folder, or computes it for a model with data.
    max_cells
        Maximum number of cells on the map, which is then recomputed. `None` takes the map in the folder, or 20,000.
    seed
        Seed of everything that is recomputed.

    Returns
    -------
    Path of the file.

    Raises
    ------
    KeyError
        If the label column does not exist.
    ValueError
        If the folder is not the folder of a run, the model is not fitted, or `out` cannot be written.
    """
    folder = Path(run) if isinstance(run, (str, Path)) else None
    if out is None and folder is None:
        raise value_error("report: `out` is missing.", do='Pass a file: xt.report.write(model, "report.html").')
    path = Path(out) if out is not None else (folder or Path()) / REPORT_FILE
    if path.suffix.lower() not in (".html", ".htm"):
        raise value_error("report: `out` must be an HTML file.", found=str(path), expected="a name that ends in .html")
    if max_cells is not None and max_cells < 1:
        raise value_error("report: max_cells is too small.", found=str(max_cells), expected="at least 1")
    if folder is not None:
        told = read(folder, diagnosis=diagnosis, max_cells=max_cells, seed=seed)
    else:
        assert not isinstance(run, (str, Path))
        if not hasattr(run, "latents"):
            raise type_error("report: no run.", found=type(run).__name__, expected="a Model, or the folder of a run")
        told = _run_of(run, label_key=label_key, diagnosis=diagnosis, max_cells=max_cells, seed=seed)
    text = page(told)
    with new_file(path, streams=out is not None) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _run_of(
    model: Model, *, label_key: str | None, diagnosis: Diagnosis | None, max_cells: int | None, seed: int
) -> Run:
    """Return the run of a fitted model, diagnosed if it has its data, with a map."""
    from crosstie import trust

    model.embed(next(iter(model.linkage.views)))  # raises if the model is not fitted
    if label_key is not None and not any(label_key in obs for obs in model.obs.values()):
        columns = dict.fromkeys(str(c) for obs in model.obs.values() for c in obs)
        raise unknown_name("report: label_key, a column of obs", label_key, columns)
    if diagnosis is None and model.views:
        diagnosis = trust.diagnose(model, seed=seed)
    plane = plane_of(model.latents, MAX_PLOTTED if max_cells is None else max_cells, seed)
    run = replace(Run.of(model, label_key=label_key), plane=plane)
    return run if diagnosis is None else run.with_verdict(diagnosis)


def page(run: Run) -> str:
    """Return the report as HTML; the same run gives the same text, whatever its folder."""
    style, script = _asset("report.css"), _asset("map.js") + _asset("page.js")
    names = list(run.model.latents)
    title = " + ".join(names)
    policy = (
        f"default-src 'none'; script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="generator", content=f"crosstie {__version__}"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{title} – crosstie report"),
        el("link", rel="icon", href="data:,"),
        Html(f"<style>{style}</style>"),
    )
    finished = str(run.about.get("finished", ""))[:10]
    about = [f"crosstie {run.about.get('crosstie') or __version__}", *([finished] if finished else [])]
    top = el(
        "header",
        el(
            "div",
            el("p", "crosstie report", class_="kind"),
            el("h1", title),
            el("p", " · ".join(about), class_="quiet"),
        ),
        el("button", "Dark", type="button", class_="theme", hidden=True),
    )
    sections = [content(run) for _, _, content in SECTIONS]
    contents = el(
        "nav",
        el("ul", [el("li", el("a", words, href=f"#{name}")) for name, words, _ in SECTIONS]),
        aria_label="Contents",
    )
    body = el("body", el("div", top, contents, el("main", sections), class_="page"), Html(f"<script>{script}</script>"))
    return "<!DOCTYPE html>\n" + joined([Html('<html lang="en">'), head, body, Html("</html>\n")])


def _asset(name: str) -> str:
    return files("crosstie.report").joinpath("assets", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
