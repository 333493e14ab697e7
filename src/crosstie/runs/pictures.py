"""The pictures of a run, as PNG in its folder, or as PDF and SVG at the size of print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crosstie._beside import Submit, begin
from crosstie._typing import Edge
from crosstie._visible import visible
from crosstie.data.stored import Stored
from crosstie.runs import folder as names
from crosstie.runs.known_truth import UNKNOWN
from crosstie.runs.run import Run

if TYPE_CHECKING:
    import numpy as np

    from crosstie.pl.save import Width


NAMES: Any = {"text.parse_math": False}  # a name with dollars is no formula


def draw(run: Run, folder: Path, *, ending: str = "png", width: Width | None = None, dpi: int = 150) -> list[str]:
    """Draw a run into a folder that exists, and return the names of the files; parameters as of `begin_drawing`."""
    return begin_drawing(run, folder, ending=ending, width=width, dpi=dpi)()


def begin_drawing(
    run: Run,
    folder: Path,
    *,
    ending: str = "png",
    width: Width | None = None,
    dpi: int = 150,
    submit: Submit | None = None,
) -> Callable[[], list[str]]:
    """Begin to draw a run into a folder that exists.

    Parameters
    ----------
    run
        What to draw, with its map.
    folder
        Where to put the files.
    ending
        `"png"`, `"pdf"` or `"svg"`.
    width, dpi
        As of `pl.save`.
    submit
        Gives work to a second process, which then draws most of the pictures; `None` draws all here.

    Returns
    -------
    Draws what is not drawn elsewhere, waits for the rest, and returns the names of the files.
    """
    here: list[Callable[[], str]] = []
    there: list[Callable[[], str]] = []
    order = []
    for name, picture in _pictures(run):
        work = partial(_drawn, picture, folder / f"{name}.{ending}", width, dpi)
        if submit is None or getattr(picture, "func", None) in _of_whole_models():
            here.append(work)
        else:
            there.append(begin(submit, work))
        order.append(f"{name}.{ending}")

    def finish() -> list[str]:
        return sorted((drawn() for drawn in [*here, *there]), key=order.index)

    return finish


def _of_whole_models() -> tuple[Any, ...]:
    """Return what draws from a model with its data, which are too large to send to another process."""
    from crosstie import pl

    return pl.linked, pl.spatial


def _drawn(picture: Callable[[], Any], file: Path, width: Width | None, dpi: int) -> str:
    """Draw a picture into a file, and return the name of the file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from crosstie.pl.save import save

    with mpl.rc_context(NAMES):
        name = save(picture(), file, width=width, dpi=dpi).name
        plt.close("all")
    return name


