"""What a model holds, read-only: inputs, settings and, once fitted, the fit. `Model` adds what one does with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from crosstie._errors import unknown_name, value_error
from crosstie._typing import Array, Edge, Index, Labels, Modality
from crosstie.anchors import Anchors, ClosedForm
from crosstie.anchors.batch_offsets import Offsets
from crosstie.config import Config
from crosstie.data import Recipe, View
from crosstie.links.linkage import Linkage
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.model.latent_map import LatentMap
from crosstie.space import Positions

if TYPE_CHECKING:
    from crosstie.training.networks import Networks


class ModelState:
    """The attributes of a model. What only a fit gives is empty or `None` before `fit`."""

    _inputs: Inputs
    _config: Config
    _fitted: Fitted | None
    _condemned: str = ""

    def __repr__(self) -> str:
        if self._fitted is None:
            state = "not fitted"
        else:
            n_pairs = sum(map(len, self.anchors.values()))
            state = f"fitted: {self.n_latent} latent coordinates, {n_pairs:,} anchors"
            state += "" if self.views else ", loaded without data"
        lines = [f"Model of {len(self.obs)} views, {state}"]
        for name, obs in self.obs.items():
            of = self.recipes.get(self.like.get(name, name))
            n_features = self.views[name].n_features if name in self.views else len(of.features) if of else 0
            size = f"{len(obs):,} cells" + (f" × {n_features:,} features" if n_features else "")
            parts = [f"{self.modalities[name]}: {size}", f"slot {self.slots[name]}"]
            parts += [f"batches in {self.batch_keys[name]!r}"] if name in self.batch_keys else []
            parts += [str(self.positions[name])] if name in self.positions else []
            parts += [f"like {self.like[name]}"] if name in self.like else []
            lines.append(f"  {name}: {', '.join(parts)}")
        return "\n".join([*lines, *(f"  {link!r}" for link in (*self.linkage.links, *self.linkage.paired))])

    @property
    def config(self) -> Config:
        """Settings."""
        return self._config

    @property
    def inputs(self) -> Inputs:
        """What is integrated: views, links, and what is known of the cells."""
        return self._inputs

    @property
    def views(self) -> Mapping[str, View]:
        """Data of each view, by name; empty in a model that was loaded from a file."""
        return self._inputs.views

    @property
    def link_views(self) -> Mapping[str, View]:
        """For views given with `link_data`, the matrix that links read."""
        return self._inputs.link_views

    @property
    def linkage(self) -> Linkage:
        """The checked links."""
        return self._inputs.linkage

    @property
    def obs(self) -> Mapping[str, pd.DataFrame]:
        """Copy of each view's `.obs`."""
        return self._inputs.obs

    @property
    def slots(self) -> Mapping[str, str]:
        """Where in the AnnData each view's matrix is."""
        return self._inputs.slots

    @property
    def modalities(self) -> Mapping[str, Modality]:
        """What each view measured."""
        return self._inputs.modalities

    @property
    def batch_keys(self) -> Mapping[str, str]:
        """Column of `.obs` with the batch of each cell, for views with batches."""
        return self._inputs.batch_keys

    @property
    def positions(self) -> Mapping[str, Positions]:
        """Where the cells lie in the tissue, for views with positions."""
        return self._inputs.positions

    @property
    def references(self) -> pd.DataFrame:
        """One row per reference and edge: what it predicts, whether the data confirmed it, and why."""
        columns = ["name", "edge", "n_cells", "n_columns", "used", "gain", "why"]
        return pd.DataFrame([vars(tested) for tested in self._inputs.references], columns=columns)

    @property
    def cells(self) -> dict[str, pd.Index]:
        """Names of the cells of each view."""
        return self._inputs.cells

    @property
    def batches(self) -> dict[str, Labels]:
        """Batch of each cell, for views with batches."""
        return self._inputs.batches

    @property
    def map(self) -> LatentMap:
        """What places cells in the latent space."""
        return self.fitted.map

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """Fitted preprocessing of each view."""
        return {} if self._fitted is None else self.map.recipes

    @property
    def closed_form(self) -> ClosedForm | None:
        """Linear maps to the latent space."""
        return None if self._fitted is None else self.map.closed_form

    @property
    def networks(self) -> Networks | None:
        """Trained networks; `None` where the closed form places cells."""
        return None if self._fitted is None or self.map.trained is None else self.map.trained.networks

    @property
    def offsets(self) -> Offsets | None:
        """What is subtracted from the coordinates of each batch."""
        return None if self._fitted is None else self.map.offsets

    @property
    def decoders(self) -> Mapping[str, tuple[Array, Array]]:
        """For each view, matrix and offset of the way back from coordinates to components."""
        return {} if self._fitted is None else self.map.decoders

    @property
    def like(self) -> Mapping[str, str]:
        """Views that `extend` added, and the fitted view that each is like."""
        return {} if self._fitted is None else self.map.like

    @property
    def latents(self) -> Mapping[str, Array]:
        """Coordinates of each view's cells, shape `(n_cells, n_latent)`."""
        return {} if self._fitted is None else self._fitted.latents

    @property
    def anchors(self) -> Mapping[Edge, Anchors]:
        """Weighted pairs of cells of each edge, `{(source, target): Anchors}`."""
        return {} if self._fitted is None else self._fitted.anchors

    @property
    def history(self) -> pd.DataFrame:
        """One row per recorded training step; empty without training."""
        return pd.DataFrame() if self._fitted is None else self._fitted.history

    @property
    def core_rows(self) -> Mapping[str, Index]:
        """For views too large to be fitted whole: row numbers of the cells that were fitted. See `core`."""
        return {} if self._fitted is None else self._fitted.core_rows

    @property
    def condemned(self) -> str:
        """Why `xt.trust.diagnose` said not to use this fit; empty before it did. Results then come with a warning."""
        return self._condemned

    def judge(self, condemned: str) -> None:
        """Remember the verdict on this fit: why not to use it, or nothing."""
        self._condemned = condemned

    @property
    def n_latent(self) -> int:
        """Number of latent coordinates."""
        return self.map.n_latent

    @property
    def fitted(self) -> Fitted:
        """The fit; raises if there is none."""
        if self._fitted is None:
            raise value_error("this model is not fitted.", do="Call model.fit() first, or use xt.integrate(data).")
        return self._fitted

    def _fitted_with(self, *views: str) -> Fitted:
        """Return the fit; raise if there is none, or it lacks one of these views."""
        for view in views:
            if view not in self.fitted.latents:
                raise unknown_name("view", view, self.fitted.latents)
        return self.fitted
