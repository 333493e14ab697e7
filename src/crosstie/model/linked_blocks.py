"""From links to the blocks of every view that scMODAL's networks read, and the columns that its anchors compare."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crosstie._typing import Array, Edge, Index
from crosstie.data import Recipe, View
from crosstie.data.blocks import Blocks, linked_total, normalizes_apart
from crosstie.links.linked_columns import link_recipes
from crosstie.model.inputs import Inputs


def fit_blocks(
    inputs: Inputs, recipes: Mapping[str, Recipe], seed: int
) -> tuple[dict[str, Blocks], dict[Edge, tuple[Array, Array]]]:
    """Fit the blocks of every view.

    Each pair of linked features is a column of both views. What links read of another matrix than the view's own is
    compared, but is no input of the networks.

    Parameters
    ----------
    inputs, recipes
        Views and links, and the recipes of the views.
    seed
        Seed of the recipes of what links read instead.

    Returns
    -------
    blocks
        Blocks of each view.
    linked
        Linked columns of the two sides of every edge, shapes `(n_cells, n_pairs)`.
    """
    read = {**recipes, **link_recipes(inputs.linkage, inputs.link_views, seed=seed)}
    data = {**inputs.views, **inputs.link_views}
    own: dict[str, list[tuple[Index, float]]] = {name: [] for name in inputs.views}
    other: dict[str, list[tuple[Index, float]]] = {name: [] for name in inputs.link_views}
    where: dict[tuple[Edge, str], int] = {}
    signs: dict[Edge, Array] = {}
    for edge in inputs.linkage.edges:
        pairs = _pairs(inputs, edge, read)
        signs[edge] = np.sign(pairs["weight"].to_numpy(np.float32))
        sides = {
            view: data[view].features.get_indexer(pd.Index(pairs[side]))
            for view, side in zip(edge, ("source", "target"), strict=True)
        }
        total = _total(data, read, sides)
        for view, features in sides.items():
            blocks = other.get(view, own[view])
            where[edge, view] = len(blocks)
            blocks.append((features, total))
    found = {name: Blocks.fit(view, recipes[name], own[name]) for name, view in inputs.views.items()}
    compared = found | {
        name: Blocks.fit(view, read[name], other[name], others=False) for name, view in inputs.link_views.items()
    }
    scaled = {
        (edge, view): compared[view].scale(read[view], data[view].loaded, block=block)
        for (edge, view), block in where.items()
    }
    return found, {(a, b): (scaled[(a, b), a], scaled[(a, b), b] * signs[a, b]) for a, b in inputs.linkage.edges}


def _pairs(inputs: Inputs, edge: Edge, read: Mapping[str, Recipe]) -> pd.DataFrame:
    """Return the pairs of features of an edge that are used on both sides."""
    empty = pd.DataFrame({"source": [], "target": [], "weight": []})
    links = [link if link.edge == edge else link.reversed() for link in inputs.linkage.links]
    names = [read[view].names for view in edge]
    return pd.concat([empty, *(link.restricted(*names).pairs for link in links if link.edge == edge)])


def _total(data: Mapping[str, View], read: Mapping[str, Recipe], sides: Mapping[str, Index]) -> float:
    """Return the total of an edge's linked features on both sides: that of the genes, if one side has genes."""
    apart = [view for view in sides if normalizes_apart(read[view])]
    genes = [view for view in apart if data[view].modality in ("rna", "activity")]
    return max((linked_total(data[view].loaded, sides[view]) for view in (genes or apart)[:1]), default=0.0)
