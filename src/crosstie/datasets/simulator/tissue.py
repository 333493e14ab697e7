"""Simulates sections of tissue imaged with antibodies, and RNA of dissociated cells (docs/simulator.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import get_args

import mudata as md
import numpy as np

from crosstie._errors import type_error, unknown_name
from crosstie._mudata import views_as_they_are
from crosstie.datasets.simulator.cells import draw_cells, shares_of
from crosstie.datasets.simulator.counts import view
from crosstie.datasets.simulator.features import antibodies, genes_for
from crosstie.datasets.simulator.imaging import Image, image
from crosstie.datasets.simulator.options import check_integer_range, check_range
from crosstie.datasets.simulator.placement import Layout, place_cells
from crosstie.datasets.simulator.profile import load_profile

NOT_OF_TISSUE = ("Platelets",)  # of the profile: they are no cells


def simulate_tissue(
    *,
    n_cells: int = 5000,
    n_rna: int = 2000,
    n_genes: int = 1000,
    n_proteins: int = 32,
    n_linked: int | None = None,
    layout: Layout = "niches",
    structure: float = 0.8,
    gradient: float = 0.5,
    merged: float = 0.05,
    split: float = 0.02,
    spillover: float = 0.1,
    autofluorescence: float = 1.0,
    noise: float = 0.6,
    absent: Iterable[str] = (),
    n_sections: int = 1,
    batch_effect: float = 0.3,
    seed: int = 0,
) -> md.MuData:
    """Simulate sections of tissue imaged with antibodies, and RNA of dissociated cells of the same tissue.

    Cells are those of `simulate_citeseq`: only the geometry is that of an organ. No cell is in both views.

    Parameters
    ----------
    n_cells, n_rna
        Number of segmented cells in the sections together, and of dissociated cells; at least 50.
    n_genes, n_proteins, n_linked
        As in `simulate_citeseq`; panels of 20 to 60 antibodies are usual.
    layout
        `"niches"`: regions of different composition; `"follicles"`: round islands in a common ground; `"layers"`:
        parallel bands; `"mixed"`: no structure, every neighbour is drawn at random.
    structure
        Share, in [0, 1], of the cells that follow the composition of their region; the others are drawn from the whole.
    gradient
        How far the continuous state of the cells changes across a section, in standard deviations (0 to 3).
    merged, split
        Share of segments, 0 to 0.4, that hold two neighbouring cells, and of those that hold a part of one.
    spillover
        Share of a segment's signal, 0 to 0.5, that comes from the cells around it.
    autofluorescence
        Background that varies smoothly across a section, relative to the median signal of a marker (0 to 3).
    noise
        Standard deviation of the multiplicative noise of a measurement, on the log scale (0 to 3).
    absent
        Cell types (or states) of the tissue that the dissociated cells lack.
    n_sections, batch_effect
        Number of sections, and the standard deviation of their factor on each marker, on the log scale (0 to 3).
    seed
        Seed of all random numbers; the same seed and options give identical data.

    Returns
    -------
    MuData of `"rna"` (raw counts) and `"tissue"` (mean intensities). The tissue has positions in `obsm["spatial"]`, in
    micrometres, and in `obs` the `section`, the `area` of the segment (µm²), its `DNA` and the truth: `cell_type`,
    `state`, `region`, and whether the segment is `merged` or `split` and lies at the `border` of regions.

    Raises
    ------
    InputError
        If a name is unknown, or a number is out of range.
    """
    imaging = Image(merged, split, spillover, autofluorescence, noise, batch_effect)
    _check(n_cells, n_rna, layout, structure, gradient, absent, n_sections, imaging, seed)
    population, rna, adt = load_profile("pbmc_wnn")
    adt = antibodies(adt, n_proteins)
    rna = genes_for(population, rna, adt, n_genes, n_linked)
    gone = {"rna": [*absent, *NOT_OF_TISSUE], "tissue": NOT_OF_TISSUE}
    shares = shares_of(population, {"rna": rna, "tissue": adt}, gone, None)
    n_factors = rna.loadings.shape[1]
    cells, members = draw_cells({"rna": n_rna}, {"rna": shares["rna"]}, 0.0, 1, n_factors, seed)
    dissociated = view("rna", rna, population, cells, members["rna"], 0.0, seed)
    n_true = round(n_cells * (1 + merged - split / 2))  # a merged segment holds two cells, a split one half of one
    tissue_cells = replace(population, proportion=shares["tissue"])
    placed = place_cells(tissue_cells, n_true, layout, structure, gradient, n_sections, n_factors, seed)
    stained = view("tissue", adt, population, placed.cells, np.arange(n_true), 0.0, seed)
    tissue = image(stained, placed, imaging if n_sections > 1 else replace(imaging, batch_effect=0.0), seed)
    with views_as_they_are():
        return md.MuData({"rna": dissociated, "tissue": tissue})


def _check(
    n_cells: int,
    n_rna: int,
    layout: Layout,
    structure: float,
    gradient: float,
    absent: Iterable[str],
    n_sections: int,
    imaging: Image,
    seed: int,
) -> None:
    """Raise unless all options of `simulate_tissue` are possible; names of absent types are checked where they act."""
    if isinstance(absent, str):
        raise type_error("absent must be a list of names.", found=repr(absent), expected=f"[{absent!r}]")
    if layout not in get_args(Layout):
        raise unknown_name("layout", layout, get_args(Layout))
    check_integer_range("n_cells", n_cells, 50, 10**9)
    check_integer_range("n_rna", n_rna, 50, 10**9)
    check_integer_range("n_sections", n_sections, 1, max(1, n_cells // 50))
    check_integer_range("seed", seed, 0, 2**63)
    highest = {"merged": 0.4, "split": 0.4, "spillover": 0.5, "structure": 1.0}
    for name, value in {"structure": structure, "gradient": gradient, **asdict(imaging)}.items():
        check_range(name, value, 0, highest.get(name, 3.0))
