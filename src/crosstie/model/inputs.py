"""What is integrated: views, links and what is known of their cells, checked once and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie._typing import Edge, Index, Labels, Modality
from crosstie.config import Config
from crosstie.data import Recipe, View
from crosstie.data.copied_views import warn_of_copies
from crosstie.data.view import as_mapping, link_view
from crosstie.links.learned import LearnedLinks
from crosstie.links.link import Link
from crosstie.links.linkage import Linkage
from crosstie.links.linked_columns import linked_features
from crosstie.links.paired import Paired
from crosstie.links.suggest import suggest
from crosstie.space.positions import SPATIAL, Positions, positions_of

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

Links: TypeAlias = Link | Paired | LearnedLinks | Iterable[Link | Paired | LearnedLinks]


@dataclass(frozen=True)
class TestedReference:
    """What became of a reference on one edge; see `crosstie.model.reference`.

    Parameters
    ----------
    name
        How the reference is called in messages: `"reference 1"`, and so on.
    edge
        The views that it was used for, the predicting one first.
    n_cells, n_columns
        Number of its cells, and of features that it predicts here.
    used
        Whether the data confirmed it.
    gain
        Mean agreement of the data's own links, left out, with the learned links minus without them; NaN if the data
        have too few links for the test.
    why
        The outcome in words.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    name: str
    edge: Edge
    n_cells: int
    n_columns: int
    used: bool
    gain: float
    why: str


@dataclass(frozen=True)
class Inputs:
    """The views of one integration and the links between them.

    Parameters
    ----------
    views
        Data of each view, by name; empty in a model that was loaded from a file.
    link_views
        For some views, another matrix of the same cells, whose features the links name.
    linkage
        The checked links.
    obs
        Copy of each view's `.obs`.
    slots
        Where each view's matrix is: `"X"`, `"raw"`, `"layers/NAME"` or `"obsm/NAME"`.
    modalities
        What each view measured.
    batch_keys
        Column of `.obs` with the batch of each cell, for views that have batches.
    references
        What became of each reference; empty without any, and in a model that was loaded from a file.
    positions
        Where the cells lie, for views of tissue.
    """

    views: Mapping[str, View]
    link_views: Mapping[str, View]
    linkage: Linkage
    obs: Mapping[str, pd.DataFrame] = field(repr=False)
    slots: Mapping[str, str]
    modalities: Mapping[str, Modality]
    batch_keys: Mapping[str, str]
    references: tuple[TestedReference, ...] = ()
    positions: Mapping[str, Positions] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        data: Data,
        links: Links | None,
        config: Config,
        *,
        modality: Mapping[str, Modality] | None = None,
        slot: str | Mapping[str, str] = "X",
        batch_key: str | Mapping[str, str] | None = None,
        link_data: Mapping[str, AnnData] | None = None,
        spatial: str | Mapping[str, Any] | None = SPATIAL,
        section_key: str | Mapping[str, str] | None = None,
    ) -> Inputs:
        """Check data and links; the parameters and errors are those of `Model`."""
        named = as_mapping(data)
        check_options(
            named,
            modality=modality,
            slot=slot,
            batch_key=batch_key,
            link_data=link_data,
            spatial=spatial,
            section_key=section_key,
        )
        views = {
            name: View.of(
                name,
                adata,
                modality=(modality or {}).get(name),
                slot=slot if isinstance(slot, str) else slot.get(name, "X"),
                batch_key=batch_key.get(name) if isinstance(batch_key, Mapping) else batch_key,
            ).loaded_up_to(config.n_core)
            for name, adata in named.items()
        }
        warn_of_copies(views)
        link_views = {
            name: link_view(views[name], adata).loaded_up_to(config.n_core) for name, adata in (link_data or {}).items()
        }
        read = views | link_views
        if links is None:
            links = suggest(named | dict(link_data or {}), {name: view.modality for name, view in read.items()})
        linkage = Linkage.of(views, _resolved(links, named, views))
        for link in linkage.links:
            link.check_features({name: view.features for name, view in read.items()})
        return cls(
            views=views,
            link_views=link_views,
            linkage=linkage,
            obs={name: adata.obs.copy() for name, adata in named.items()},
            slots={name: view.slot for name, view in views.items()},
            modalities={name: view.modality for name, view in views.items()},
            batch_keys={
                name: batch_key if isinstance(batch_key, str) else str((batch_key or {})[name])
                for name, view in views.items()
                if view.batch is not None
            },
            positions=positions_of(named, spatial=spatial, section_key=section_key),
        )

    @property
    def cells(self) -> dict[str, pd.Index]:
        """Names of the cells of each view."""
        return {name: pd.Index(obs.index).astype(str) for name, obs in self.obs.items()}

    @property
    def batches(self) -> dict[str, Labels]:
        """Batch of each cell, for the views that have batches."""
        return {name: view.batch.to_numpy() for name, view in self.views.items() if view.batch is not None}

    def subset(self, rows: Mapping[str, Index]) -> Inputs:
        """Return some cells of every view, in memory, with the paired links among them.

        Parameters
        ----------
        rows
            Row numbers of each view; of a stored matrix, in ascending order.
        """
        obs = {name: table.iloc[rows[name]] for name, table in self.obs.items()}
        cells = {name: pd.Index(table.index).astype(str) for name, table in obs.items()}
        paired = [
            replace(link, cells=link.cells[link.cells["source"].isin(cells[a]) & link.cells["target"].isin(cells[b])])
            for link in self.linkage.paired
            for a, b in [link.edge]
        ]
        linkage = Linkage(self.linkage.views, self.linkage.links, tuple(link for link in paired if len(link.cells)))
        return replace(
            self,
            views={name: view.subset(rows[name]) for name, view in self.views.items()},
            link_views={name: view.subset(rows[name]) for name, view in self.link_views.items()},
            linkage=linkage,
            obs=obs,
            positions={name: here.take(rows[name]) for name, here in self.positions.items()},
        )

    def extended(
        self, view: View, obs: pd.DataFrame, *, like: str, positions: Mapping[str, Positions] | None = None
    ) -> Inputs:
        """Return the inputs with one more view, linked as the fitted view `like` is."""
        links = self.linkage.links
        linkage = replace(
            self.linkage,
            views=(*self.linkage.views, view.name),
            links=(*links, *(link.renamed(like, view.name) for link in links if like in link.edge)),
        )
        return replace(
            self,
            views={**self.views, **({view.name: view} if self.views else {})},
            linkage=linkage,
            obs={**self.obs, view.name: obs.copy()},
            slots={**self.slots, view.name: self.slots[like]},
            modalities={**self.modalities, view.name: self.modalities[like]},
            positions={**self.positions, **(positions or {})},
        )

    def with_data(
        self, data: Data, link_data: Mapping[str, AnnData] | None, *, recipes: Mapping[str, Recipe], n_core: int
    ) -> Inputs:
        """Return the inputs of a loaded model with the data it was fitted on.

        Raises
        ------
        KeyError
            If a view is missing.
        ValueError
            If a view has other cells or features than the fitted one.
        """
        named = as_mapping(data)
        cells, views = self.cells, {}
        for name in self.linkage.views:
            if name not in named:
                raise unknown_name("with_data: view", name, named)
            key = self.batch_keys.get(name)
            view = View.of(name, named[name], modality=self.modalities[name], slot=self.slots[name], batch_key=key)
            view = view.loaded_up_to(n_core)
            _check_same(name, "cells", view.cells.astype(str), cells[name])
            _check_same(name, "features", view.features, recipes[name].features)
            views[name] = view
        link_views = {name: link_view(views[name], adata) for name, adata in (link_data or {}).items()}
        for name, view in views.items():
            read = link_views.get(name, view).features
            lacking = sorted(linked_features(self.linkage, name) - set(read))
            if lacking:
                raise value_error(
                    f"with_data: links read features that view {name!r} lacks.",
                    found=sample(lacking, 2),
                    do=f"Give what the model was fitted with: link_data={{{name!r}: ...}}.",
                )
        return replace(self, views=views, link_views=link_views)


