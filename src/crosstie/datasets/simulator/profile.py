"""The parameters of the simulator: cell states, and how each assay measures them (docs/simulator.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np

from crosstie._errors import unknown_name
from crosstie._typing import Array, Floats, Index

Panel = Literal["pbmc_wnn", "pbmc10k"]
PANELS: tuple[Panel, ...] = ("pbmc_wnn", "pbmc10k")


@dataclass(frozen=True)
class Population:
    """The cell states, whatever the assay: their proportions, and the lineage whose continuous factors they follow."""

    state: np.ndarray
    cell_type: np.ndarray
    lineage: Index  # -1: no continuous factors
    proportion: Floats


@dataclass(frozen=True)
class Assay:
    """How one assay measures the states; expected counts are `depth * (ambient + rate * exp(loadings·factors))`."""

    feature: np.ndarray
    rate: Array  # (n_states, n_features), per unit of depth
    ambient: Array  # (n_features,)
    dispersion: Array  # (n_states or 1, n_features): variance = mean + dispersion * mean^2
    loadings: Array  # (n_lineages, n_factors, n_features), on the log scale
    depth: Array  # (n_states, 2): mean and deviation of the log depth
    depth_correlation: float  # correlation of log depth with the cell's size, which all assays share
    gene: np.ndarray | None = None  # the genes of each feature, joined by "/"

    def take(self, keep: Index) -> Assay:
        """Return the assay restricted to some features."""
        return replace(
            self,
            feature=self.feature[keep],
            rate=self.rate[:, keep],
            ambient=self.ambient[keep],
            dispersion=self.dispersion[:, keep],
            loadings=self.loadings[..., keep],
            gene=None if self.gene is None else self.gene[keep],
        )

    def deeper(self, factor: float) -> Assay:
        """Return the assay with `factor` times the counts."""
        return replace(self, depth=self.depth + np.array([np.log(factor), 0], dtype=np.float32))


@cache
def load_profile(panel: Panel = "pbmc_wnn") -> tuple[Population, Assay, Assay]:
    """Load the packaged parameters (made by benchmarks/simulator_profile.py): population, RNA and protein assay."""
    if panel not in PANELS:
        raise unknown_name("panel", panel, PANELS)
    with files("crosstie.datasets").joinpath("pbmc_profile.npz").open("rb") as file, np.load(file) as stored:
        x = dict(stored)
    names = [str(name) for name in dict.fromkeys(x["lineage"]) if name]
    lineage = np.array([names.index(name) if name else -1 for name in x["lineage"]])
    share = x["proportion"].astype(float)
    population = Population(x["state"], x["cell_type"], lineage, share / share.sum())
    return population, _assay(x, "rna"), _assay(x, panel)


def _assay(stored: dict[str, np.ndarray], name: str) -> Assay:
    x = {k.removeprefix(f"{name}/"): v for k, v in stored.items() if k.startswith(f"{name}/")}
    x = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in x.items()}
    return Assay(
        feature=x["feature"],
        rate=np.exp(x["log_rate"]),
        ambient=x.get("ambient", np.zeros(len(x["feature"]), dtype=np.float32)),
        dispersion=x["dispersion"],
        loadings=x["loadings"],
        depth=x["depth"],
        depth_correlation=float(x.get("depth_correlation", 1.0)),
        gene=x.get("gene"),
    )
