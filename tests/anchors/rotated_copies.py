"""Views that are rotated copies of one cloud of cells, and settings that suit their size."""

from itertools import pairwise

import numpy as np

from crosstie.anchors import Refinement

SETTINGS = Refinement(n_latent=8, n_smooth=5)


def copies(views=("a", "b"), n_cells=300, n_components=8, n_linked=4, noise=0.0, seed=0):
    """Rotated copies of one cloud of clusters: principal components of each, and maps to the columns they share."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, n_components)) * 2
    cloud = centres[rng.integers(6, size=n_cells)] + rng.normal(size=(n_cells, n_components))
    components, columns = {}, {}
    for view in views:
        turn = np.linalg.qr(rng.normal(size=(n_components, n_components)))[0]
        x = cloud @ turn + noise * rng.normal(size=cloud.shape)
        left, values, axes = np.linalg.svd(x - x.mean(0), full_matrices=False)
        components[view] = (left * values + 5).astype(np.float32)
        columns[view] = (axes @ turn.T)[:, :n_linked]  # from these components back to the first of the cloud
    return components, {(i, j): (columns[i], columns[j]) for i, j in pairwise(views)}
