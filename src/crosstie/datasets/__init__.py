"""Data to try things on: a simulator whose truth is known, readers of public files, and public data sets by name."""

from crosstie.datasets.chromatin import gene_table
from crosstie.datasets.download import FetchError
from crosstie.datasets.fetch import available, fetch
from crosstie.datasets.simulate import simulate_citeseq, simulate_teaseq, true_links
from crosstie.datasets.teaseq import read_teaseq
from crosstie.datasets.tenx import read_10x_h5

__all__ = [
    "FetchError",
    "available",
    "fetch",
    "gene_table",
    "read_10x_h5",
    "read_teaseq",
    "simulate_citeseq",
    "simulate_teaseq",
    "true_links",
]