def _pictures(run: Run) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the name of each picture that the run allows, and what draws it."""
    from crosstie import pl

    coords = {name: part[["x", "y"]].to_numpy() for name, part in run.plane.items()}
    rows = {name: part["row"].to_numpy() for name, part in run.plane.items()}
    yield names.VIEWS_PICTURE, partial(pl.embedding, coords, title="Views")
    own = {name: _shown(y[rows[name]]) for name, y in run.truth.items()}
    given = transferred_labels(run)
    drawn = {name: _shown(y[rows[name]]) for name, y in given.items()}
    if own or drawn:
        key = run.label_key or "label"
        shown: dict[str, Any] = {"colour": own, "transferred": drawn}
        yield names.LABELS_PICTURE, partial(pl.embedding, coords, **shown, title=key)
        yield names.LABELS_BY_VIEW_PICTURE, partial(pl.embedding_by_view, coords, **shown, title=key)
    if run.confidence:
        values = {name: score[rows[name]] for name, score in run.confidence.items()}
        sure = "Confidence of the position (1: sure)"
        yield names.CONFIDENCE_PICTURE, partial(pl.embedding_by_view, coords, values=values, title=sure)
    if novelty := _novelty(run):
        new = {name: score[rows[name]] for name, score in novelty.items()}
        lonely = "Novelty (1: no counterpart in the labelled view)"
        yield names.NOVELTY_PICTURE, partial(pl.embedding_by_view, coords, values=new, title=lonely)
    for edge, beside in _linked(run):
        yield names.linked_picture(*edge), beside
    for name, here in run.model.positions.items():
        if (label := given.get(name, run.truth.get(name))) is not None:
            section = next(iter(here.by_section()))[0]
            several = f", section {section} (1 of {len(here.sections)})" if len(here.sections) > 1 else ""
            title = f"{run.label_key or 'label'} in {name}{several}"
            place = partial(pl.spatial, here, colour=pd.Series(label).fillna(UNKNOWN), section=section, title=title)
            yield names.tissue_picture(name), place
    for edge, found in run.labels.items():
        if edge[1] in run.truth:
            title = f"{run.label_key}: {edge[0]} → {edge[1]}"
            compared = partial(pl.confusion, _shown(run.truth[edge[1]]), _shown(found["label"].to_numpy()), title=title)
            yield names.confusion_picture(*edge), compared
    if len(run.model.history):
        yield names.HISTORY_PICTURE, partial(pl.losses, run.model.history, title="Training")


def linked_as_png(run: Run, *, dpi: int = 100) -> dict[Edge, tuple[bytes, list[str]]]:
    """Return the picture of linked features of every two views, and the titles of its maps, such as `CD3E, rna`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    found = {}
    with mpl.rc_context(NAMES):
        for edge, beside in _linked(run) if run.plane else ():
            axes, png = beside(), BytesIO()
            axes[0, 0].figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
            found[edge] = png.getvalue(), [ax.get_title(loc="left") for ax in axes[:, :2].ravel()]
            plt.close("all")
    return found


def _linked(run: Run) -> Iterator[tuple[Edge, Callable[[], Any]]]:
    """Yield what draws linked features beside each other, for every two views whose features are linked."""
    from crosstie import pl

    if not run.model.views or any(isinstance(view.matrix, Stored) for view in run.model.views.values()):
        return
    coords = {name: part[["x", "y"]].to_numpy() for name, part in run.plane.items()}
    rows = {name: part["row"].to_numpy() for name, part in run.plane.items()}
    labels = {name: _shown(y[rows[name]]) for name, y in transferred_labels(run).items()}
    own = {name: _shown(y[rows[name]]) for name, y in run.truth.items()}
    labels |= {name: y for name, y in own.items() if name not in labels or _mostly_known(y)}
    for edge in dict.fromkeys(link.edge for link in run.model.linkage.links):
        yield edge, partial(pl.linked, run.model, *edge, coords=coords, rows=rows, labels=labels)


def _shown(labels: np.ndarray) -> np.ndarray:
    """Return labels with control characters visible: no font has a glyph for them."""
    names = {label: visible(label) if isinstance(label, str) else label for label in pd.unique(labels)}
    return pd.Series(labels).map(names).to_numpy() if any(old != new for old, new in names.items()) else labels


def transferred_labels(run: Run) -> dict[str, np.ndarray]:
    """Return the labels that each view got; from several sources, those of the most confident one on average."""
    best: dict[str, tuple[float, np.ndarray]] = {}
    for (_, target), table in run.labels.items():
        sure = float(table["confidence"].mean())
        if target not in best or sure > best[target][0]:
            best[target] = sure, table["label"].to_numpy(object)
    return {target: label for target, (_, label) in best.items()}


def _novelty(run: Run) -> dict[str, np.ndarray]:
    """Return the novelty of each view's cells, the lowest over the views that gave it labels."""
    found: dict[str, np.ndarray] = {}
    for (_, target), table in run.labels.items():
        new = table["novelty"].to_numpy(float)
        found[target] = new if target not in found else new.clip(max=found[target])
    return found


def _mostly_known(labels: np.ndarray) -> bool:
    return bool((labels != UNKNOWN).mean() > 0.5)
