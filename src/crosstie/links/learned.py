"""Links learned from a reference: what cells that measured both views say about which features move together.

A protein is predicted from many genes, by what the reference says of both. Only statistics are kept, no cells: a factor
model of the genes and their covariance with the proteins, from which weights follow for whichever genes the data have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from crosstie._errors import InputValueError, sample, unknown_name, value_error
from crosstie._files import new_file
from crosstie._log import log
from crosstie._typing import Edge, Floats, Index, Labels, Mask, Modality
from crosstie.data import Recipe, View
from crosstie.data.untrusted_files import read_npz
from crosstie.data.view import as_mapping
from crosstie.links.feature_labels import PAIRS, REPORT, nothing_linked
from crosstie.links.link import Link
from crosstie.links.same_features import same_names, same_proteins
from crosstie.links.suggest import PROTEINS

if TYPE_CHECKING:
    from crosstie._typing import Data

N_FACTORS = 50
N_GENES = 150  # features that predict one: more add little (docs/decisions.md)
N_FOLDS = 5
LEAST_CELLS = 50
LEAST_R = 0.2  # correlation of prediction and measurement in cells left out, below which nothing was learned
MOST_CELLS = 10_000  # of a larger reference, a random part is used
MOST_BYTES = 2**28
VERSION = 1


@dataclass(frozen=True)
class LearnedLinks:
    """What a reference says about two kinds of views; holds no cells.

    Parameters
    ----------
    source, target
        Names of the two views in the reference; the features of `target` are predicted from those of `source`.
    modalities
        What the two views measured.
    features
        Names of the predicting features, length `p`.
    predicted
        Names of the predicted features, length `k`.
    factors
        Factor loadings of the predicting features, scaled to unit variance, shape `(p, q)`.
    noise
        Variance of each predicting feature that the factors leave, shape `(p,)`.
    covariance
        Correlation of predicting and predicted features through the factors, shape `(p, k)`.
    r
        Correlation of prediction and measurement in cells left out, shape `(k,)`, in [-1, 1].
    n_cells
        Number of cells it was learned from.
    """

    source: str
    target: str
    modalities: tuple[Modality, Modality]
    features: Labels
    predicted: Labels
    factors: Floats
    noise: Floats
    covariance: Floats
    r: Floats
    n_cells: int

    def __repr__(self) -> str:
        return (
            f"LearnedLinks({self.source} -> {self.target}: {len(self.predicted):,} features predicted from "
            f"{len(self.features):,}, median r {np.median(self.r):.2f} in {self.n_cells:,} cells)"
        )

    def edges(self, modalities: Mapping[str, Modality]) -> list[Edge]:
        """Return the pairs of views that measured what the reference's two views did, predicting view first.

        Proteins are proteins, whether sequenced or seen by a cytometer.

        Parameters
        ----------
        modalities
            What each view measured.

        Raises
        ------
        ValueError
            If there is no such pair.
        """
        found = [
            (a, b)
            for a in modalities
            for b in modalities
            if a != b and alike(modalities[a], self.modalities[0]) and alike(modalities[b], self.modalities[1])
        ]
        if not found:
            raise other_modalities("learned links", self.modalities, modalities)
        return found

    @property
    def table(self) -> pd.DataFrame:
        """One row per predicted feature, with columns `feature` and `r` (in cells left out)."""
        return pd.DataFrame({"feature": self.predicted, "r": self.r})

    def r_of(self, names: str) -> float:
        """Return the mean `r` of predicted features, as the report of a link names them: with `/` between them."""
        known = dict(zip(map(str, self.predicted), self.r, strict=True))
        return float(np.mean([known[name] for name in names.split("/")])) if names not in known else float(known[names])

    def weights(self, measured: Mask) -> Floats:
        """Return the weights that predict each feature from those that are measured, shape `(p, k)`; most are 0.

        The conditional expectation of the factor model, given the measured features that say most about it.

        Parameters
        ----------
        measured
            Whether the data have each predicting feature, shape `(p,)`.
        """
        there = np.flatnonzero(measured)
        out = np.zeros(self.covariance.shape)
        for j in range(len(self.predicted)):
            said = np.abs(self.covariance[there, j])
            some = there[np.argsort(-said, kind="stable")[:N_GENES]]
            among = self.factors[some] @ self.factors[some].T
            among[np.diag_indices_from(among)] += self.noise[some]
            out[some, j] = np.linalg.solve(among, self.covariance[some, j]) if len(some) else 0
        return out

    def link(self, data: Data, source: str, target: str) -> Link:
        """Return the learned links between two views of other data.

        Features are joined by name, ignoring case where nothing matches exactly, and antibodies by protein.

        Parameters
        ----------
        data
            The views by name.
        source, target
            Names of the views that measured what the reference's `source` and `target` did.

        Returns
        -------
        The link, with one column per predicted feature. Its report has one row per feature of `target`; `status` is
        `"linked"`, `"not in the reference"` or `"not predictable"`.

        Raises
        ------
        KeyError
            If a view does not exist.
        ValueError
            If nothing can be linked.
        """
        named = as_mapping(data)
        for view in (source, target):
            if view not in named:
                raise unknown_name("learned links: view", view, named)
        return self.link_features(list(named[source].var_names), list(named[target].var_names), (source, target))

    def link_features(self, sources: Iterable[str], targets: Iterable[str], edge: Edge) -> Link:
        """Return the learned links between the named features of two views; see `link`."""
        genes, proteins = (pd.Series(list(map(str, names)), dtype=object) for names in (sources, targets))
        gene_of = same_names(self.features, genes)
        weights = self.weights(np.array([gene is not None for gene in gene_of]))
        pairs, report = [], []
        for number, (protein, known) in enumerate(zip(proteins, same_proteins(self.predicted, proteins), strict=True)):
            usable = [j for j in known if self.r[j] >= LEAST_R and weights[:, j].any()]
            if not usable:
                report.append((protein, "not predictable" if known else "not in the reference", "", "", ""))
                continue
            weight = weights[:, usable].mean(1)
            some = np.flatnonzero(weight)
            weight = weight[some] / np.abs(weight[some]).sum()
            pairs += [(gene_of[i], protein, number, w) for i, w in zip(some, weight, strict=True)]
            reason = f"{len(some)} features, r = {self.r[usable].mean():.2f} in the reference"
            report.append((protein, "linked", "/".join(str(self.predicted[j]) for j in usable), "", reason))
        if not pairs:
            raise nothing_linked(
                "the reference predicts none of the features",
                {edge[0]: genes.set_axis(genes), edge[1]: proteins.set_axis(proteins)},
                do="Give a reference that measured the same kinds of features, in the same organism.",
            )
        table = pd.DataFrame(pairs, columns=PAIRS).groupby(PAIRS[:3], sort=False, as_index=False).sum()
        table = table[table["weight"] != 0]
        return Link(*edge, table, pd.DataFrame(report, columns=REPORT).astype(object), "reference")

    def save(self, path: str | Path) -> None:
        """Save as one `.npz` file, which appears complete or not at all."""
        head = {
            "version": VERSION,
            "source": self.source,
            "target": self.target,
            "modalities": list(self.modalities),
            "n_cells": self.n_cells,
            "features": [str(x) for x in self.features],
            "predicted": [str(x) for x in self.predicted],
        }
        arrays = {name: getattr(self, name).astype(np.float32) for name in _ARRAYS}
        text = np.frombuffer(json.dumps(head).encode(), np.uint8)
        with new_file(Path(path)) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, head=text, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> LearnedLinks:
        """Load what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not one of learned links, or is damaged.
        """
        path = Path(path)
        wrong = value_error(
            f"learned links: {path} cannot be read.",
            expected="a file that LearnedLinks.save or `crosstie learn` wrote",
        )
        try:
            found = read_npz(path, MOST_BYTES)
            head = json.loads(found["head"].tobytes())
            arrays = {name: found[name].astype(np.float64) for name in _ARRAYS}
            features, predicted = (np.array([str(x) for x in head[k]], object) for k in ("features", "predicted"))
            modalities = tuple(str(m) for m in head["modalities"])
            learned = cls(
                str(head["source"]),
                str(head["target"]),
                cast("tuple[Modality, Modality]", modalities),
                features,
                predicted,
                n_cells=int(head["n_cells"]),
                **arrays,
            )
        except (FileNotFoundError, MemoryError):
            raise
        except Exception as problem:  # a damaged archive raises all kinds of exceptions
            raise wrong from problem
        p, k = len(features), len(predicted)
        shapes = {"factors": (p, learned.factors.size // max(p, 1)), "noise": (p,), "covariance": (p, k), "r": (k,)}
        if (
            any(arrays[n].shape != shape or not np.isfinite(arrays[n]).all() for n, shape in shapes.items())
            or p * k == 0
        ):
            raise wrong
        if len(modalities) != 2 or (learned.noise <= 0).any() or head.get("version") != VERSION:
            raise wrong
        return learned


def alike(modality: str, other: str) -> bool:
    """Return whether two views measured the same: proteins are alike, whether sequenced or seen by a cytometer."""
    return modality == other or {modality, other} <= set(PROTEINS)


def other_modalities(what: str, found: Iterable[str], modalities: Mapping[str, str]) -> InputValueError:
    """Return (do not raise) the error for learned links or a reference that did not measure what the views did."""
    return value_error(
        f"{what}: the reference did not measure what the views did.",
        found=f"{', '.join(found)}; views: {', '.join(f'{view} ({m})' for view, m in modalities.items())}",
        expected="a view for each of two modalities of the data",
    )


_ARRAYS = ("factors", "noise", "covariance", "r")


def learn(
    reference: Data,
    source: str,
    target: str,
    *,
    modality: Mapping[str, Modality] | None = None,
    slot: str | Mapping[str, str] = "X",
    keep: Sequence[str] = (),
    seed: int = 0,
) -> LearnedLinks:
    """Learn from cells that measured both views how the features of one follow from those of the other.

    Parameters
    ----------
    reference
        Two views of the same cells, by name. Cells are joined by their names.
    source, target
        Names of the view to predict from (RNA, say) and of the view to predict (proteins).
    modality, slot
        As in `Model`.
    keep
        Features of `source` to keep besides the most variable ones: those that your data have, if you know them.
    seed
        Random seed of components, folds and of the cells drawn from a large reference.

    Returns
    -------
    The learned links: pass them as `links=[..., learned]`, or as `reference=`.

    Raises
    ------
    KeyError
        If a view does not exist.
    ValueError
        If fewer than 50 cells are in both views, or the values cannot be used.
    """
    named = as_mapping(reference)
    for view in (source, target):
        if view not in named:
            raise unknown_name("learn: view", view, named)
    cells = [pd.Index(named[view].obs_names).astype(str) for view in (source, target)]
    both = cells[0][~cells[0].duplicated()].intersection(cells[1][~cells[1].duplicated()], sort=False)
    if len(both) < LEAST_CELLS:
        raise value_error(
            f"learn: the views {source!r} and {target!r} share too few cells.",
            found=f"{len(both):,} names in both; {source}: {sample(cells[0], 2)}; {target}: {sample(cells[1], 2)}",
            expected=f"at least {LEAST_CELLS} cells measured in both, with the same name",
        )
    rng = np.random.default_rng(seed)
    if len(both) > MOST_CELLS:
        log.info("learn: %s of %s cells of the reference are used.", f"{MOST_CELLS:,}", f"{len(both):,}")
        both = both[np.sort(rng.choice(len(both), MOST_CELLS, replace=False))]
    views = [
        View.of(
            name,
            named[name],
            modality=(modality or {}).get(name),
            slot=slot if isinstance(slot, str) else slot.get(name, "X"),
        )
        for name in (source, target)
    ]
    views = [view.subset(where.get_indexer(both)) for view, where in zip(views, cells, strict=True)]
    return _learn(views[0], views[1], keep=keep, folds=rng.integers(N_FOLDS, size=len(both)), seed=seed)


def _learn(source: View, target: View, *, keep: Sequence[str], folds: Index, seed: int) -> LearnedLinks:
    recipe = Recipe.fit(source, keep=keep, n_components=N_FACTORS, seed=seed)
    other = Recipe.fit(target, n_components=2, seed=seed)
    x, y = recipe.scaled(source.loaded), np.asarray(other.scale(target.loaded), np.float64)
    y = y / np.maximum(y.std(0), 1e-9)
    scores = np.asarray(x @ recipe.loadings, np.float64)  # through the factors: single genes are noisy
    factors = recipe.loadings.astype(np.float64) * np.sqrt(recipe.variance)
    noise = np.maximum(1 - (factors**2).sum(1), 0.05)

    def covariance(rows: Index) -> Floats:
        part = y[rows] - y[rows].mean(0)
        return recipe.loadings @ (scores[rows].T @ part) / len(part)

    labels = recipe.names.astype(str).to_numpy(object), other.names.astype(str).to_numpy(object)
    modalities = (source.modality, target.modality)

    def learned(covariance: Floats, r: Floats) -> LearnedLinks:
        return LearnedLinks(
            source.name, target.name, modalities, *labels, factors, noise, covariance, r, n_cells=len(y)
        )

    predicted = np.zeros(y.shape)
    unknown = np.zeros(y.shape[1])
    everything = np.ones(len(noise), bool)
    for fold in range(N_FOLDS):
        rows = np.flatnonzero(folds == fold)
        weights = learned(covariance(np.flatnonzero(folds != fold)), unknown).weights(everything)
        predicted[rows] = (x @ weights.astype(np.float32))[rows]
    spread = predicted.std(0) * y.std(0)
    r = ((predicted - predicted.mean(0)) * (y - y.mean(0))).mean(0) / np.where(spread > 1e-9, spread, np.inf)
    return learned(covariance(np.arange(len(y))), r)
