"""References: learn from cells that measured both views, and use only what the data confirm.

Every reference is put to a test before the fit, on a sketch of the data, by fits that do not see some of the links:
what was learned must hold in these cells, and the data's own links must agree better with it. What fails is said, and
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from crosstie._errors import InputError, type_error
from crosstie._log import log
from crosstie._threads import few_threads, side_by_side
from crosstie._typing import Edge, Floats, Index, Mask
from crosstie.anchors.agreement import above_other_pairings, matched_correlations
from crosstie.anchors.fit_closed_form import smoothed
from crosstie.config import Config
from crosstie.data import Recipe, View
from crosstie.data.view import as_mapping
from crosstie.links.learned import LearnedLinks, alike, learn, other_modalities
from crosstie.links.link import Link
from crosstie.links.linkage import Linkage
from crosstie.links.linked_columns import column_names
from crosstie.model.closed_form_problem import ClosedFormProblem
from crosstie.model.inputs import Inputs, TestedReference
from crosstie.model.recipes import fit_recipes

if TYPE_CHECKING:
    from crosstie._typing import Data

    Reference = LearnedLinks | Data

N_FOLDS = 3
N_ROUNDS = 4  # of a fit that only tests; more give the same answers
LEAST_OWN = 4  # links of the data's own that a test needs
LEAST_LEFT = 0.5  # of the variance that it explains among its own cells, a prediction must explain this share here
LEAST_HOLD = 0.5  # of the predictions; a reference most of which fails is of other cells
LEVEL = 0.05  # of the one-sided test that the data's own links, left out, agree better with it
LEAST_Z = 3.0  # as for links that `diagnose` leaves out


def with_references(
    inputs: Inputs, references: Reference | Iterable[Reference], config: Config, *, seed: int = 0
) -> Inputs:
    """Return the inputs with the links that references taught and the data confirmed.

    Parameters
    ----------
    inputs
        Views and links.
    references
        Paired data of the same modalities (a MuData, or a mapping of names to AnnData), learned links, or several.
    config
        Settings.
    seed
        Random seed of the sketch and of the folds.

    Raises
    ------
    TypeError, ValueError
        If a reference is of the wrong kind, or has nothing in common with the data.
    """
    given = listed(references)
    rng = np.random.default_rng([seed, 3])
    sketch = inputs.subset({name: _some(view.n_cells, config.n_sketch, rng) for name, view in inputs.views.items()})
    sketch = replace(sketch, views={name: view.loaded_up_to(view.n_cells) for name, view in sketch.views.items()})
    tested: list[TestedReference] = []
    passed: dict[Edge, list[Link]] = {}
    with few_threads(config.n_sketch):
        recipes = {name: recipe for name, (recipe, _) in fit_recipes(sketch, config, seed).items()}
        for number, reference in enumerate(given, 1):
            name = f"reference {number}" if len(given) > 1 else "the reference"
            for learned, edge in _matched(name, reference, sketch.views, recipes, seed):
                try:
                    link = learned.link_features(recipes[edge[0]].names, recipes[edge[1]].names, edge)
                except InputError:
                    why = "not used: it predicts none of the features measured here"
                    tested.append(TestedReference(name, edge, learned.n_cells, 0, False, float("nan"), why))
                    continue
                result, kept = _test(name, learned, link, sketch, recipes, config, seed)
                tested.append(result)
                if result.used:
                    passed.setdefault(edge, []).append(kept)
    for result in tested:
        say = log.info if result.used else log.warning
        say("%s, %s cells, %s -> %s: %s.", result.name, f"{result.n_cells:,}", *result.edge, result.why)
    links = [*inputs.linkage.links, *(_merged(several) for several in passed.values())]
    linkage = Linkage(inputs.linkage.views, tuple(links), inputs.linkage.paired)
    return replace(inputs, linkage=linkage, references=tuple(tested))


def listed(references: Reference | Iterable[Reference]) -> list[Reference]:
    """Return references as a list; raises `TypeError` if one is none."""
    if isinstance(references, LearnedLinks | Mapping) or hasattr(references, "mod"):
        return [references]  # type: ignore[list-item]
    if isinstance(references, str) or not isinstance(references, Iterable):
        raise type_error(
            "reference: not paired data.",
            found=type(references).__name__,
            expected="a MuData or a mapping of names to AnnData, or learned links, or several",
            do='Read the file: reference=xt.read("pbmc.h5mu").',
        )
    out: list[Reference] = []
    for one in references:
        out += listed(one)
    return out


def _some(n_cells: int, most: int, rng: np.random.Generator) -> Index:
    return np.arange(n_cells) if n_cells <= most else np.sort(rng.choice(n_cells, most, replace=False))


def _matched(
    name: str, reference: Reference, views: Mapping[str, View], recipes: Mapping[str, Recipe], seed: int
) -> list[tuple[LearnedLinks, Edge]]:
    """Return what a reference teaches for each pair of views that measured what it did; the longer list predicts."""
    ours = {view: v.modality for view, v in views.items()}
    if isinstance(reference, LearnedLinks):
        return [(reference, edge) for edge in reference.edges(ours)]
    named = as_mapping(reference)
    kinds = {view: View.of(view, adata).modality for view, adata in named.items()}
    out = []
    for a, b in ((a, b) for a in ours for b in ours if views[a].n_features > views[b].n_features):
        sides = [[view for view, kind in kinds.items() if alike(kind, ours[side])] for side in (a, b)]
        if len(sides[0]) == len(sides[1]) == 1 and sides[0] != sides[1]:
            learned = learn(named, sides[0][0], sides[1][0], modality=kinds, keep=list(recipes[a].names), seed=seed)
            out.append((learned, (a, b)))
    if not out:
        raise other_modalities(name, kinds.values(), ours)
    return out


def _test(
    name: str,
    learned: LearnedLinks,
    link: Link,
    sketch: Inputs,
    recipes: Mapping[str, Recipe],
    config: Config,
    seed: int,
) -> tuple[TestedReference, Link]:
    """Test learned links against the data's own links, left out by thirds of the predicted features."""
    linkage = Linkage(sketch.linkage.views, (*sketch.linkage.links, link), sketch.linkage.paired)
    settings = replace(config.refinement, n_rounds=min(N_ROUNDS, config.n_rounds))
    problem = ClosedFormProblem.of(replace(sketch, linkage=linkage), recipes, settings, seed=seed)
    edge = link.edge if link.edge in problem.columns else link.edge[::-1]
    side = edge.index(link.target)
    feature = np.array([names[side] for names in column_names(linkage, edge, recipes)], object)
    group = problem.groups[edge]
    own, new = np.flatnonzero(group == 0), np.flatnonzero(group == 1)
    entries = link.report[link.report["status"] == "linked"].set_index("feature")["entry"]
    promised = np.array([learned.r_of(entries[name]) for name in feature[new]])
    if len(own) < LEAST_OWN:
        judged = _Judged(len(own), promised)
        return judged.tested(name, link, learned.n_cells), link

    def folds(draw: int) -> list[Mask]:
        rng = np.random.default_rng([seed, 4, draw])
        names = pd.unique(np.concatenate([rng.permutation(feature[own]), rng.permutation(feature[new])]))
        fold_of = {name: n % N_FOLDS for n, name in enumerate(names)}  # every fold leaves some of the data's own
        return [np.array([fold_of[f] == n for f in feature]) for n in range(N_FOLDS)]

    def predicted(out: Mask) -> Floats:
        """Correlate the learned columns left out of a fit, with each other."""
        return _correlations(problem, edge, np.flatnonzero(~out), new[out[new]], seed)

    agreement, z = np.zeros(len(new)), []
    for out, among in zip(first := folds(0), side_by_side(predicted, first), strict=True):
        agreement[out[new]] = np.diag(among)
        z.append(above_other_pairings(among))
    holds = agreement >= promised * LEAST_LEFT**0.5
    left = np.isin(np.arange(len(feature)), np.concatenate([own, new[holds]]))

    def gained(out: Mask) -> Floats:
        """Return by how much better the data's own columns, left out of two fits, agree with the learned ones."""
        held = own[out[own]]
        fits = (own[~out[own]], np.flatnonzero(left & ~out))
        without, with_it = (np.diag(_correlations(problem, edge, seen, held, seed)) for seen in fits)
        return with_it - without

    gain = np.zeros(len(own))
    if holds.mean() >= LEAST_HOLD:
        for out, change in zip(second := folds(1), side_by_side(gained, second), strict=True):
            gain[out[own]] = change
    judged = _Judged(len(own), promised, agreement, holds, z, gain)
    kept = replace(link, pairs=link.pairs[link.pairs["target"].isin(set(feature[new][holds]))])
    return judged.tested(name, link, learned.n_cells), kept


