"""Turns the proteins of true cells into what an imaging experiment measures: segments, spillover, background, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from crosstie._typing import Floats, Index
from crosstie.datasets.simulator.cells import generator
from crosstie.datasets.simulator.placement import SPACING, Placed

N_CONTACTS = 6  # cells that a cell touches
REACH = 1.7  # times the spacing: no cell farther away touches
AREA, DNA = 80.0, 1000.0  # µm² of a cell, and its nuclear signal
LENGTH = 30.0  # spacings over which the background changes
MEDIAN = 500.0  # intensity of a typical marker


@dataclass(frozen=True)
class Image:
    """How a section is imaged and segmented; the options of `simulate_tissue`."""

    merged: float
    split: float
    spillover: float
    autofluorescence: float
    noise: float
    batch_effect: float


def image(stained: AnnData, placed: Placed, settings: Image, seed: int) -> AnnData:
    """Return the segments of a tissue: mean intensities, positions and the truth.

    Parameters
    ----------
    stained
        Counts of the proteins of the true cells, one row for each, with their truth in obs.
    placed
        Where the cells are.
    settings
        How they are imaged.
    seed
        Seed of all random numbers.
    """
    rng = generator(seed, "image")
    xy, section = placed.xy, placed.cells.batch
    area = AREA * np.exp(0.25 * placed.cells.size)
    signal = stained.X.toarray().astype(np.float64)
    touches = _contacts(xy, section)
    signal = (1 - settings.spillover) * signal + settings.spillover * (touches @ signal)
    first, second, share = _segments(touches, settings, rng)
    weight = np.column_stack([area[first], np.where(second >= 0, area[second], 0.0)])
    weight *= share[:, None]
    part = weight / weight.sum(1, keepdims=True)
    x = part[:, :1] * signal[first] + part[:, 1:] * signal[second]
    where = part[:, :1] * xy[first] + part[:, 1:] * xy[second]
    where += np.where(share < 1, 0.25 * SPACING, 0.0)[:, None] * rng.standard_normal(where.shape)
    owner = np.where(part[:, 0] >= part[:, 1], first, second)
    total_area = weight.sum(1)
    typical = np.nan_to_num(np.nanmedian(np.where(signal > 0, signal, np.nan), axis=0), nan=1.0)
    glow = settings.autofluorescence * _field(where, section[owner], rng)[:, None]
    x = x + glow * typical * np.exp(0.5 * rng.standard_normal(x.shape[1]))
    x *= np.exp(settings.noise * rng.standard_normal(x.shape) / np.sqrt(total_area / AREA)[:, None].clip(0.3))
    n_sections = int(section.max()) + 1
    x *= np.exp(settings.batch_effect * rng.standard_normal((n_sections, x.shape[1])))[section[owner]]
    x *= MEDIAN / typical * np.exp(0.5 * rng.standard_normal(x.shape[1]))
    obs = stained.obs.iloc[owner].drop(columns=["batch", "true_cell"])
    obs = obs.assign(
        section=pd.Categorical([f"section{i + 1}" for i in section[owner]]),
        area=total_area.astype(np.float32),
        DNA=(DNA * np.exp(0.1 * rng.standard_normal(len(owner)))).astype(np.float32),
        region=pd.Categorical([f"region{i + 1}" for i in placed.region[owner]]),
        border=placed.border[owner],
        merged=(second >= 0) & (first != second),
        split=share < 1,
    )
    order = rng.permutation(len(owner))
    obs = obs.iloc[order]
    obs.index = pd.Index([f"segment-{i}" for i in range(len(order))])
    var = stained.var.copy()
    var["feature_types"] = pd.Categorical(["Protein Intensity"] * len(var))
    uns = {"spatial_unit": "micrometre"}
    return AnnData(x[order].astype(np.float32), obs, var, obsm={"spatial": where[order]}, uns=uns)


def _contacts(xy: Floats, section: Index) -> sp.csr_matrix:
    """Return the weights with which a cell's neighbours shine into it; rows sum to 1, or 0 without any neighbour."""
    from scipy.spatial import cKDTree

    parts = []
    for number in np.unique(section):
        rows = np.flatnonzero(section == number)
        distance, near = cKDTree(xy[rows]).query(xy[rows], N_CONTACTS + 1)
        distance, near = distance[:, 1:], near[:, 1:]
        weight = np.where(distance < REACH * SPACING, np.exp(-((distance / SPACING) ** 2)), 0.0)
        weight /= np.maximum(weight.sum(1, keepdims=True), 1e-12)
        index = np.repeat(rows, N_CONTACTS), rows[near].ravel()
        parts.append(sp.coo_matrix((weight.ravel(), index), shape=(len(xy), len(xy))))
    return sp.csr_matrix(sum(parts[1:], parts[0]))


def _segments(touches: sp.csr_matrix, settings: Image, rng: np.random.Generator) -> tuple[Index, Index, Floats]:
    """Return the cells that each segment holds: the first, the second (-1: none), and the share of their area."""
    n_cells = touches.shape[0]
    n_segments = n_cells / (1 + settings.merged - settings.split / 2)
    n_merged, n_split = round(settings.merged * n_segments), round(settings.split * n_segments)
    free = np.ones(n_cells, bool)
    first: list[int] = []
    second: list[int] = []
    for cell in rng.permutation(n_cells):
        if len(first) == n_merged:
            break
        near = touches.indices[touches.indptr[cell] : touches.indptr[cell + 1]]
        near = near[free[near] & (touches.data[touches.indptr[cell] : touches.indptr[cell + 1]] > 0)]
        if free[cell] and len(near):
            other = int(rng.choice(near))
            free[[cell, other]] = False
            first.append(cell)
            second.append(other)
    whole = np.flatnonzero(free)
    halved = rng.permutation(whole)[: n_split // 2]
    whole = np.setdiff1d(whole, halved)
    a = np.concatenate([first, whole, halved, halved]).astype(np.int64)
    b = np.concatenate([second, np.full(len(whole) + 2 * len(halved), -1)]).astype(np.int64)
    share = np.concatenate([np.ones(len(first) + len(whole)), np.full(2 * len(halved), 0.5)])
    return a, b, share


def _field(xy: Floats, section: Index, rng: np.random.Generator) -> Floats:
    """Return a smooth positive field of mean about 1: a few cosine waves of random direction."""
    out = np.zeros(len(xy))
    for number in np.unique(section):
        rows = section == number
        for _ in range(4):
            angle, phase = rng.uniform(0, 2 * np.pi, 2)
            wave = xy[rows] @ np.array([np.cos(angle), np.sin(angle)]) / (LENGTH * SPACING)
            out[rows] += 0.5 * np.cos(2 * np.pi * wave + phase)
    return np.exp(0.5 * out)
