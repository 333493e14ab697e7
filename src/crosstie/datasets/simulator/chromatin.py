"""The simulated chromatin assay: it follows gene expression weakly, by gene or by peak (docs/simulator.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crosstie._typing import Array, Floats, Index
from crosstie.datasets.simulator.profile import Assay, Population, load_profile

WORLD = 158013  # fixed seed for properties of genes: slopes, neighbours, peaks


@dataclass(frozen=True)
class Chromatin:
    """Parameters of the assay; `benchmarks/simulator_chromatin.py` compares them with real cells.

    Parameters
    ----------
    uninformative
        Share of genes whose chromatin is independent of their own expression.
    slope, slope_shape
        Mean share, over all genes, of a gene's log expression differences that chromatin shows, and the shape of its
        gamma distribution over the informative genes.
    floor
        Added to RNA rates before taking logarithms, as a share of the average rate: silent genes all look alike.
    limit
        Openness saturates: log differences stay between -limit and limit.
    stray
        Slope on the pattern of another gene of similar variability, whose regulatory elements are nearby.
    factors
        Share of the slope that applies to the continuous factors.
    base_spread, base_correlation
        Standard deviation of the log mean of genes, and its correlation with the log mean of their RNA.
    dispersion
        Dispersion of the counts: variance = mean + dispersion · mean².
    counts, depth_spread, depth_correlation
        Median count of a cell over all 4,010 genes, the standard deviation of its logarithm, and the correlation of
        that with the cell's size.
    ambient
        Share of the counts that is the same in all states.
    """

    uninformative: float = 0.1
    slope: float = 0.55
    slope_shape: float = 3.0
    floor: float = 0.05
    limit: float = 2.0
    stray: float = 0.35
    factors: float = 0.5
    base_spread: float = 1.1
    base_correlation: float = 0.8
    dispersion: float = 0.08
    counts: float = 400.0
    depth_spread: float = 0.55
    depth_correlation: float = 0.53
    ambient: float = 0.2


def activity(population: Population, rna: Assay, *, fidelity: float = 1.0, figures: Chromatin | None = None) -> Assay:
    """Return the activity assay of all genes of `rna`: a weak, blurred version of their expression.

    Parameters
    ----------
    population
        Cell states and their proportions.
    rna
        RNA assay with all genes of the profile; the order of genes decides their random parameters.
    fidelity
        Factor on the slope of each gene; at 0, chromatin follows other genes only.
    figures
        Parameters of the assay; `None` uses the defaults (docs/simulator.md).

    Returns
    -------
    An assay with the same features, whose rates and ambient level sum to 1 in every state.
    """
    figures = figures or Chromatin()
    rate = rna.rate.astype(np.float64)
    average = population.proportion @ rate
    pattern = np.log(rate + figures.floor * average)
    pattern -= population.proportion @ pattern  # (n_states, n_genes)
    variance = population.proportion @ pattern**2 + 1e-6  # some genes are even in all states
    slope, neighbour, noise = _genes_of_the_world(variance, figures)
    # only what the neighbour does not share with the gene is added: the slope alone decides how much follows the gene
    shared = population.proportion @ (pattern * pattern[:, neighbour]) / variance
    own = (fidelity * slope - figures.stray * shared).astype(np.float32)
    seen = own * pattern + figures.stray * pattern[:, neighbour]
    seen = figures.limit * np.tanh(seen / figures.limit)

    mean = np.log(average)
    rho = figures.base_correlation
    base = figures.base_spread * (rho * (mean - mean.mean()) / mean.std() + np.sqrt(1 - rho**2) * noise)
    rate = np.exp(base + seen)
    rate *= (1 - figures.ambient) / rate.sum(axis=1, keepdims=True)
    average = population.proportion @ rate
    loadings = own * rna.loadings + figures.stray * rna.loadings[..., neighbour]
    n_states = len(population.state)
    return Assay(
        feature=rna.feature,
        rate=rate.astype(np.float32),
        ambient=(figures.ambient / (1 - figures.ambient) * average).astype(np.float32),
        dispersion=np.full((1, len(rna.feature)), figures.dispersion, dtype=np.float32),
        loadings=(figures.factors * loadings).astype(np.float32),
        depth=np.tile(np.array([np.log(figures.counts), figures.depth_spread], dtype=np.float32), (n_states, 1)),
        depth_correlation=figures.depth_correlation,
    )


def _genes_of_the_world(variance: Floats, figures: Chromatin) -> tuple[Floats, Index, Floats]:
    """Return each gene's slope, the gene of similar variance that leaks into it, and the noise of its mean."""
    rng = np.random.default_rng([WORLD, 0])
    n = len(variance)
    scale = figures.slope / (1 - figures.uninformative) / figures.slope_shape
    slope = rng.gamma(figures.slope_shape, scale, n) * (rng.random(n) >= figures.uninformative)
    neighbour = np.empty(n, dtype=np.int64)
    for block in np.array_split(np.argsort(variance, kind="stable"), max(n // 20, 1)):
        shuffled = rng.permutation(block)
        neighbour[shuffled] = np.roll(shuffled, 1)  # never the gene itself
    return slope, neighbour, rng.standard_normal(n)


# ---- peaks ----------------------------------------------------------------------------------------------------------


def gene_table() -> pd.DataFrame:
    """Return the gene annotation of the invented genome behind `simulate_teaseq(peaks=True)`.

    Gene names are real, coordinates are not. Genes do not overlap, so that each peak is within the body of one gene or
    the 2,000 bases upstream of it.

    Returns
    -------
    One row for each of the 4,010 genes, indexed by name: `chrom`, `start`, `end` (zero-based, half-open, as in BED) and
    `strand`, as `crosstie.data.gene_activity` reads them.
    """
    _, rna, _ = load_profile()
    rng = np.random.default_rng([WORLD, 1])
    n = len(rna.feature)
    length = rng.integers(10, 60, n) * 1000
    chromosome = np.arange(n) * 22 // n
    end = np.zeros(n, dtype=np.int64)
    for c in range(22):
        at = chromosome == c
        end[at] = np.cumsum(length[at] + 20_000)
    return pd.DataFrame(
        {
            "chrom": [f"chr{c + 1}" for c in chromosome],
            "start": end - length,
            "end": end,
            "strand": np.where(rng.random(n) < 0.5, "+", "-"),
        },
        index=pd.Index(rna.feature.astype(str), name="gene"),
    )


def peaks(assay: Assay, *, n_per_gene: float = 5.0) -> Assay:
    """Split the activity of genes into peaks of unequal size, which follow their gene more or less closely.

    Parameters
    ----------
    assay
        Activity assay; all its genes are in `gene_table`.
    n_per_gene
        Mean number of peaks per gene, at least 1; every gene has a peak at its promoter.

    Returns
    -------
    An assay of peaks named `chr1:100-200`, with their genes in `.gene`. On average, the peaks of a gene add up to its
    counts.
    """
    table = gene_table()
    rng = np.random.default_rng([WORLD, 2])
    n_peaks = np.minimum(1 + rng.poisson(n_per_gene - 1, len(table)), 10)  # a gene has ten slots of equal length
    gene = np.repeat(np.arange(len(table)), n_peaks)
    slot = np.concatenate([np.append(0, 1 + np.sort(rng.permutation(9)[: n - 1])) for n in n_peaks])
    weight = rng.gamma(1.0, size=len(gene)) + 0.1
    tells = rng.uniform(0, 2, len(gene))
    width = rng.integers(400, 900, len(gene))
    weight /= np.bincount(gene, weight)[gene]

    column = pd.Index(assay.feature).get_indexer(table.index)[gene]
    keep = column >= 0
    gene, slot, weight, tells, width, column = (x[keep] for x in (gene, slot, weight, tells, width, column))
    return _peak_assay(assay, column, weight, tells, _peak_names(table.iloc[gene], slot, width))


def _peak_names(genes: pd.DataFrame, slot: Index, width: Index) -> list[str]:
    """Place each peak in its slot, counted from the transcription start; slot 0 is the promoter."""
    forward = (genes["strand"] == "+").to_numpy()
    start, end = genes["start"].to_numpy(), genes["end"].to_numpy()
    offset = np.where(slot == 0, -width // 2, slot * ((end - start) // 10) + 50)
    left = np.where(forward, start + offset, end - offset - width)
    return [f"{c}:{a}-{b}" for c, a, b in zip(genes["chrom"], left, left + width, strict=True)]


def _peak_assay(assay: Assay, column: Index, weight: Floats, tells: Floats, names: list[str]) -> Assay:
    rate = assay.rate[:, column]
    average = rate.mean(axis=0)
    own: Array = (rate / average) ** tells.astype(np.float32)
    own *= (weight * average / own.mean(axis=0)).astype(np.float32)
    return replace(
        assay,
        feature=np.array(names),
        rate=own,
        ambient=(assay.ambient[column] * weight).astype(np.float32),
        dispersion=assay.dispersion[:, column],
        loadings=assay.loadings[..., column] * tells.astype(np.float32),
        gene=assay.feature[column].astype(str),
    )
