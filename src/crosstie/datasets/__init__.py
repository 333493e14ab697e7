"""Example data: a simulator with known truth, public data sets by name, and readers of public file formats."""

from crosstie.datasets.download.download import FetchError
from crosstie.datasets.public.fetch import available, fetch
from crosstie.datasets.public.teaseq import read_teaseq
from crosstie.datasets.public.tenx import read_10x_h5
from crosstie.datasets.simulator.chromatin import gene_table
from crosstie.datasets.simulator.simulate import simulate_citeseq, simulate_teaseq, true_links
from crosstie.datasets.simulator.tissue import simulate_tissue

__all__ = [
    "FetchError",
    "available",
    "fetch",
    "gene_table",
    "read_10x_h5",
    "read_teaseq",
    "simulate_citeseq",
    "simulate_teaseq",
    "simulate_tissue",
    "true_links",
]
