"""Links judged by fits that did not see them: whether they hold, and how strong the test could be at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.special import ndtri

from crosstie._threads import side_by_side
from crosstie._typing import Array, Edge, Floats, Index
from crosstie.anchors.agreement import above_other_pairings
from crosstie.trust.sketch_fit import Fit, Sketch

N_GROUPS, N_LEFT = 5, 2  # groups of similar links, of which every two are left out once: ten fits
MOST_JUDGED = 1000  # columns correlated with each other: enough for a test
N_ROUNDS = 4  # of a fit that only tests links; the default of six gives the same answers
LEAST_STAY = 2  # linked columns that a fit needs
N_PERMUTATIONS = 20_000
FEW = 24  # columns, below which pairings are drawn instead of assumed to be normal
ALIKE = 0.9  # two linked columns that correlate more than this within a view cannot be told apart


@dataclass(frozen=True)
class LeftOutLinks:
    """What fits tell about links that they did not see.

    Parameters
    ----------
    columns
        Numbers of the judged columns of the edge, shape `(m,)`; all of them, up to a thousand.
    correlation
        Correlation of every source column with every target column across matched cells, shape `(m, m)`. Every entry is
        the mean over the fits that saw neither of the two links; the diagonal holds the links themselves.
    within
        Correlation of the columns inside the source and inside the target view, each of shape `(m, m)`.
    """

    columns: Index
    correlation: Floats
    within: tuple[Floats, Floats]

    @property
    def above(self) -> float:
        """How much better the links agree than other pairings of the same features, in standard deviations."""
        return pairing_score(self.correlation)

    @property
    def possible(self) -> float:
        """The same score if every feature agreed perfectly with its partner: how strong the test could be at most."""
        return pairing_score((self.within[0] + self.within[1]) / 2)

    @property
    def share(self) -> float:
        """Return the agreement of links above that of other pairings, of what perfect agreement would give."""
        off = self.correlation.mean()
        best = (self.within[0] + self.within[1]) / 2
        room = float(np.trace(best) / len(best) - best.mean())
        return float((np.trace(self.correlation) / len(best) - off) / room) if room > 1e-9 else float("nan")

    def contrasts(self) -> Floats:
        r"""Return, for every two links, how the difference of their features agrees across matched cells.

        With :math:`d = x_j - x_k` in the source and :math:`e = y_j - y_k` in the target, standardised columns, this is
        the correlation of :math:`d` and :math:`e` across matched cells. It is positive for right links and negative for
        two links whose names are exchanged, however similar the two features are.

        Returns
        -------
        Shape `(m, m)`, symmetric, in [-1, 1]; NaN on the diagonal and where the two features cannot be told apart.
        """
        own = np.diag(self.correlation)
        agree = own[:, None] + own - self.correlation - self.correlation.T
        apart = [2 - 2 * r for r in self.within]
        told = np.minimum(apart[0], apart[1]) > 2 - 2 * ALIKE
        out = np.full(told.shape, np.nan)
        np.divide(agree, np.sqrt(np.abs(apart[0] * apart[1])), out=out, where=told)
        np.fill_diagonal(out, np.nan)
        return np.clip(out, -1, 1)


def pairing_score(correlation: Floats) -> float:
    r"""Return how much better the diagonal agrees than other pairings, as a standard normal score.

    With few columns the normal approximation of `above_other_pairings` is poor (its largest possible value is
    :math:`\sqrt{m - 1}`): the score then is that of the share of 20,000 random pairings that agree as well, at most
    3.9.
    """
    m = len(correlation)
    z = above_other_pairings(correlation)
    if m >= FEW or not np.isfinite(z):
        return z
    rng = np.random.default_rng(0)
    order = rng.permuted(np.tile(np.arange(m), (N_PERMUTATIONS, 1)), axis=1)
    drawn = correlation[np.arange(m), order].sum(1)
    as_well = (drawn >= np.trace(correlation) - 1e-9).sum()
    return float(-ndtri((1 + as_well) / (2 + N_PERMUTATIONS)))


def leave_out_links(sketch: Sketch, edge: Edge) -> LeftOutLinks | None:
    """Leave out every two of five groups of similar links in turn, and correlate what was left out.

    Groups are made of links whose features vary together within the views, so that a lineage's links are left out
    together: a fit that sees none of them cannot repeat an error that they share.

    Parameters
    ----------
    sketch
        The cells and links of a model.
    edge
        Edge with linked columns.

    Returns
    -------
    `None` if too few links would stay.
    """
    columns = sketch.problem.columns[edge]
    m = columns[0].shape[1]
    judged = np.arange(0, m, max(1, -(-m // MOST_JUDGED)))
    some = {view: sketch.problem.components[view][sketch.rows[view]] for view in edge}
    within = within_views(some, edge, (columns[0][:, judged], columns[1][:, judged]))
    groups = similar_groups((within[0] + within[1]) / 2)
    left = [np.sort(np.concatenate([groups[i] for i in some])) for some in combinations(range(len(groups)), N_LEFT)]
    left = [out for out in left if m - len(out) >= LEAST_STAY]
    if not left:
        return None
    total, times = np.zeros((len(judged),) * 2), np.zeros((len(judged),) * 2)

    def judge(out: Index) -> Floats:
        fit = fit_without(sketch, edge, judged[out])
        return matched(fit, edge, judged[out])

    for out, found in zip(left, side_by_side(judge, left), strict=True):
        total[np.ix_(out, out)] += found
        times[np.ix_(out, out)] += 1
    return LeftOutLinks(judged, total / np.maximum(times, 1), (within[0], within[1]))


def fit_without(sketch: Sketch, edge: Edge, out: Index) -> Fit:
    """Fit the closed form without some linked columns of an edge."""
    stay = np.setdiff1d(np.arange(sketch.problem.columns[edge][0].shape[1]), out)
    settings = sketch.problem.settings
    short = replace(sketch.problem, settings=replace(settings, n_rounds=min(N_ROUNDS, settings.n_rounds)))
    return replace(sketch, problem=short).fit(stay={edge: stay})


def matched(fit: Fit, edge: Edge, some: Index) -> Floats:
    """Return the correlations of some linked columns of an edge across the cells that a fit matches."""
    source, target = fit.sketch.problem.columns[edge]
    return fit.correlations(edge, source[:, some], target[:, some])


def similar_groups(correlation: Floats, n_groups: int = N_GROUPS) -> list[Index]:
    """Return the columns in at most `n_groups` groups of equal size, similar ones together (average linkage)."""
    m = len(correlation)
    if m <= n_groups:
        return [np.array([i]) for i in range(m)]
    distance = np.clip(1 - (correlation + correlation.T) / 2, 0, 2)
    np.fill_diagonal(distance, 0)
    order = leaves_list(linkage(squareform(distance, checks=False), "average"))
    return [np.sort(part) for part in np.array_split(order.astype(np.int64), n_groups)]


def within_views(components: Mapping[str, Array], edge: Edge, columns: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the correlation of linked columns inside the source and inside the target view.

    Parameters
    ----------
    components
        Component scores of the cells of each view.
    edge
        Names of the two views.
    columns
        Maps from the components of each view to the linked columns.
    """
    found = []
    for view, side in zip(edge, columns, strict=True):
        x = components[view] @ side
        x = x - x.mean(0)
        spread = x.std(0)
        x = x / np.where(spread > 1e-12, spread, np.inf)
        found.append(np.asarray(x.T @ x / len(x), np.float64))
    return found[0], found[1]
