"""What places cells in the latent space, and nothing else: workers and saved models get exactly this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crosstie._typing import Array, Labels, Mask, Matrix
from crosstie.anchors import ClosedForm
from crosstie.anchors.batch_offsets import Offsets
from crosstie.config import Config
from crosstie.data import Recipe

if TYPE_CHECKING:
    from crosstie.training.trained import Trained


@dataclass(frozen=True)
class LatentMap:
    """Maps from features to latent coordinates and back, of every view.

    Parameters
    ----------
    config
        Settings of the integration.
    recipes
        Fitted preprocessing of each view.
    closed_form
        Linear maps; `None` where the settings train without them.
    trained
        Trained networks; `None` where the closed form places cells.
    decoders
        For each view, a matrix `(n_latent, n_components)` and an offset `(n_components,)`: the way back to components.
    like
        Views added later, and the fitted view whose map each of them takes.
    """

    config: Config
    recipes: Mapping[str, Recipe]
    closed_form: ClosedForm | None
    trained: Trained | None
    decoders: Mapping[str, tuple[Array, Array]] = field(repr=False)
    like: Mapping[str, str] = field(default_factory=dict)

    @property
    def offsets(self) -> Offsets | None:
        """What is subtracted from the coordinates of each batch; `None` without batches."""
        if self.trained is not None:
            return self.trained.offsets
        return None if self.closed_form is None else self.closed_form.offsets

    @property
    def n_latent(self) -> int:
        """Number of latent coordinates."""
        return len(next(iter(self.decoders.values()))[0])

    def encode(self, view: str, matrix: Matrix, batch: Labels | None, absent: Mask | None = None) -> Array:
        """Return latent coordinates of cells, shape `(n_cells, n_latent)`.

        Parameters
        ----------
        view
            The view that the cells belong to.
        matrix
            Cells × features of the view's recipe.
        batch
            Batch of each cell; `None` corrects nothing.
        absent
            Features that were not measured; the others tell what they can (`crosstie.data.absent_features`).
        """
        if self.trained is None:
            assert self.closed_form is not None
            return self.closed_form.coordinates(view, self.recipes[view].transform(matrix, absent), batch)
        z = self.raw(view, matrix, absent)
        return z if self.offsets is None or batch is None else self.offsets.corrected(view, z, batch)

    def components_to_coordinates(self, view: str) -> Array | None:
        """Return the linear map of a view's components to coordinates; `None` if only networks place cells."""
        return None if self.closed_form is None else self.closed_form.maps[view]

    def raw(self, view: str, matrix: Matrix, absent: Mask | None) -> Array:
        """Return coordinates before batches are corrected and views are moved towards each other."""
        recipe = self.recipes[view]
        components = recipe.transform(matrix, absent)
        if self.trained is None:
            assert self.closed_form is not None
            return self.closed_form.raw(view, components)
        inputs = self.trained.inputs(self.config, view, recipe, matrix, components, self.closed_form, absent)
        return self.trained.raw(self.config, self.like.get(view, view), inputs)

    def translate(self, z: Array, target: str, *, scaled: bool) -> Array:
        """Return the features of view `target` at latent coordinates `z`, shape `(n_cells, n_features)`."""
        matrix, offset = self.decoders[target]
        return self.recipes[target].inverse(z @ matrix + offset, scaled=scaled)
