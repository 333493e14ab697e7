"""UMAP of the common latent space of all views."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import unknown_name, value_error
from crosstie._extras import require
from crosstie.anchors.neighbours import nearest
from crosstie.pl.layout import plane_layout, principal_plane

METHODS = ("crosstie", "umap-learn")


def joint_umap(
    latents: Mapping[str, ArrayLike],
    *,
    n_neighbors: int = 15,
    seed: int = 0,
    method: Literal["crosstie", "umap-learn"] = "crosstie",
) -> dict[str, NDArray]:
    """UMAP of all views together.

    Parameters
    ----------
    latents
        Latent coordinates of every view, shape `(n_cells, n_latent)` each.
    n_neighbors
        Size of the neighbourhoods that are kept, the cell itself counted; smaller when there are fewer cells.
    seed
        Seed; the same seed gives the same picture.
    method
        "crosstie" minimises UMAP's objective with NumPy and SciPy alone. "umap-learn" calls that package, which takes
        longer because its code is compiled in every process, and needs `pip install "crosstie[umap]"`. Both keep
        neighbourhoods equally well.

    Returns
    -------
    Coordinates per view, shape `(n_cells, 2)`.

    Raises
    ------
    ValueError
        If the views do not have the same number of coordinates, or a value is not finite.
    ImportError
        If umap-learn is asked for and not installed.
    """
    if method not in METHODS:
        raise unknown_name("joint_umap, method", method, METHODS)
    z = {name: np.asarray(value, dtype=np.float32) for name, value in latents.items()}
    shapes = {name: value.shape for name, value in z.items()}
    if not z or any(len(s) != 2 for s in shapes.values()) or len({s[1] for s in shapes.values()}) != 1:
        raise value_error(
            "joint_umap: the views' latents do not form one space.",
            found=", ".join(f"{name!r}: {s}" for name, s in shapes.items()) or "no view",
            expected="(n_cells, n_latent) per view, with one n_latent",
        )
    for name, value in z.items():
        if not np.isfinite(value).all():
            raise value_error(f"joint_umap, view {name!r}: latent coordinates are not finite.")
    joint = np.vstack(list(z.values()))
    if len(joint) <= 4:  # no neighbourhood is left to keep
        coords = principal_plane(joint)
    elif method == "umap-learn":
        coords = _umap_learn(joint, n_neighbors, seed)
    else:
        coords = plane_layout(joint, n_neighbors=n_neighbors, seed=seed)
    stops = np.cumsum([len(value) for value in z.values()])[:-1]
    return dict(zip(z, np.split(coords, stops), strict=True))


def _umap_learn(joint: NDArray[np.float32], n_neighbors: int, seed: int) -> NDArray:
    """Return the layout of umap-learn, which is seeded and so runs on one thread."""
    require("umap", 'joint_umap(method="umap-learn")')
    from umap import UMAP  # imports numba, which takes seconds

    n_neighbors = min(n_neighbors, len(joint) - 1)
    # Our own neighbours: umap-learn's search is compiled in every process, too.
    squared, row = nearest(joint, joint, n_neighbors)
    known = (row, np.sqrt(np.maximum(squared, 0)))
    model = UMAP(n_neighbors=n_neighbors, min_dist=0.3, init="pca", random_state=seed, n_jobs=1, precomputed_knn=known)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "precomputed_knn")  # that new cells cannot be added to it
        return model.fit_transform(joint)
