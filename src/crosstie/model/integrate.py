"""The front door: from several views to a fitted model in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crosstie._typing import Modality
from crosstie.config import Config
from crosstie.data.view import as_mapping
from crosstie.model.bridge import bridged
from crosstie.model.inputs import Links
from crosstie.model.model import Model

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from crosstie._typing import Data, Tick
    from crosstie.model.placement import Pool
    from crosstie.model.reference import Reference


def integrate(
    data: Data,
    links: Links | None = None,
    *,
    modality: Mapping[str, Modality] | None = None,
    slot: str | Mapping[str, str] = "X",
    batch_key: str | Mapping[str, str] | None = None,
    link_data: Mapping[str, AnnData] | None = None,
    reference: Reference | Iterable[Reference] | None = None,
    spatial: str | Mapping[str, Any] | None = "spatial",
    section_key: str | Mapping[str, str] | None = None,
    config: Config | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Tick | None = None,
    pool: Pool | None = None,
    resume: str | Path | None = None,
) -> Model:
    """Bring several views into one latent space: recipes, links, anchors and fit in one call.

    The parameters are those of `Model` and of `Model.fit`. One view alone can be integrated with a `reference` of
    paired data: its views take part, as a bridge, and are in the result (`crosstie.model.bridge`).

    Returns
    -------
    The fitted model.

    Raises
    ------
    KeyError, TypeError, ValueError, FloatingPointError
        As `Model` and `Model.fit`; also `ValueError` if one view alone has no reference with cells, or several.
    """
    if reference is not None and links is None and len(own := as_mapping(data, least=1)) == 1:
        data, links = bridged(data, reference, modality)
        reference = None
        slot = dict.fromkeys(own, slot) if isinstance(slot, str) else slot
        batch_key, section_key = (dict.fromkeys(own, k) if isinstance(k, str) else k for k in (batch_key, section_key))
    model = Model(
        data,
        links,
        modality=modality,
        slot=slot,
        batch_key=batch_key,
        link_data=link_data,
        reference=reference,
        spatial=spatial,
        section_key=section_key,
        config=config,
    )
    return model.fit(seed=seed, device=device, progress=progress, pool=pool, resume=resume)
