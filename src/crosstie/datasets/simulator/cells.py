"""Draws the simulated cells, and decides which of them each view measures."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie._typing import Array, Floats, Index
from crosstie.datasets.simulator.options import check_integer_range, check_range, check_views
from crosstie.datasets.simulator.profile import Assay, Population


@dataclass(frozen=True)
class Cells:
    """All simulated cells; row `i` is cell `i` in every view that measures it."""

    state: Index
    batch: Index
    size: Array
    factors: Array  # (n_cells, n_factors)


def cell_numbers(n_cells: int | Mapping[str, int], views: Mapping[str, Assay]) -> dict[str, int]:
    """Return the number of cells of each view."""
    if isinstance(n_cells, Mapping):
        check_views("n_cells", n_cells, views)
        if missing := set(views) - set(n_cells):
            raise value_error(f"n_cells: no number for {sample(missing)}.", expected=f"one for each of {sample(views)}")
        numbers = dict(n_cells)
    else:
        numbers = dict.fromkeys(views, n_cells)
    for n in numbers.values():
        check_integer_range("n_cells", n, 10, 10**9)
    return numbers


def shares_of(
    population: Population,
    views: Mapping[str, Assay],
    drop_types: Mapping[str, Iterable[str]] | None,
    composition: Mapping[str, Mapping[str, float]] | None,
) -> dict[str, Floats]:
    """Return the share of every cell state in each view."""
    drop_types, composition = drop_types or {}, composition or {}
    check_views("drop_types", drop_types, views)
    check_views("composition", composition, views)
    shares = {}
    for view in views:
        weight = population.proportion.copy()
        dropped = drop_types.get(view, ())
        if isinstance(dropped, str):
            what = f"drop_types[{view!r}] must be a list of names."
            raise type_error(what, found=repr(dropped), expected=f"[{dropped!r}]")
        dropped = list(dropped)
        factors = [*composition.get(view, {}).items(), *((name, 0.0) for name in dropped)]
        for name, factor in factors:
            rows = (population.cell_type == name) | (population.state == name)
            if not rows.any():
                known = [*dict.fromkeys(population.cell_type), *population.state]
                option = "drop_types" if name in dropped else "composition"
                raise unknown_name(f"{option}[{view!r}]", name, known)
            check_range(f"composition[{view!r}][{name!r}]", factor, 0, 1e6)
            weight[rows] *= factor
        if weight.sum() == 0:
            raise value_error(f"view {view!r} has no cell types left.", do="Drop fewer types.")
        shares[view] = weight / weight.sum()
    return shares


def draw_cells(
    n_in_view: dict[str, int],
    shares: dict[str, Floats],
    overlap: float,
    n_batches: int,
    n_factors: int,
    seed: int,
) -> tuple[Cells, dict[str, Index]]:
    """Draw the cells, and the cells that each view measures, in an order of its own.

    Views with unequal composition share at most as many cells of a state as the view with the fewest has.
    """
    rng = generator(seed, "cells")
    expected = {v: n_in_view[v] * shares[v] for v in shares}
    common = np.min(list(expected.values()), axis=0)
    n_common = round(overlap * common.sum())
    blocks = [_draw_states(rng, n_common, common)]
    members, start = {}, n_common
    for view, want in expected.items():
        n_own = n_in_view[view] - n_common
        own = np.maximum(want - n_common * common / max(common.sum(), 1e-300), 0)
        blocks.append(_draw_states(rng, n_own, own if own.sum() > 1e-9 else want))
        members[view] = np.concatenate([np.arange(n_common), np.arange(start, start + n_own)])
        start += n_own
    state = np.concatenate(blocks)
    number = rng.permutation(len(state))  # so that the number of a cell carries no information
    members = {v: rng.permutation(number[rows]) for v, rows in members.items()}
    state[number] = state.copy()
    cells = Cells(
        state=state,
        batch=rng.integers(n_batches, size=len(state)),
        size=rng.standard_normal(len(state), dtype=np.float32),
        factors=rng.standard_normal((len(state), n_factors), dtype=np.float32),
    )
    return cells, members


def _draw_states(rng: np.random.Generator, n: int, weight: Floats) -> Index:
    if n == 0:
        return np.empty(0, dtype=np.int64)
    return np.repeat(np.arange(len(weight)), rng.multinomial(n, weight / weight.sum()))


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return a separate random generator for each part, so that adding a view does not change the others."""
    return np.random.default_rng([seed, *(zlib.crc32(p.encode()) if isinstance(p, str) else p for p in path)])
