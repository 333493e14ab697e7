"""Suspicious links, by name: two features whose names are exchanged, as each moves with the other's partner."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crosstie._errors import value_error
from crosstie._typing import Edge, Floats
from crosstie.links.link import Link
from crosstie.links.linked_columns import column_names
from crosstie.links.paired import Paired
from crosstie.model.model import Model
from crosstie.trust.left_out_links import LeftOutLinks, fit_without, matched
from crosstie.trust.sketch_fit import Sketch

CONTRAST = -0.1  # correlation of differences: 0 if the links carry nothing, negative if names are exchanged
GAIN = 0.1  # by which two features agree better with each other's partner than with their own, on average
CROSSWISE = 0.18  # least correlation of either feature with the other's partner
EACH = 0.05  # by which each of the two, alone, must agree better with the other's partner
MOST_SHARE = 0.5  # of the links: with more exchanged ones, the panel as a whole is wrong
COLUMNS = ["edge", "source", "target", "moves_with", "own", "other", "contrast"]


@dataclass(frozen=True)
class Exchanged:
    """Two links whose names seem to be exchanged.

    Parameters
    ----------
    first, second
        Numbers of the linked columns.
    contrast
        Correlation, across matched cells, of the differences of their features; see `LeftOutLinks.contrasts`.
    gain
        How much better the features agree with each other's partner than with their own (mean difference of
        correlations).
    own
        Correlation of each feature with its own partner.
    other
        Correlation of the first source feature with the second target feature, and the reverse.
    """

    first: int
    second: int
    contrast: float
    gain: float
    own: tuple[float, float]
    other: tuple[float, float]


def exchanged_links(found: LeftOutLinks) -> list[Exchanged]:
    """Return pairs of links whose features move with each other's partner, the clearest first; no link occurs twice."""
    c, contrast = found.correlation, found.contrasts()
    own = np.diag(c)
    gain = (c + c.T - own - own[:, None]) / 2
    each = np.minimum(c - own[:, None], c.T - own)  # of the first and of the second source feature
    suspect = (contrast < CONTRAST) & (gain > GAIN) & (np.minimum(c, c.T) > CROSSWISE) & (each > EACH)
    first, second = np.nonzero(np.triu(suspect, 1))
    out: list[Exchanged] = []
    used: set[int] = set()
    for i in np.argsort(-gain[first, second], kind="stable"):
        j, k = int(first[i]), int(second[i])
        if used & {j, k}:
            continue
        used |= {j, k}
        sides = (float(own[j]), float(own[k])), (float(c[j, k]), float(c[k, j]))
        a, b = int(found.columns[j]), int(found.columns[k])
        out.append(Exchanged(a, b, float(contrast[j, k]), float(gain[j, k]), *sides))
    return out


def confirmed(sketch: Sketch, edge: Edge, found: LeftOutLinks) -> list[Exchanged]:
    """Return the exchanged links that stay exchanged in a fit without any of them.

    The fits of `leave_out_links` still see other wrong links. One more fit, without all suspicious links at once, is
    nearer to what the right ones tell; if too few links are left for it, the first answer stands.
    """
    first = exchanged_links(found)
    out = np.array(sorted({n for pair in first for n in (pair.first, pair.second)}), np.int64)
    m = sketch.problem.columns[edge][0].shape[1]
    if not len(out) or len(out) > MOST_SHARE * m:
        return first
    where = np.searchsorted(found.columns, out)
    seen = matched(fit_without(sketch, edge, out), edge, out)
    correlation: Floats = found.correlation.copy()
    correlation[np.ix_(where, where)] = seen
    again = LeftOutLinks(found.columns, correlation, found.within)
    before = set(out.tolist())
    return [pair for pair in exchanged_links(again) if {pair.first, pair.second} <= before]


def suspicious_table(model: Model, found: dict[Edge, list[Exchanged]]) -> pd.DataFrame:
    """Return suspicious links in words: one row per source feature, the clearest pairs first.

    Returns
    -------
    Columns `edge`; `source`, `target`, the linked features; `moves_with`, the target feature that the source feature
    moves with instead; `own`, `other`, its correlations with both across matched cells of fits that saw neither link;
    `contrast`, in [-1, 1], how the difference of the two source features agrees with that of their partners: negative
    if names are exchanged, near -1 beyond doubt.
    """
    rows = []
    for (a, b), pairs in found.items():
        names = column_names(model.linkage.judged, (a, b), model.recipes) if pairs else []
        for pair in pairs:
            both = (pair.first, pair.second)
            for i, (me, you) in enumerate((both, both[::-1])):
                mine, yours = names[me], names[you]
                rows.append((f"{a} – {b}", *mine, yours[1], pair.own[i], pair.other[i], pair.contrast))
    return pd.DataFrame(rows, columns=COLUMNS)


def without_suspicious(model: Model, suspicious: pd.DataFrame) -> list[Link | Paired]:
    """Return the links of a model without suspicious ones, to integrate again.

    Parameters
    ----------
    model
        A fitted model.
    suspicious
        `Diagnosis.suspicious` of it.

    Raises
    ------
    ValueError
        If a link would have no pairs left.
    """
    bad = set(zip(suspicious["edge"], suspicious["source"], suspicious["target"], strict=True))
    edges, out = model.linkage.edges, []
    for link in model.linkage.links:
        a, b = link.edge if link.edge in edges else link.edge[::-1]
        sides = ("source", "target") if (a, b) == link.edge else ("target", "source")
        keep = []
        for column, rows in link.pairs.groupby("column", sort=False):
            named = tuple("+".join(rows[side].astype(str).unique()) for side in sides)
            if (f"{a} – {b}", *named) not in bad:
                keep.append(column)
        if not keep:
            raise value_error(f"link {link}: all of its links are suspicious.", do="Look at the names of its features.")
        out.append(replace(link, pairs=link.pairs[link.pairs["column"].isin(keep)]))
    return [*out, *model.linkage.paired]
