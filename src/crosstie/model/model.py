"""The model: views, links and settings, fitted. The one object that everything downstream takes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import check_integer, unknown_name, value_error
from crosstie._files import claimed
from crosstie._log import log
from crosstie._threads import few_threads
from crosstie._typing import Array, Edge, Index, Labels, Mask, Matrix, Modality, Tick
from crosstie.anchors import Anchors, ClosedForm
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.linear import unit_rows
from crosstie.config import Config
from crosstie.data import Recipe, View
from crosstie.data.copied_views import warn_of_copies
from crosstie.data.view import as_mapping, check_anndata, link_view
from crosstie.links.link import Link
from crosstie.links.linkage import Linkage
from crosstie.links.linked_columns import shared_rows
from crosstie.links.paired import Paired
from crosstie.links.suggest import suggest
from crosstie.model.core import core_rows, fit_model, restricted
from crosstie.model.extend import extended, read_cells, with_data
from crosstie.model.fit_model import Work
from crosstie.model.joint_cells import joint_cells
from crosstie.model.options import check_options
from crosstie.model.placement import Pool, place
from crosstie.model.resume import Progress

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data
    from crosstie.training.networks import Networks


class Model:
    """Several views and the links between them; `fit` brings them into one latent space.

    Parameters
    ----------
    data
        The views by name: a MuData, or a mapping of names to AnnData. Not changed.
    links
        One link or several, connecting all views; `None` links what can be linked and says how (see the log).
    modality
        What each view measured, by name; guessed where it is not given.
    slot
        Where in the AnnData the matrix is, one for all views or by name: `"X"`, `"layers/NAME"` or `"obsm/NAME"`.
    batch_key
        Column of `.obs` with the batch of each cell, one for all views or by name. What sets the batches of a view
        apart is taken off the latent coordinates.
    link_data
        By view, another AnnData of the same cells, whose features the links name: gene activity beside peaks, say. By
        default links name the features of the view itself.
    config
        Settings.

    Attributes
    ----------
    views
        The views' data, by name; empty in a model that was loaded.
    recipes
        The fitted preprocessing of each view.
    linkage
        The links, checked.
    anchors
        Weighted pairs of cells of each edge, `{(source, target): Anchors}`.
    latents
        Coordinates of each view's cells, shape `(n_cells, n_latent)`.
    obs
        Copies of the views' `.obs`.
    like
        Views that `extend` added, and the fitted view that each is like.
    history
        One row per recorded training step; empty without training.
    core_rows
        Where views were too large to be fitted on whole: row numbers of the cells of each view that were. See `core`.

    Raises
    ------
    KeyError, TypeError, ValueError
        If data or links cannot be used; each message says what, what was expected, and what to do.
    """

    def __init__(
        self,
        data: Data,
        links: Link | Paired | Iterable[Link | Paired] | None = None,
        *,
        modality: Mapping[str, Modality] | None = None,
        slot: str | Mapping[str, str] = "X",
        batch_key: str | Mapping[str, str] | None = None,
        link_data: Mapping[str, AnnData] | None = None,
        config: Config | None = None,
    ) -> None:
        named = as_mapping(data)
        self.config = Config() if config is None else config
        check_options(named, modality=modality, slot=slot, batch_key=batch_key, link_data=link_data, config=config)
        self.views = {
            name: View.of(
                name,
                adata,
                modality=(modality or {}).get(name),
                slot=slot if isinstance(slot, str) else slot.get(name, "X"),
                batch_key=batch_key.get(name) if isinstance(batch_key, Mapping) else batch_key,
            ).loaded_up_to(self.config.n_core)
            for name, adata in named.items()
        }
        self.obs = {name: adata.obs.copy() for name, adata in named.items()}
        self.slots = {name: view.slot for name, view in self.views.items()}
        self.modalities = {name: view.modality for name, view in self.views.items()}
        self.like: dict[str, str] = {}
        self.batch_keys = {
            name: batch_key if isinstance(batch_key, str) else str((batch_key or {})[name])
            for name, view in self.views.items()
            if view.batch is not None
        }
        warn_of_copies(self.views)
        self.link_views = {
            name: link_view(self.views[name], adata).loaded_up_to(self.config.n_core)
            for name, adata in (link_data or {}).items()
        }
        read = self.views | self.link_views
        if links is None:
            links = suggest(named | dict(link_data or {}), {name: view.modality for name, view in read.items()})
        self.linkage = Linkage.of(self.views, links)
        for link in self.linkage.links:
            link.check_features({name: view.features for name, view in read.items()})
        self.recipes: dict[str, Recipe] = {}
        self.closed_form: ClosedForm | None = None
        self.offsets: Offsets | None = None
        self.input_scale: dict[str, Array] = {}
        self.networks: Networks | None = None
        self.decoders: dict[str, tuple[Array, Array]] = {}
        self.anchors: dict[Edge, Anchors] = {}
        self.latents: dict[str, Array] = {}
        self.history = pd.DataFrame()
        self.core_rows: dict[str, Index] = {}
        self.fitted_core: Model | None = None

    def fit(
        self,
        seed: int = 0,
        device: str = "auto",
        progress: Tick | None = None,
        *,
        pool: Pool | None = None,
        resume: str | Path | None = None,
    ) -> Model:
        """Find the common latent space.

        Views of more than `config.n_core` cells are fitted on a core of as many, drawn at random; then all cells are
        placed, block by block.

        Parameters
        ----------
        seed
            Of everything random; the same seed on the same machine gives the same bits.
        device
            `"auto"`, `"cpu"`, `"cuda"`, …; only training uses it.
        progress
            Called as `progress(step, n_steps, losses)` in training.
        pool
            Who places the cells of large views: threads by default; see `crosstie.model.workers`. Ranks that torchrun
            started share the training, too.
        resume
            Of large views, and in training: folder that keeps what is done, so that the same fit, cut off, goes on from
            there and ends with the same bits. It is made where there is none, and removed when all is done.

        Returns
        -------
        The model itself.

        Raises
        ------
        ValueError
            If the model was loaded without its data, or the data give nothing to work on.
        FloatingPointError
            If training diverges and the settings have no fallback; the message names the term and the step.
        """
        check_integer("fit: seed", seed, name="seed")
        if not self.views:
            raise value_error(
                "fit: this model was loaded from a file, without data.", do="Build it anew: xt.Model(data)."
            )
        sizes = {name: view.n_cells for name, view in self.views.items()}
        pairs = shared_rows(self.linkage, self.cells)
        rows = core_rows(sizes, self.config.n_core, pairs=pairs, batches=self.batches, seed=seed)
        work = Work(seed, device, progress, pool)
        if resume is None or not (rows or self.config.training == "full"):
            fit_model(self, rows, work)
            return self
        with claimed(Path(resume).resolve()):
            kept = Progress(resume, self, seed)
            fit_model(self, rows, replace(work, kept=kept))
            kept.remove()
        return self

    def embed(self, view: str, adata: AnnData | None = None) -> Array:
        """Return latent coordinates of a view's cells, shape `(n_cells, n_latent)`.

        Parameters
        ----------
        view
            Name of the view.
        adata
            New cells of the same kind, the matrix in the same slot, features in any order. Missing ones are counted in
            a warning and taken to be at their mean. `None` returns the coordinates of the fitted cells.

        Raises
        ------
        KeyError
            If there is no such view, or the new cells lack more than half of the used features.
        ValueError
            If the model is not fitted, or the new values cannot be used.
        """
        self._check_fitted(view)
        if adata is None:
            return self.latents[view]
        cells = read_cells(adata, self.recipes[view], slot=self.slots[view], view=view)
        return place(self.encoder(), cells, self._batch_of(view, adata))

    def extend(self, query: AnnData, like: str, *, name: str | None = None) -> Model:
        """Return a model with one more view: new cells, measured like those of a fitted view.

        What sets the new cells apart from the fitted ones of their kind, state by state, is taken off their
        coordinates, as for a batch; nothing else is learned, and the fitted cells stay where they are, to the bit.

        Parameters
        ----------
        query
            The new cells; features as in `embed`.
        like
            Name of the fitted view whose recipe, links and map they take.
        name
            Of the new view; by default that of the fitted one with `_query` behind it.

        Returns
        -------
        A new model; this one is not changed. Raises as `embed`, and if the name is taken.
        """
        self._check_fitted(like)
        check_anndata(query, like)
        with few_threads(query.n_obs):
            return extended(self, query, like=like, name=f"{like}_query" if name is None else name)

    def with_data(self, data: Data, link_data: Mapping[str, AnnData] | None = None) -> Model:
        """Return a loaded model with the data it was fitted on; raises if they are others."""
        return with_data(self, data, link_data)

    def embed_joint(self) -> AnnData:
        """Return one row per cell: cells that paired links say are shared by views have one place.

        Returns
        -------
        Cells × latent coordinates; `.obs` has the views that measured a cell and its name in each of them.
        """
        self._check_fitted()
        return joint_cells(self.latents, self.cells, shared_rows(self.linkage, self.cells))

    def translate(self, source: str, target: str, adata: AnnData | None = None, *, scaled: bool = False) -> Array:
        """Return the features of `target` that the cells of `source` should have, shape `(n_cells, n_features)`.

        Parameters
        ----------
        source, target
            Names of the views.
        adata
            New cells of `source`; `None` translates the fitted ones.
        scaled
            Return standard deviations from the target's mean instead of its normalised (log) units.

        Returns
        -------
        One column per used feature of the target, in the order of `model.recipes[target].names`.
        """
        self._check_fitted(target)
        matrix, offset = self.decoders[target]
        return self.recipes[target].inverse(self.embed(source, adata) @ matrix + offset, scaled=scaled)

    def write(self, data: Data, key: str = "X_crosstie") -> None:
        """Write the latent coordinates into `.obsm[key]` of every view of `data`.

        Raises
        ------
        ValueError
            If a view of `data` has other cells than the fitted one; nothing is written then.
        """
        named = as_mapping(data)
        for name in self.latents:
            if name not in named:
                raise unknown_name("write: view", name, named)
            if list(named[name].obs_names) != list(self.obs[name].index):
                raise value_error(
                    f"write: view {name!r} has other cells than the fitted one, or in another order.",
                    do="Give the data that the model was fitted on.",
                )
        for name, z in self.latents.items():
            named[name].obsm[key] = z

    def save(self, path: str | Path) -> None:
        """Save the fitted model into a folder: weights as safetensors, everything else as JSON and CSV.

        The folder appears whole or not at all; an older one of this name is replaced.
        """
        from crosstie.model.save import save

        self._check_fitted()
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Load a model that was saved; it has no data, so it can embed and translate but not be fitted again."""
        from crosstie.model.load import load

        return load(cls, path)

    @property
    def cells(self) -> dict[str, pd.Index]:
        """Names of the cells of each view."""
        return {name: pd.Index(obs.index).astype(str) for name, obs in self.obs.items()}

    @property
    def batches(self) -> dict[str, Labels]:
        """Batch of each cell, for the views that have batches."""
        return {name: view.batch.to_numpy() for name, view in self.views.items() if view.batch is not None}

    @property
    def n_latent(self) -> int:
        """Number of latent coordinates."""
        return len(next(iter(self.decoders.values()))[0])

    @property
    def core(self) -> Model:
        """The model of the cells that were fitted on, in memory: this one, unless views were too large."""
        if not self.core_rows:
            return self
        if self.fitted_core is None:
            added = {name: np.arange(len(z)) for name, z in self.latents.items() if name not in self.core_rows}
            self.fitted_core = restricted(self, self.core_rows | added)
        return self.fitted_core

    def encoder(self) -> Model:
        """Return what places cells, and nothing else: no data, cells or coordinates. Other processes get this."""
        out = copy.copy(self)
        out.views, out.link_views, out.obs, out.latents, out.anchors, out.core_rows = {}, {}, {}, {}, {}, {}
        out.fitted_core = None
        return out

    def _inputs(self, view: str, matrix: Matrix, components: Array, absent: Mask | None = None) -> Array:
        """Return what the networks read."""
        if self.config.features == "features":
            return self.recipes[view].scale(matrix, absent=absent)
        if self.closed_form is None:
            return components / np.sqrt(self.recipes[view].variance.mean(), dtype=np.float32)
        return (components - self.closed_form.mean[view]) * self.input_scale[view]

    def _batch_of(self, view: str, adata: AnnData) -> Labels | None:
        """Return the batches of new cells, if the view was fitted with batches; what cannot be corrected is said."""
        if view in self.like:
            return np.full(adata.n_obs, view)
        if view not in self.batch_keys or self.offsets is None:
            return None
        key, known = self.batch_keys[view], self.offsets.names[view]
        if key not in adata.obs:
            log.warning("embed: the new cells of %s have no obs[%r]: batches are not corrected.", view, key)
            return None
        batch = adata.obs[key].astype(str)
        if not (fitted := batch.isin(known)).all():
            log.warning("embed: %d cells of %s are of batches not fitted: left as they are.", (~fitted).sum(), view)
        return batch.to_numpy()

    def _encode(self, view: str, matrix: Matrix, batch: Labels | None, absent: Mask | None = None) -> Array:
        """Return the coordinates of cells given as a matrix in the recipe's features."""
        if self.networks is None:
            assert self.closed_form is not None
            components = self.recipes[view].transform(matrix, absent)
            return self.closed_form.coordinates(view, components, batch)
        return self._without_batch(view, self._raw(view, matrix, absent), batch)

    def _raw(self, view: str, matrix: Matrix, absent: Mask | None) -> Array:
        """Return coordinates before batches are corrected and views drawn together."""
        components = self.recipes[view].transform(matrix, absent)
        if self.networks is None:
            assert self.closed_form is not None
            return self.closed_form.raw(view, components)
        inputs = self._inputs(view, matrix, components, absent)
        return self._latent(self.networks.encode_array(self.like.get(view, view), inputs))

    def _without_batch(self, view: str, z: Array, batch: Labels | None) -> Array:
        return z if self.offsets is None or batch is None else self.offsets.corrected(view, z, batch)

    def _latent(self, z: Array) -> Array:
        return unit_rows(z) if self.config.latent_norm == "unit" else z

    def _check_fitted(self, *views: str) -> None:
        if not self.latents:
            raise value_error("this model is not fitted.", do="Call model.fit() first, or use xt.integrate(data).")
        for view in views:
            if view not in self.latents:
                raise unknown_name("view", view, self.latents)