@dataclass(frozen=True)
class _Judged:
    """What fits that did not see some links say of a reference.

    Parameters
    ----------
    n_own
        Number of links of the data's own; with too few, the rest is not known.
    promised, agreement
        Correlation of each predicted feature with its prediction: in the reference, and here.
    holds
        Whether a prediction explains enough here.
    z
        How much better predictions agree with their own feature than with others, by fold.
    gain
        By how much better each of the data's own links, left out, agrees with the predictions that hold.
    """

    n_own: int
    promised: Floats
    agreement: Floats | None = None
    holds: Mask | None = None
    z: Sequence[float] = ()
    gain: Floats | None = None

    @property
    def fits(self) -> bool:
        """Whether enough of the predictions hold here for a test of what they gain."""
        return self.holds is not None and self.holds.mean() >= LEAST_HOLD

    def tested(self, name: str, link: Link, n_cells: int) -> TestedReference:
        """Return the verdict, with its figures."""
        used, why = self.verdict()
        if self.holds is None or self.agreement is None or self.gain is None:
            seen, n, mean = (
                f"{len(self.promised)} features of {link.target} predicted",
                len(self.promised),
                float("nan"),
            )
        else:
            n, mean = int(self.holds.sum()), float(self.gain.mean()) if self.fits else float("nan")
            r, here = np.median(self.promised), np.median(self.agreement)
            seen = f"{n} of {len(self.promised)} predictions of {link.target} hold; r = {r:.2f} in the reference, "
            seen += f"{here:.2f} here" + (f"; links of the data, left out, change by {mean:+.3f}" if self.fits else "")
        return TestedReference(name, (link.source, link.target), n_cells, n, used, mean, f"{why} ({seen})")

    def verdict(self) -> tuple[bool, str]:
        """Return whether the reference is used, and the reason."""
        if self.holds is None or self.gain is None:
            return True, f"used without a test: the data have only {self.n_own} links of their own"
        found = [z for z in self.z if np.isfinite(z)]
        if found and np.sum(found) / np.sqrt(len(found)) < LEAST_Z:
            return False, "not used: what it predicts agrees no better with its own feature than with others"
        if not self.fits:
            return False, "not used: what it predicts hardly holds in these cells"
        if self.gain.mean() <= -stdtrit(self.n_own - 1, LEVEL) * self.gain.std(ddof=1) / np.sqrt(self.n_own):
            return False, "not used: the links of the data agree no better with it"
        return True, "used"


def _correlations(problem: ClosedFormProblem, edge: Edge, seen: Index, held: Index, seed: int) -> Floats:
    """Fit with some linked columns of an edge, and correlate others across matched cells."""
    settings = problem.settings
    form = problem.with_columns({edge: seen}).fit(seed=seed)
    z = [smoothed(form.reference[view], settings) for view in edge]
    columns = [problem.components[view] @ side[:, held] for view, side in zip(edge, problem.columns[edge], strict=True)]
    return matched_correlations(z[0], z[1], *columns, entropy=settings.entropy, balance=settings.balance)


def _merged(links: list[Link]) -> Link:
    """Return one link whose columns are the means of what several references predict."""
    if len(links) == 1:
        return links[0]
    numbers = {target: n for n, target in enumerate(dict.fromkeys(t for link in links for t in link.pairs["target"]))}
    pairs = pd.concat([link.pairs for link in links], ignore_index=True)
    pairs["column"] = pairs["target"].map(numbers)
    pairs = pairs.groupby(["source", "target", "column"], sort=False)["weight"].sum().reset_index()
    report = pd.concat([link.report for link in links], ignore_index=True)
    return replace(links[0], pairs=pairs[pairs["weight"] != 0], report=report)