def _resolved(links: Links, data: Mapping[str, AnnData], views: Mapping[str, View]) -> list[Link | Paired]:
    """Return the links, with learned ones turned into links between the views that measured what they are about."""
    if isinstance(links, Link | Paired | LearnedLinks) or not isinstance(links, Iterable):
        links = [links]
    out: list[Link | Paired] = []
    for link in links:
        if not isinstance(link, LearnedLinks):
            out.append(link)
            continue
        edges = link.edges({name: view.modality for name, view in views.items()})
        out += [link.link(data, a, b) for a, b in edges]
    return out


def _check_same(view: str, what: str, found: pd.Index, fitted: pd.Index) -> None:
    if list(found) != list(fitted):
        raise value_error(
            f"with_data: view {view!r} has other {what} than the fitted one, or in another order.",
            found=f"{len(found):,}: {sample(found, 2)}",
            expected=f"{len(fitted):,}: {sample(fitted, 2)}",
            do="Give the data that the model was fitted on.",
        )


def check_config(config: object) -> None:
    """Raise `TypeError` if something other than a `Config` was given."""
    if not isinstance(config, Config | None):
        do = "Write xt.Config(n_latent=20), with the settings that should differ."
        raise type_error("config: not settings.", found=type(config).__name__, expected="a Config", do=do)


_EXAMPLES = {
    "modality": '"rna"',
    "slot": '"X"',
    "batch_key": '"donor"',
    "link_data": "adata",
    "spatial": '"spatial"',
    "section_key": '"slide"',
}
_KINDS = {
    "slot": "text, ",
    "batch_key": "a column of obs, ",
    "spatial": "a key of obsm, ",
    "section_key": "a column of obs, ",
}


def check_options(
    views: Iterable[str],
    *,
    modality: object,
    slot: object,
    batch_key: object,
    link_data: object,
    spatial: object = None,
    section_key: object = None,
) -> None:
    """Check the options of `Model` that are given by view.

    Raises
    ------
    KeyError
        If an option names an unknown view.
    TypeError
        If an option is of the wrong kind.
    """
    views = list(views)
    may_be_text = {"slot": slot, "batch_key": batch_key, "spatial": spatial, "section_key": section_key}
    for option, value in {"modality": modality, "link_data": link_data, **may_be_text}.items():
        if isinstance(value, Mapping):
            for name in value:
                if name not in views:
                    raise unknown_name(f"{option}: view", name, views)
        elif value is not None and not (option in may_be_text and isinstance(value, str)):
            shown = repr(value) if isinstance(value, str | int | float) else type(value).__name__
            word = _EXAMPLES[option]
            kind = _KINDS.get(option, "")
            example = f"{{{views[0]!r}: {word}}}".replace("'", '"')
            expected = f"{kind}{'or ' if kind else ''}a mapping by view such as {example}"
            raise type_error(f"{option}: of the wrong kind.", found=shown, expected=expected)
