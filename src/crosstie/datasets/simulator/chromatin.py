"""The chromatin assay: what open chromatin shows of the genes' patterns, by gene or by peak (docs/simulator.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crosstie._typing import Array, Floats, Index
from crosstie.datasets.simulator.profile import Assay, Population, load_profile

WORLD = 158013  # seeds what belongs to the genes, not to a simulation: slopes, neighbours, peaks


@dataclass(frozen=True)
class Chromatin:
    """Figures of the assay; `benchmarks/simulator_chromatin.py` prints them beside those of real cells.

    Parameters
    ----------
    uninformative
        Share of genes whose chromatin says nothing of their own expression.
    slope, slope_shape
        Mean over all genes of the share of a gene's log differences that is seen, and the shape of its gamma
        distribution over the informative ones.
    floor
        Added to the rates of the RNA before logarithms, in average rates: chromatin knows no degrees of silence.
    limit
        Openness saturates: log differences stay between -limit and limit.
    stray
        Slope on the pattern of another gene of like variability, whose regulatory elements lie nearby.
    factors
        Share of the slopes with which the continuous factors are seen.
    base_spread, base_correlation
        Deviation of the log mean of genes, and its correlation with the log mean of their RNA.
    dispersion
        Of the counts: variance = mean + dispersion · mean².
    counts, depth_spread, depth_correlation
        Median count of a cell over all 4,010 genes; deviation of its logarithm; its correlation with the cell's size.
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
    """Return the assay of the activity of all genes of `rna`: its patterns, blurred and faint.

    Parameters
    ----------
    population
        Whose states the rates belong to.
    rna
        All genes of the profile: their order says which random figures are whose.
    fidelity
        Multiplies the genes' own slopes; at 0 their chromatin follows other genes only.
    figures
        By default those of docs/simulator.md.

    Returns
    -------
    An assay of the same features; its rates and ambient level add up to 1 in every state.
    """
    figures = figures or Chromatin()
    rate = rna.rate.astype(np.float64)
    average = population.proportion @ rate
    pattern = np.log(rate + figures.floor * average)
    pattern -= population.proportion @ pattern  # (n_states, n_genes)
    variance = population.proportion @ pattern**2 + 1e-6  # some genes are even in all states
    slope, neighbour, noise = _genes_of_the_world(variance, figures)
    # only what the neighbour does not share with the gene strays in: the slope is the whole of what follows the gene
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
    """Return each gene's slope, the gene of like variance whose pattern strays into it, and the noise of its mean."""
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
    """Return where the simulated genes lie: an invented genome, for the peaks of `simulate_teaseq(peaks=True)`.

    Names are real, places are not. Genes follow one another without overlap, so that each peak lies within one gene's
    body or the 2,000 bases upstream of it.

    Returns
    -------
    One row for each of the 4,010 genes, indexed by its name: `chrom`, `start`, `end` (counted from 0, the end not
    included, as in BED) and `strand`, as `crosstie.data.gene_activity` reads it.
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
    """Split the activity of genes into peaks: on average `n_per_gene`, of unequal size, each more or less telling.

    Parameters
    ----------
    assay
        Activity of genes, all of them named in `gene_table`.
    n_per_gene
        Mean number of peaks of a gene; each has one, at its promoter.

    Returns
    -------
    An assay of peaks `chr1:100-200`, whose genes are in `.gene`. Peaks of a gene add up to its counts, on average.
    """
    table = gene_table()
    rng = np.random.default_rng([WORLD, 2])
    n_peaks = np.minimum(1 + rng.poisson(n_per_gene - 1, len(table)), 10)  # ten slots of a gene, of a tenth each
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
    """Place a peak of each width in its slot, counted from the transcription start; slot 0 is the promoter's."""
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
