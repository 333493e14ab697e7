"""The chromatin assay against its own figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crosstie.datasets import gene_table
from crosstie.datasets.simulator.chromatin import Chromatin, activity, peaks
from crosstie.datasets.simulator.profile import load_profile

UNLIMITED = replace(Chromatin(), limit=1e3, ambient=0.0)


@pytest.fixture(scope="module")
def world():
    population, rna, _ = load_profile()
    return population, rna


def patterns(rna, population, figures):
    """Centred log rates over states, as the docs say."""
    rate = rna.rate.astype(float)
    log = np.log(rate + figures.floor * (population.proportion @ rate))
    return log - population.proportion @ log


def seen(assay, population):
    log = np.log(assay.rate.astype(float) + assay.ambient)
    return log - population.proportion @ log


def correlation(a, b, weight):
    a, b = a - weight @ a, b - weight @ b
    return (weight @ (a * b)) / np.sqrt((weight @ a**2) * (weight @ b**2) + 1e-12)  # some genes are even


def varying(pattern, population):
    return population.proportion @ pattern**2 > 0.2


def test_each_state_shares_out_all_its_counts(world):
    assay = activity(*world)
    np.testing.assert_allclose(assay.rate.sum(axis=1) + assay.ambient.sum(), 1, rtol=1e-4)
    assert assay.ambient.sum() == pytest.approx(Chromatin().ambient, rel=1e-3)
    np.testing.assert_allclose(np.exp(assay.depth[:, 0]), Chromatin().counts, rtol=1e-4)
    assert (assay.dispersion == np.float32(Chromatin().dispersion)).all()


def test_slopes_are_those_stated(world):
    """Without saturation, a gene's log activity has the stated slopes on its log expression, and no gene a negative."""
    population, rna = world
    pattern, log = patterns(rna, population, UNLIMITED), seen(activity(*world, figures=UNLIMITED), population)
    at = varying(pattern, population)
    # normalising a state adds a constant to all its genes: take it off as the even genes show it
    log -= np.median(log[:, ~at], axis=1, keepdims=True)
    weight = population.proportion
    slope = weight @ (pattern * log)[:, at] / (weight @ pattern[:, at] ** 2)
    assert slope.mean() == pytest.approx(UNLIMITED.slope, abs=0.06)
    assert (np.abs(slope) < 0.05).mean() == pytest.approx(UNLIMITED.uninformative, abs=0.06)
    assert slope.min() > -0.2


def test_what_strays_in_follows_another_gene(world):
    population, rna = world
    only_stray = replace(UNLIMITED, slope=0.0)
    pattern, log = patterns(rna, population, only_stray), seen(activity(*world, figures=only_stray), population)
    at = varying(pattern, population)
    log -= np.median(log[:, ~at], axis=1, keepdims=True)
    own = correlation(pattern, log, population.proportion)[at]
    assert abs(np.median(own)) < 0.1
    assert log[:, at].std() > 0.1


def test_correlations_across_states_are_those_of_docs(world):
    """docs/simulator.md: noise removed, about .67; few below 0."""
    population, rna = world
    pattern, log = patterns(rna, population, Chromatin()), seen(activity(*world), population)
    own = correlation(pattern, log, population.proportion)[varying(pattern, population)]
    low, middle, high = np.quantile(own, [0.1, 0.5, 0.9])
    assert -0.1 < low < 0.4
    assert 0.6 < middle < 0.9
    assert high > 0.9


def test_fidelity_scales_own_slopes_only(world):
    population, rna = world
    pattern = patterns(rna, population, Chromatin())
    at = varying(pattern, population)
    median = {
        f: np.median(correlation(pattern, seen(activity(*world, fidelity=f), population), population.proportion)[at])
        for f in (0.0, 0.5, 1.0, 2.0)
    }
    assert abs(median[0.0]) < 0.1
    assert median[0.0] < median[0.5] < median[1.0] < median[2.0]


