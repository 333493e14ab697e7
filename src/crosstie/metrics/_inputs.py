"""What the metrics accept: finite matrices of coordinates, labels without gaps; anything else is a clear error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import check_integer, sample, type_error, value_error
from crosstie._labels import means_missing

Doubles = NDArray[np.float64]
MAX_VALUE = 1e100


def coordinates(z: ArrayLike, *, what: str) -> Doubles:
    """Return `z` as float64, shape `(n_cells, n_latent)`, or raise naming `what`."""
    try:
        given = np.asarray(z)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"dtype {given.dtype}")
        z = given.astype(np.float64)
    except ValueError as error:
        found = "rows of unequal length" if "inhomogeneous" in str(error) else str(error)
        raise value_error(f"{what}: latent coordinates are not a matrix.", found=found, expected="numbers") from error
    except TypeError as error:
        raise type_error(
            f"{what}: latent coordinates are not numbers.", found=str(error), expected="numbers"
        ) from error
    if z.ndim != 2 or 0 in z.shape:
        raise value_error(
            f"{what}: latent coordinates have the wrong shape.",
            found=f"{z.shape}",
            expected="(n_cells, n_latent), both at least 1",
        )
    bad = np.flatnonzero(~np.isfinite(z).all(axis=1))
    if len(bad):
        raise value_error(
            f"{what}: latent coordinates are not finite.",
            found=f"NaN or infinity in {len(bad):,} of {len(z):,} cells, first in row {bad[0]}",
            do="Leave these cells out, or look at the fit: it may have diverged.",
        )
    if np.abs(z).max() > MAX_VALUE:
        raise value_error(
            f"{what}: latent coordinates are too large.",
            found=f"up to {np.abs(z).max():.3g}",
            expected=f"at most {MAX_VALUE:g}, so that squared distances are finite",
            do="Divide all views by one number: no score changes.",
        )
    return z


def views(latents: Mapping[str, ArrayLike], *, what: str) -> dict[str, Doubles]:
    """Return the latents of at least two views, of one width, as float64."""
    if not isinstance(latents, Mapping):
        do = 'Write {"rna": z_rna, "adt": z_adt}, or take model.latents.'
        raise type_error(f"{what}: latents.", found=type(latents).__name__, expected="a mapping by view", do=do)
    z = {name: coordinates(value, what=f"{what}, view {name!r}") for name, value in latents.items()}
    if len(z) < 2:
        raise value_error(f"{what}: needs at least two views.", found=sample(z), expected="coordinates by view")
    widths = {name: value.shape[1] for name, value in z.items()}
    if len(set(widths.values())) > 1:
        raise value_error(
            f"{what}: the views' latents differ in width.",
            found=", ".join(f"{name!r}: {width}" for name, width in widths.items()),
            expected="one latent space, the same number of coordinates in every view",
        )
    return z


def paired(x: ArrayLike, y: ArrayLike, *, what: str) -> tuple[Doubles, Doubles]:
    """Return two latents that are paired by row."""
    x, y = coordinates(x, what=f"{what}, x"), coordinates(y, what=f"{what}, y")
    if x.shape != y.shape:
        raise value_error(
            f"{what}: x and y are paired by row, so they need one shape.",
            found=f"x {x.shape}, y {y.shape}",
            do="Bring both to the cells that they share, in one order.",
        )
    return x, y


def names(labels: Any, *, what: str, n_cells: int | None = None) -> NDArray[np.str_]:
    """Return labels as strings, shape `(n_cells,)`; a missing label is an error, since no score is right for it."""
    values = np.asarray(labels, dtype=object)
    if values.ndim != 1 or len(values) == 0 or (n_cells is not None and len(values) != n_cells):
        raise value_error(
            f"{what}: labels have the wrong shape.",
            found=f"{values.shape}",
            expected="one label per cell" if n_cells is None else f"({n_cells:,},), one label per cell",
        )
    missing = int(pd.isna(values).sum())
    if missing:
        raise value_error(
            f"{what}: {missing:,} of {len(values):,} labels are missing.",
            do='Name them, for instance with .fillna("unknown"), and exclude that name.',
        )
    return values.astype(str)


def kept(labels: NDArray[np.str_], exclude: Collection[str] | None) -> NDArray[np.bool_]:
    """Return which cells are scored: those whose label is not in `exclude`, or for `None` no word for a missing one."""
    if exclude is None:
        exclude = [name for name in np.unique(labels) if means_missing(str(name))]
    return ~np.isin(labels, [str(name) for name in exclude])


def at_least_one(k: int, *, what: str) -> int:
    """Return the number of neighbours, or raise when there are none to look for."""
    check_integer(f"{what}: the number of neighbours", k, least=1, name="k")
    return k


def drawn(n_cells: int, max_cells: int | None, seed: int) -> NDArray[np.int64]:
    """Return the rows to score: all, in random order, or the first `max_cells` of them."""
    if max_cells is not None:
        check_integer("max_cells", max_cells, least=1)
    check_integer("seed", seed)
    return np.random.default_rng(seed).permutation(n_cells)[:max_cells]
