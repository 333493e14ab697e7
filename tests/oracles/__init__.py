"""Independent, naive formulas that tests compare the package with. They import nothing from it, nor it from them."""

from oracles.closed_form import (
    agreement,
    closed_form_maps,
    composed_plan,
    mutual_nearest,
    nearest,
    residual_variance,
    side_by_side,
    sinkhorn,
    smoothed,
)
from oracles.training import (
    batch_anchors,
    cycle,
    divergence,
    geometry,
    global_anchors,
    hold,
    kernel,
    mlp,
    mutual_neighbours,
    reconstruction,
    scmodal_step,
)

__all__ = [
    "agreement",
    "batch_anchors",
    "closed_form_maps",
    "composed_plan",
    "cycle",
    "divergence",
    "geometry",
    "global_anchors",
    "hold",
    "kernel",
    "mlp",
    "mutual_nearest",
    "mutual_neighbours",
    "nearest",
    "reconstruction",
    "residual_variance",
    "scmodal_step",
    "side_by_side",
    "sinkhorn",
    "smoothed",
]