def test_saturation_bounds_differences(world):
    population, _ = world
    none = replace(Chromatin(), ambient=0.0)
    tight = replace(none, limit=0.5)
    spread = [np.ptp(np.log(activity(*world, figures=f).rate), axis=0).max() for f in (tight, none)]
    assert spread[0] < 1.5 < spread[1] < 5
    assert len(population.state) == 17


def test_factors_are_fainter_than_in_rna(world):
    _, rna = world
    size = [np.sqrt((loadings.astype(float) ** 2).sum()) for loadings in (activity(*world).loadings, rna.loadings)]
    assert 0.1 < size[0] / size[1] < 0.6


def test_means_of_genes_follow_rna_as_stated(world):
    population, rna = world
    mean = [np.log(population.proportion @ a.rate) for a in (activity(*world), rna)]
    assert np.corrcoef(*mean)[0, 1] == pytest.approx(Chromatin().base_correlation, abs=0.1)
    assert mean[0].std() == pytest.approx(Chromatin().base_spread, abs=0.15)


# ---- genome and peaks -----------------------------------------------------------------------------------------------


def test_genes_do_not_overlap():
    table = gene_table()
    assert table.index.is_unique
    assert list(table.columns) == ["chrom", "start", "end", "strand"]
    assert set(table["strand"]) == {"+", "-"}
    assert table["chrom"].nunique() == 22
    for _, genes in table.groupby("chrom"):
        assert (genes["start"].to_numpy() > 2000).all()
        assert (genes["start"].to_numpy()[1:] - genes["end"].to_numpy()[:-1] > 4000).all()


def test_gene_table_is_the_callers_own():
    table = gene_table()
    table["end"] = 0
    assert gene_table()["end"].min() > 0


@pytest.fixture(scope="module")
def split(world):
    genes = activity(*world).take(np.arange(0, 4000, 10))
    return genes, peaks(genes)


def test_peaks_lie_in_their_gene_and_in_no_other(split):
    _, assay = split
    table = gene_table()
    place = pd.Series(assay.feature).str.extract(r"^(chr\d+):(\d+)-(\d+)$")
    assert pd.Index(assay.feature).is_unique
    for (chrom, start, end), gene in zip(place[::5].itertuples(index=False), assay.gene[::5], strict=True):
        start, end = int(start), int(end)
        here = table[table["chrom"] == chrom]
        plus = here["strand"] == "+"
        low = here["start"] - np.where(plus, 2000, 0)
        high = here["end"] + np.where(plus, 0, 2000)
        assert list(here.index[(low < end) & (start < high)]) == [gene]


def test_every_gene_has_a_promoter_peak(split):
    genes, assay = split
    table = gene_table().loc[genes.feature]
    first = np.where(table["strand"] == "+", table["start"], table["end"])
    place = pd.Series(assay.feature).str.extract(r":(\d+)-(\d+)$").astype(int)
    for gene, site in zip(genes.feature, first, strict=True):
        at = place[assay.gene == gene]
        assert ((at[0] <= site) & (site <= at[1])).any()


def test_peaks_add_up_to_their_gene(split):
    genes, assay = split
    assert len(assay.feature) / len(genes.feature) == pytest.approx(5, rel=0.1)
    code = pd.Index(genes.feature).get_indexer(assay.gene)
    for of_peaks, of_genes in (
        (assay.rate.mean(axis=0), genes.rate.mean(axis=0)),
        (assay.ambient, genes.ambient),
    ):
        np.testing.assert_allclose(np.bincount(code, of_peaks), of_genes, rtol=1e-3)


def test_figures_do_not_depend_on_the_selection(world):
    """A gene has its slope and its peaks whatever other genes are simulated."""
    whole = activity(*world)
    a, b = peaks(whole.take(np.arange(100))), peaks(whole.take(np.arange(50)))
    np.testing.assert_array_equal(a.feature[: len(b.feature)], b.feature)
    np.testing.assert_array_equal(a.rate[:, : len(b.feature)], b.rate)
