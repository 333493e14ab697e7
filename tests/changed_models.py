"""A fitted model with some of its parts replaced: models themselves cannot be changed."""

from dataclasses import replace

import crosstie as xt

OF_INPUTS = ("views", "obs", "linkage", "link_views", "positions")
OF_FIT = ("latents", "anchors", "history", "core_rows", "disagreement")


def changed(model, **parts):
    """Return the model with other parts, such as `latents`, `obs` or `closed_form`."""
    inputs = replace(model.inputs, **{n: x for n, x in parts.items() if n in OF_INPUTS})
    of_map = {n: x for n, x in parts.items() if n not in (*OF_INPUTS, *OF_FIT)}
    fit = replace(model.fitted, map=replace(model.map, **of_map), **{n: x for n, x in parts.items() if n in OF_FIT})
    return xt.Model.of(inputs, fit)
