"""Before any fit: what the links of these views can tell apart at best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import value_error
from crosstie._threads import few_threads
from crosstie._typing import Array, Floats, Index
from crosstie.anchors.linear import damping_factor, unit_rows
from crosstie.anchors.link_evidence import link_maps
from crosstie.anchors.neighbours import nearest
from crosstie.config import Config
from crosstie.model.closed_form_problem import ClosedFormProblem
from crosstie.model.model import Model
from crosstie.model.recipes import fit_recipes
from crosstie.trust.left_out_links import pairing_score, within_views
from crosstie.trust.resolution import resolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crosstie._typing import Data
    from crosstie.links import Link, Paired

MOST = 3000  # cells of a view that are looked at
K = 15


def power(
    data: Data,
    links: Link | Paired | Sequence[Link | Paired] | None = None,
    *,
    labels: Mapping[str, object] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Tell, before any fit, what the links of some views can tell apart at best.

    Looks at each view by itself: which of its cells have the same linked features although they differ in all others.
    Linked features of the other view are noisier, so that a fit can only tell apart less, or match by what links do not
    hold.

    Parameters
    ----------
    data, links
        As for `integrate`.
    labels
        Labels of the cells of some views, in order, by view: then each label is a row, with what it merges with.
    seed
        Seed of the sample of at most 3,000 cells of each view.

    Returns
    -------
    One row per edge and view, with `edge`, `view`, `n_columns` linked columns; `possible`, the score that perfectly
    agreeing links would reach in the test of `diagnose` (3 is needed); `resolution`, the share of the view between
    cells that look alike in the links, 0 to 0.5 for nothing. With labels, a row for each label of the view follows:
    `label`; `kept`, the share of its cells whose nearest cells by links alone mostly have that label; `merges_with`,
    the most frequent other label.

    Raises
    ------
    ValueError
        If labels are not one per cell.
    """
    problem, cells = _problem(Model(data, links), seed)
    rows: list[dict[str, object]] = []
    with few_threads(MOST):
        for edge, sides in problem.columns.items():
            if not sides[0].shape[1]:
                continue
            some = {view: problem.components[view][cells[view]] for view in edge}
            within = within_views(some, edge, sides)
            possible = pairing_score((within[0] + within[1]) / 2)
            centred = [some[view] - some[view].mean(0) for view in edge]
            covariance = [(x.T @ x / len(x)).astype(np.float64) for x in centred]
            blocks = link_maps(*sides, *covariance, shrinkage=problem.settings.link_shrinkage)
            for view, x, block in zip(edge, centred, blocks, strict=True):
                own, linked = unit_rows(x * damping_factor(x, problem.settings.damping)), x @ block
                about = {"edge": f"{edge[0]} – {edge[1]}", "view": view}
                of_view = {"n_columns": sides[0].shape[1], "possible": possible}
                rows.append(about | of_view | {"resolution": resolution(own, linked, seed=seed)})
                if labels is not None and view in labels:
                    rows += [about | row for row in _merged(view, linked, labels[view], cells[view])]
    return pd.DataFrame(rows)


def _problem(model: Model, seed: int) -> tuple[ClosedFormProblem, dict[str, Index]]:
    """Return what a model of these views would be fitted to, and the rows of each view that are looked at."""
    inputs = model.inputs
    rng = np.random.default_rng([seed, 8])
    recipes = {name: recipe for name, (recipe, _) in fit_recipes(inputs, Config(), seed).items()}
    problem = ClosedFormProblem.of(inputs, recipes, Config().refinement, seed=seed)
    return problem, {name: np.sort(rng.permutation(len(x))[:MOST]) for name, x in problem.components.items()}


def _merged(view: str, linked: Floats, labels: object, cells: Index) -> list[dict[str, object]]:
    """Return, for each label, how much of it its links keep together, and what it merges with."""
    given = pd.Series(np.asarray(labels))
    if len(given) <= int(cells.max()):
        raise value_error(f"power: labels of {view!r} are not one per cell.", found=f"{len(given):,} labels")
    label = given.iloc[cells].astype(str).to_numpy()
    x: Array = unit_rows(linked) if linked.shape[1] > 2 else np.asarray(linked, np.float32)
    near = label[nearest(x, x, K + 1)[1][:, 1:]]
    out = []
    for name in np.unique(label):
        votes = [pd.Series(row).value_counts() for row in near[label == name]]
        won = pd.Series([v.index[0] for v in votes])
        other = won[won != name]
        merges = other.value_counts().index[0] if len(other) else ""
        out.append({"label": name, "kept": float((won == name).mean()), "merges_with": merges})
    return out
