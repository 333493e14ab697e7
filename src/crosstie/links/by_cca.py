"""Links learned from a fitted model: features that correlate across its anchors, also across held-out anchors.

Use it for panels with few links: fit, learn links, and fit again with both. It reads no labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from crosstie._errors import sample, value_error
from crosstie._log import log
from crosstie._typing import Array, Edge, Floats
from crosstie.anchors import Anchors
from crosstie.data import Recipe, View
from crosstie.links.feature_labels import PAIRS, REPORT
from crosstie.links.link import Link
from crosstie.links.linkage import Linkage

MIN_ANCHORS = 30  # in each half


class FittedViews(Protocol):
    """What this file reads of a fitted model; `crosstie.Model` has it."""

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """Preprocessing of each view."""

    @property
    def views(self) -> Mapping[str, View]:
        """The data, by view; empty in a model that was loaded without them."""

    @property
    def anchors(self) -> Mapping[Edge, Anchors]:
        """Pairs of cells, by edge."""

    @property
    def linkage(self) -> Linkage:
        """The links of the fit."""

    @property
    def core(self) -> FittedViews:
        """The model of the cells that were fitted: itself, unless views are large."""


def by_cca(
    model: FittedViews,
    source: str,
    target: str,
    *,
    n_links: int = 100,
    n_partners: int = 3,
    min_correlation: float = 0.5,
    seed: int = 0,
) -> Link:
    """Learn links between two views from the anchors of a fitted model.

    Feature values are reconstructed from the components of their view. The cells of both views are split at random into
    two halves. The score of a pair of features is the smaller of its correlations across the anchors within each half,
    so that what one half shows must hold in the other. In the view with fewer features (the panel), every feature
    without a link gets its best partners; several panel features may share a partner.

    Parameters
    ----------
    model
        A fitted model with its data.
    source, target
        Names of two linked views.
    n_links
        Maximum number of panel features to link: those with the highest correlations.
    n_partners
        Maximum number of partners of a panel feature.
    min_correlation
        Minimum correlation of a linked pair, in (0, 1).
    seed
        Seed of the split.

    Returns
    -------
    The link, with one column per panel feature; weights are correlations. Fit again with the first links and this one:
    `xt.integrate(data, [first, learned])`.

    Raises
    ------
    ValueError
        If the views are not linked, the model has no data or too few anchors, a setting is out of range, or no pair of
        features correlates enough.
    """
    if not (0 < min_correlation < 1 and n_links >= 1 and n_partners >= 1):
        raise value_error(
            "by_cca: a setting is out of range.",
            found=f"n_links={n_links}, n_partners={n_partners}, min_correlation={min_correlation}",
            expected="n_links and n_partners at least 1, min_correlation between 0 and 1",
        )
    correlation = _held_out_correlation(model, source, target, seed)
    names = {view: model.recipes[view].names for view in (source, target)}
    panel, other = sorted((source, target), key=lambda view: len(names[view]))
    score = correlation if panel == source else correlation.T
    linked = {
        feature
        for link in model.linkage.links
        if set(link.edge) == {source, target}
        for feature in link.pairs["source" if link.source == panel else "target"]
    }
    best = np.where(names[panel].isin(list(linked)), -1, score.max(1))
    chosen = [int(p) for p in np.argsort(-best, kind="stable")[:n_links] if best[p] >= min_correlation]
    partners = {p: [g for g in np.argsort(-score[p])[:n_partners] if score[p, g] >= min_correlation] for p in chosen}
    if not chosen:
        raise value_error(
            f"by_cca: no unlinked feature of {panel!r} correlates with a feature of {other!r}.",
            found=f"highest correlation on held-out anchors {best.max():.2f}",
            expected=f"at least {min_correlation}",
            do="Lower min_correlation, or do not use learned links.",
        )
    rows = [
        (names[panel][p], names[other][g], column, float(score[p, g]))
        for column, (p, found) in enumerate(partners.items())
        for g in found
    ]
    pairs = pd.DataFrame(rows, columns=PAIRS if panel == source else ["target", "source", "column", "weight"])
    link = Link(
        source, target, pairs[PAIRS], _report(names[panel], names[other], linked, partners, best), "correlation"
    )
    log.info("%s: %d of %d features of %s linked by correlation", link, len(chosen), len(names[panel]), panel)
    return link


def _held_out_correlation(model: FittedViews, source: str, target: str, seed: int) -> Array:
    """Return the smaller of the correlations in two disjoint halves, source features × target features."""
    model = model.core
    found = model.anchors.get((source, target))
    if found is None and (target, source) in model.anchors:
        found = model.anchors[target, source].reversed()
    if found is None:
        raise value_error(
            f"by_cca: {source} and {target} have no anchors.",
            found=f"anchors of {sample(' -> '.join(edge) for edge in model.anchors)}",
            do="First fit a model in which they are linked.",
        )
    if not model.views:
        raise value_error("by_cca: this model was loaded without its data.", do="Refit it: xt.integrate(data).")
    components = [model.recipes[v].transform(model.views[v].loaded) for v in (source, target)]
    loadings = [model.recipes[v].loadings for v in (source, target)]
    rng = np.random.default_rng(seed)
    half = [rng.permutation(len(x)) % 2 for x in components]
    out = []
    for side in (0, 1):
        keep = (half[0][found.source] == side) & (half[1][found.target] == side)
        if keep.sum() < MIN_ANCHORS:
            raise value_error(
                f"by_cca: too few anchors between {source} and {target}.",
                found=f"{int(keep.sum())} in a half",
                expected=f"at least {MIN_ANCHORS}",
            )
        x, y = components[0][found.source[keep]], components[1][found.target[keep]]
        out.append(_correlation(x, y, loadings[0], loadings[1], found.weight[keep]))
    return np.minimum(*out)


def _correlation(x: Array, y: Array, x_loadings: Array, y_loadings: Array, weight: Floats) -> Array:
    """Return weighted correlations, across pairs of rows, of the features reconstructed from components."""
    weight = weight / weight.sum(dtype=np.float64)
    x, y = (z - (weight @ z).astype(np.float32) for z in (x, y))
    spread = [
        np.sqrt(np.maximum(np.einsum("fi,ij,fj->f", a, (z.T * weight) @ z, a, optimize=True), 1e-12))
        for z, a in ((x, x_loadings), (y, y_loadings))
    ]
    covariance = x_loadings @ ((x.T * weight) @ y) @ y_loadings.T
    return (covariance / spread[0][:, None] / spread[1]).astype(np.float32)


def _report(
    panel: pd.Index, other: pd.Index, linked: set[str], partners: dict[int, list[int]], best: Floats
) -> pd.DataFrame:
    rows = []
    for p, feature in enumerate(panel):
        if feature in linked:
            rows.append((feature, "already linked", "", "", "it is in another link"))
        elif p in partners:
            targets = "/".join(str(other[g]) for g in partners[p])
            rows.append((feature, "linked", "", targets, f"correlation {best[p]:.2f} on held-out anchors"))
        else:
            rows.append((feature, "no partner", "", "", f"highest correlation {best[p]:.2f} on held-out anchors"))
    return pd.DataFrame(rows, columns=REPORT).astype(object)
