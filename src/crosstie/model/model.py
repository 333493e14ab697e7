"""The model: views, links and settings, fitted. The one object that everything downstream takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crosstie._errors import check_integer, unknown_name, value_error
from crosstie._threads import few_threads
from crosstie._typing import Array, Modality, Tick
from crosstie.config import Config
from crosstie.data.view import as_mapping, check_anndata
from crosstie.links.linked_columns import shared_rows
from crosstie.model.extend import batch_of, extended, read_cells
from crosstie.model.fit_model import Work, fit_model
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs, Links, check_config
from crosstie.model.joint_cells import joint_cells
from crosstie.model.load import load
from crosstie.model.placement import Pool, place
from crosstie.model.reference import with_references
from crosstie.model.save import save
from crosstie.model.state import ModelState

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data
    from crosstie.model.reference import Reference


class Model(ModelState):
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
        Where the matrix is, one for all views or by name: `"X"`, `"raw"`, `"layers/NAME"` or `"obsm/NAME"`.
    batch_key
        Column of `.obs` with the batch of each cell, one for all views or by name. Differences between the batches of
        a view are removed from its latent coordinates.
    link_data
        For some views, another AnnData of the same cells whose features the links name: gene activity beside peaks,
        say. By default links name the features of the view itself.
    reference
        Paired data of another experiment (MuData, or a mapping), learned links, or several; used where the data
        confirm what they teach: see `model.references`.
    spatial, section_key
        Key of `.obsm` with the positions of imaged cells, read where it is, and column of `.obs` with their section; by
        name if views differ (:func:`crosstie.space.positions.positions_of`). `spatial=None` ignores positions.
    config
        Settings; `None` takes the defaults.

    Raises
    ------
    KeyError, TypeError, ValueError
        If data or links cannot be used; each message says what was found, what was expected, and what to do.
    """

    def __init__(
        self,
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
    ) -> None:
        check_config(config)
        options = {"modality": modality, "slot": slot, "batch_key": batch_key, "link_data": link_data}
        options |= {"spatial": spatial, "section_key": section_key}
        self._config = config or Config()
        inputs = Inputs.of(data, links, self._config, **options)  # type: ignore[arg-type]
        self._inputs = inputs if reference is None else with_references(inputs, reference, self._config)
        self._fitted = None
        self._core: Model | None = None

    @classmethod
    def of(cls, inputs: Inputs, fitted: Fitted, condemned: str = "") -> Model:
        """Return a fitted model made of its two halves."""
        model = cls.__new__(cls)
        model._inputs, model._config, model._fitted, model._core = inputs, fitted.map.config, fitted, None
        model._condemned = condemned
        return model

    def fit(
        self,
        seed: int = 0,
        device: str = "auto",
        progress: Tick | None = None,
        *,
        pool: Pool | None = None,
        resume: str | Path | None = None,
    ) -> Model:
        """Find the common latent space; returns the model itself.

        Views of more than `config.n_core` cells are fitted on a core of that size, drawn at random; then all cells are
        placed, block by block.

        Parameters
        ----------
        seed
            Random seed; the same seed on the same machine gives bit-identical results.
        device
            `"cuda"`, `"mps"`: neighbours, transport, training are computed there; `"auto"` trains on CUDA if it can.
        progress
            Called as `progress(step, n_steps, losses)` during training.
        pool
            Workers that place the cells of large views: threads by default; see `crosstie.model.workers`. Ranks
            started by torchrun share the training, too.
        resume
            Folder that keeps finished parts of a fit that trains or places large views: the same fit, interrupted,
            resumes from it bit-for-bit. Created if needed, and removed when the fit is complete.

        Raises
        ------
        ValueError
            If the model was loaded without its data, or the data cannot be fitted.
        FloatingPointError
            If training diverges and the settings have no fallback; the message names the term and the step.
        """
        check_integer("fit: seed", seed, name="seed")
        if not self.views:
            what, do = "fit: this model was loaded from a file, without data.", "Build it anew: xt.Model(data)."
            raise value_error(what, do=do)
        self._fitted = fit_model(self._inputs, Work(self._config, seed, device, progress, pool), resume=resume)
        self._core, self._condemned = None, ""
        return self

    def embed(self, view: str, adata: AnnData | None = None) -> Array:
        """Return latent coordinates of a view's cells, shape `(n_cells, n_latent)`.

        Parameters
        ----------
        view
            Name of the view.
        adata
            New cells of the same kind, with the matrix in the same slot and features in any order. If features are
            missing, the others place them, and a warning says what is lost. `None` returns the fitted coordinates.

        Raises
        ------
        KeyError
            If there is no such view, or the features of new cells tell less than half of what places cells.
        ValueError
            If the model is not fitted, or the new values cannot be used.
        """
        fitted = self._fitted_with(view)
        if adata is None:
            return fitted.latents[view]
        cells = read_cells(adata, fitted.map, view, slot=self.slots[view])
        return place(fitted.map, cells, batch_of(self._inputs, fitted.map, view, adata))

    def extend(self, query: AnnData, like: str, *, name: str | None = None) -> Model:
        """Return a model with one more view: new cells, measured like those of a fitted view.

        Differences to the fitted cells of their kind are removed, state by state, as for a batch; fitted cells do not
        move at all. Raises as `embed`, and `ValueError` if the name is taken.

        Parameters
        ----------
        query
            The new cells; features as in `embed`.
        like
            Name of the fitted view whose recipe, links and map they take.
        name
            Name of the new view; `None` appends `_query` to `like`.
        """
        fitted = self._fitted_with(like)
        check_anndata(query, like)
        with few_threads(query.n_obs):
            larger = extended(self._inputs, fitted, query, like=like, name=f"{like}_query" if name is None else name)
            return self.of(*larger, condemned=self.condemned)

    def with_data(self, data: Data, link_data: Mapping[str, AnnData] | None = None) -> Model:
        """Return a loaded model with its data; raises `ValueError` if cells or features are not the fitted ones."""
        inputs = self._inputs.with_data(data, link_data, recipes=self.recipes, n_core=self._config.n_core)
        return self.of(inputs, replace(self.fitted, core=None), condemned=self.condemned)

    def embed_joint(self) -> AnnData:
        """Return one row per cell: cells that paired links identify across views get one position.

        `.X` has the latent coordinates, `.obs` the views that measured a cell and its name in each of them.
        """
        return joint_cells(self.fitted.latents, self.cells, shared_rows(self.linkage, self.cells))

    def translate(self, source: str, target: str, adata: AnnData | None = None, *, scaled: bool = False) -> Array:
        """Return the features of `target` predicted for the cells of `source`, shape `(n_cells, n_features)`.

        Columns are the used features of the target, in the order of `model.recipes[target].names`.

        Parameters
        ----------
        source, target
            Names of the views.
        adata
            New cells of `source`; `None` translates the fitted ones.
        scaled
            Return standard deviations from the target's mean instead of its normalised (log) units.
        """
        found = self._fitted_with(target).map
        return found.translate(self.embed(source, adata), target, scaled=scaled)

    def write(self, data: Data, key: str = "X_crosstie") -> None:
        """Write latent coordinates into `.obsm[key]` of every view of `data`; raises `ValueError` if cells differ."""
        named = as_mapping(data)
        for name in self.latents:
            if name not in named:
                raise unknown_name("write: view", name, named)
            if list(named[name].obs_names) != list(self.obs[name].index):
                what = f"write: view {name!r} has other cells than the fitted one, or in another order."
                raise value_error(what, do="Give the data that the model was fitted on.")
        for name, z in self.latents.items():
            named[name].obsm[key] = z

    def save(self, path: str | Path) -> None:
        """Save the fitted model as a folder, which appears complete or not at all and replaces an older saved model."""
        save(self._inputs, self.fitted, path, condemned=self.condemned)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Load a saved model, with its verdict "do not use" if any; without data it can embed, but not be fitted."""
        return cls.of(*load(path))

    @property
    def core(self) -> Model:
        """The model of the cells that were fitted on, in memory: this one, unless views were too large."""
        if not self.core_rows:
            return self
        if self._core is None:
            fitted = self.fitted
            added = {name: np.arange(len(z)) for name, z in fitted.latents.items() if name not in fitted.core_rows}
            rows = {**fitted.core_rows, **added}
            self._core = self.of(*(fitted.core or (self._inputs.subset(rows), fitted.subset(rows))))
        return self._core
