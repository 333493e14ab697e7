"""Labels from annotated data of another study: each view is labelled by reference cells of its modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._errors import InputError, unknown_name, value_error
from crosstie._log import log
from crosstie.data.modality import check_modality, guess_modality
from crosstie.data.view import as_mapping, check_anndata
from crosstie.links.same_features import same_names, same_proteins
from crosstie.tl.transfer_labels import transfer_labels

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data, Modality
    from crosstie.model.model import Model

MOST_CELLS = 50_000  # of a larger reference, a random part is used
PANELS = ("protein", "cytometry")
PREFIX = "reference "  # of the names under which its views are added


def label_from_reference(
    model: Model,
    reference: Data,
    *,
    key: str | Sequence[str],
    modality: Mapping[str, Modality] | None = None,
    parents: Mapping[Any, Any] | None = None,
    k: int = 40,
    abstain_at: float | None = None,
    keep_words: bool = False,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Label the cells of all views from annotated reference data.

    The cells of the reference are added to the model as new cells (`Model.extend`), which changes no fitted cell. A
    view is labelled by the reference view of its modality, whose differences from it are removed like those of a batch.
    A view whose modality the reference lacks is labelled by the reference view with the most cells, through the common
    coordinates. Genes are joined by name, antibodies by name or by the protein that they measure.

    Parameters
    ----------
    model
        A fitted model.
    reference
        Views by name, or a MuData, with labels in `.obs` of every view: one annotated data set is enough. The views may
        hold the same cells or different ones.
    key
        Column of `.obs` with the labels, or several nested columns from coarse to fine.
    modality
        Modality of each reference view, as in `Model`; guessed for views that are not named.
    parents, k, abstain_at, keep_words
        As in `transfer_labels`.
    seed
        Random seed of the cells drawn from a reference of more than 50,000 cells.

    Returns
    -------
    For every view of the model, a table as `transfer_labels` returns it, with one more column `reference`: the
    reference view that the labels come from.

    Raises
    ------
    KeyError
        If a reference view has no column `key`.
    ValueError
        If no reference view was measured like a view of the model and shares enough of its features, or as
        `transfer_labels`.
    """
    named = as_mapping(reference, least=1)
    kinds = {name: _modality(name, adata, (modality or {}).get(name)) for name, adata in named.items()}
    for name, adata in named.items():
        for column in [key] if isinstance(key, str) else key:
            if column not in adata.obs:
                raise unknown_name(f"label_from_reference: a column of obs of {name!r}", column, adata.obs.columns)
    larger, like, refused = _with_reference(model, named, kinds, np.random.default_rng(seed))
    if not like:
        ours = ", ".join(f"{name} ({kind})" for name, kind in model.modalities.items())
        raise value_error(
            "label_from_reference: no view of the reference can be added to the model.",
            found="; ".join(refused) or ", ".join(f"{name} ({kind})" for name, kind in kinds.items()),
            expected=f"at least one view that measured what one of these did: {ours}",
        )
    out = {}
    for view in model.latents:
        own = [name for name, fitted in like.items() if fitted == view]
        source = (own or sorted(like, key=lambda name: -named[name].n_obs))[0]
        added = PREFIX + source
        labels = transfer_labels(
            larger, added, view, key=key, parents=parents, k=k, abstain_at=abstain_at, keep_words=keep_words
        )
        how = "measured like it" if own else "through the common coordinates"
        log.info("%s: labels of %s cells of the reference's %s, %s.", view, f"{len(larger.obs[added]):,}", source, how)
        out[view] = labels.assign(reference=source)
    return out


def _modality(name: str, adata: AnnData, given: str | None) -> Modality:
    check_anndata(adata, name)
    return guess_modality(name, adata, adata.X, adata.var_names) if given is None else check_modality(given, name)


def _with_reference(
    model: Model, named: Mapping[str, AnnData], kinds: Mapping[str, Modality], rng: np.random.Generator
) -> tuple[Model, dict[str, str], list[str]]:
    """Return the model with the reference's cells; the fitted view that each is like; why others were left out."""
    like: dict[str, str] = {}
    refused: list[str] = []
    fitted = [view for view in model.latents if view not in model.map.like]
    for name, adata in named.items():
        alike = [view for view in fitted if model.modalities[view] == kinds[name] and view not in like.values()]
        for view in alike[:1]:
            try:
                model = model.extend(_in_our_names(model, view, adata, rng), view, name=PREFIX + name)
            except InputError as error:
                refused.append(f"{name}: {str(error).splitlines()[0]}")
                log.warning("reference view %s is not used: %s", name, " ".join(str(error).split()))
            else:
                like[name] = view
    return model, like, refused


def _in_our_names(model: Model, view: str, adata: AnnData, rng: np.random.Generator) -> AnnData:
    """Return the reference's features that the fitted view has, under its names; of many cells, a random part."""
    ours = pd.Series(model.recipes[view].features.astype(str), dtype=object)
    theirs = list(adata.var_names.astype(str))
    if model.modalities[view] in PANELS:
        position = {our: numbers[0] for our, numbers in zip(ours, same_proteins(theirs, ours), strict=True) if numbers}
    else:
        position = {}
        for number, our in enumerate(same_names(theirs, ours)):
            if our is not None:
                position.setdefault(our, number)
    if adata.n_obs > MOST_CELLS:
        log.info("reference: %s of %s cells are used.", f"{MOST_CELLS:,}", f"{adata.n_obs:,}")
        adata = adata[np.sort(rng.choice(adata.n_obs, MOST_CELLS, replace=False))]
    found = adata[:, list(position.values())].copy()
    found.var_names = list(position)
    slot, layer = model.slots[view], model.slots[view].removeprefix("layers/")
    if slot == "raw":
        found.raw = found
    elif slot != layer and layer not in found.layers:
        found.layers[layer] = found.X
    return found
