"""Places the cells of a simulated tissue: regions of different composition, and a gradient across each section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from crosstie._typing import Floats, Index, Mask
from crosstie.datasets.simulator.cells import Cells, generator
from crosstie.datasets.simulator.profile import Population

Layout = Literal["niches", "follicles", "layers", "mixed"]
SPACING = 10.0  # micrometres between the centres of neighbouring cells
JITTER = 0.25  # standard deviation of a centre around its place on the hexagonal grid, relative to the spacing
CELLS_IN_REGION = 250  # on average
N_KINDS = 12  # of regions
CONCENTRATION = 1.0  # of the Dirichlet distribution of their compositions: low values give regions of few types


@dataclass(frozen=True)
class Placed:
    """The true cells of a tissue.

    Parameters
    ----------
    cells
        State, section (as batch), size and factors of each cell.
    xy
        Centre of each cell in its section, micrometres, shape `(n_cells, 2)`.
    region
        Kind of the region of each cell, shape `(n_cells,)`.
    border
        Whether one of the six nearest cells lies in another region.
    """

    cells: Cells
    xy: Floats
    region: Index
    border: Mask


def place_cells(
    population: Population,
    n_cells: int,
    layout: Layout,
    structure: float,
    gradient: float,
    n_sections: int,
    n_factors: int,
    seed: int,
) -> Placed:
    """Draw the cells of a tissue section by section; the options are those of `simulate_tissue`."""
    compositions = _compositions(population, seed)
    parts = [
        _section(population, compositions, len(rows), layout, structure, seed, number)
        for number, rows in enumerate(np.array_split(np.arange(n_cells), n_sections))
    ]
    state, xy, region, border = (np.concatenate(column) for column in zip(*parts, strict=True))
    rng = generator(seed, "tissue factors")
    factors = rng.standard_normal((n_cells, n_factors), dtype=np.float32)
    section = np.repeat(np.arange(n_sections), [len(part[0]) for part in parts])
    along = np.concatenate([_standardised(part[1][:, 0]) for part in parts])
    factors[:, 0] = (factors[:, 0] + gradient * along) / np.sqrt(1 + gradient**2)
    size = rng.standard_normal(n_cells, dtype=np.float32)
    return Placed(Cells(state, section, size, factors), xy, region, border)


def _compositions(population: Population, seed: int) -> Floats:
    """Return the share of every state in each kind of region, shape `(n_kinds, n_states)`.

    Types are drawn from a Dirichlet distribution around their share of the whole tissue; states keep their share of the
    type.
    """
    types = list(dict.fromkeys(population.cell_type[population.proportion > 0]))
    of_type = np.array([population.proportion[population.cell_type == name].sum() for name in types])
    shares = generator(seed, "regions").dirichlet(CONCENTRATION * of_type, size=N_KINDS)
    number = np.array([types.index(name) if name in types else 0 for name in population.cell_type])
    out = shares[:, number] * (population.proportion / of_type[number]) + 0.01 * population.proportion
    return out / out.sum(1, keepdims=True)


def _section(
    population: Population,
    compositions: Floats,
    n_cells: int,
    layout: Layout,
    structure: float,
    seed: int,
    number: int,
) -> tuple[Index, Floats, Index, Mask]:
    from scipy.spatial import cKDTree

    rng = generator(seed, "section", number)
    xy = _centres(n_cells, rng)
    region = _regions(xy, layout, len(compositions), rng)
    follows = rng.random(n_cells) < (0 if layout == "mixed" else structure)
    state = rng.choice(len(population.state), n_cells, p=population.proportion)
    for kind, shares in enumerate(compositions):
        rows = np.flatnonzero(follows & (region == kind))
        state[rows] = rng.choice(len(shares), len(rows), p=shares)
    near = cKDTree(xy).query(xy, 7)[1]
    return state, xy, region, (region[near] != region[:, None]).any(1)


def _centres(n_cells: int, rng: np.random.Generator) -> Floats:
    """Return jittered points of a hexagonal grid that fills a square."""
    n_columns = max(1, int(np.ceil(np.sqrt(n_cells * np.sqrt(3) / 2))))
    row, column = np.divmod(np.arange(n_cells), n_columns)
    grid = np.column_stack([column + 0.5 * (row % 2), row * np.sqrt(3) / 2])
    return SPACING * (grid + JITTER * rng.standard_normal((n_cells, 2)))


def _regions(xy: Floats, layout: Layout, n_kinds: int, rng: np.random.Generator) -> Index:
    """Return the kind of region of every place."""
    from scipy.spatial import cKDTree

    extent = xy.max(0) - xy.min(0)
    n_seeds = max(n_kinds, round(len(xy) / CELLS_IN_REGION))
    seeds = xy.min(0) + rng.random((n_seeds, 2)) * extent
    kinds = rng.permutation(np.arange(n_seeds) % n_kinds)
    distance, nearest = cKDTree(seeds).query(xy)
    if layout == "follicles":  # islands of the other kinds in a ground of the first
        radius = 0.5 * np.sqrt(extent.prod() / n_seeds)
        return np.where(distance < radius, 1 + kinds[nearest] % max(n_kinds - 1, 1), 0)
    if layout == "layers":
        thickness = np.sqrt(extent.prod() / n_seeds)
        wave = 0.3 * thickness * np.sin(2 * np.pi * xy[:, 0] / (3 * thickness))
        return ((xy[:, 1] - xy[:, 1].min() + wave + thickness) // thickness).astype(np.int64) % n_kinds
    return kinds[nearest]


def _standardised(x: Floats) -> Floats:
    return (x - x.mean()) / max(float(x.std()), 1e-12)
