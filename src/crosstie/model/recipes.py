"""The recipes of the views of one integration: fitted on all that measures the cell, and on what links read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from crosstie._errors import sample
from crosstie._log import log
from crosstie._typing import Array, Index
from crosstie.config import Config
from crosstie.data import Recipe, View
from crosstie.data.dominant_features import set_aside_of
from crosstie.data.steps import STEPS
from crosstie.links.antibody_names import Control, controls, is_blank
from crosstie.links.linked_columns import linked_features
from crosstie.links.suggest import GENES, PROTEINS

if TYPE_CHECKING:
    from crosstie.model.inputs import Inputs


def fit_recipes(inputs: Inputs, config: Config, seed: int) -> dict[str, tuple[Recipe, Array]]:
    """Return fitted preprocessing and components of each view; what links read stays, whatever its variance."""
    found = {}
    for name, view in inputs.views.items():
        ignored = _controls(view)
        if ignored:
            kinds = Counter(ignored.values())
            said = " and ".join(f"{n} {kind}{'s' * (n > 1)}" for kind, n in kinds.items())
            log.info("%s: %s set aside (%s): they measure nothing of the cell.", name, said, sample(ignored, 4))
        found[name] = Recipe.fit_transform(
            view,
            keep=set() if name in inputs.link_views else linked_features(inputs.linkage, name),
            ignore=ignored,
            n_components=config.n_components,
            seed=seed,
        )
    return found


def controls_of(view: View) -> Index:
    """Return the numbers of the features that measure nothing of the cell: isotype controls, hashtags, blanks."""
    return np.flatnonzero(view.features.isin(list(_controls(view))))


def set_aside(view: View) -> Index:
    """Return the numbers of the features that no recipe uses: controls, and those that outweigh all others."""
    ignored = controls_of(view)
    return np.union1d(ignored, set_aside_of(view, STEPS[view.modality], ignored))


def _controls(view: View) -> dict[str, Control]:
    if view.modality in PROTEINS:
        return controls(view.features)
    if view.modality in GENES:
        return {name: "blank" for name in view.features if is_blank(name)}
    return {}
