"""A run: a fitted model, and everything that was learned about its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from crosstie._beside import Submit, begin
from crosstie._log import log
from crosstie._threads import side_by_side
from crosstie._typing import Edge, Floats
from crosstie.runs.joint_map import Plane
from crosstie.runs.known_truth import UNKNOWN, labels_of

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.anchors import Anchors
    from crosstie.model.model import Model
    from crosstie.trust.diagnosis import Diagnosis
    from crosstie.trust.findings import Finding

MOST_SENT = 2**26  # bytes of coordinates: beyond this, work stays in this process, which has all cores
Matching: TypeAlias = Mapping[Edge, Callable[[], "Anchors"]]
Stage: TypeAlias = Callable[[str], AbstractContextManager[Any]]  # says what begins, and shows until it ends


def silent(text: str) -> AbstractContextManager[Any]:
    """Say nothing of a stage."""
    del text
    return nullcontext()


@dataclass(frozen=True)
class Run:
    """A run; what it lacks is empty or `None`.

    Parameters
    ----------
    model
        Fitted; with or without data.
    data, link_data
        The views, and the matrices that links read instead of the views' own; needed to write the run.
    about
        Content of `run.json`: versions, command, inputs, seed.
    level, reasons
        The verdict; `None` and empty where the run was not diagnosed.
    signals
        Table of the figures behind the verdict.
    suspicious
        Table of links whose names seem to be exchanged.
    findings
        What was found in the data before the fit; empty where the run was not diagnosed.
    confidence
        Confidence in the position of each cell of each view, where the run was diagnosed.
    plane
        Map of each view's drawn cells: columns `row` (number of the cell), `x`, `y`.
    label_key
        Column of labels.
    labels
        Transferred labels by source and target view.
    matches
        Matched cells by source and target view, as `pairs_table` returns them.
    scores
        Table of `metrics.evaluate`; empty where nothing is known beforehand.
    """

    model: Model
    data: Mapping[str, AnnData] = field(default_factory=dict)
    link_data: Mapping[str, AnnData] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    level: str | None = None
    reasons: tuple[str, ...] = ()
    signals: pd.DataFrame = field(default_factory=pd.DataFrame)
    suspicious: pd.DataFrame = field(default_factory=pd.DataFrame)
    findings: tuple[Finding, ...] = ()
    confidence: Mapping[str, Floats] = field(default_factory=dict)
    plane: Plane = field(default_factory=dict)
    label_key: str | None = None
    labels: Mapping[Edge, pd.DataFrame] = field(default_factory=dict)
    matches: Mapping[Edge, pd.DataFrame] = field(default_factory=dict)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __repr__(self) -> str:
        from crosstie.trust.diagnosis import WORDS

        views = ", ".join(f"{name}: {len(z):,} cells" for name, z in self.model.latents.items())
        return f"Run of {views}; {'not judged' if self.level is None else WORDS.get(self.level, self.level)}"

    @classmethod
    def of(
        cls,
        model: Model,
        data: Mapping[str, AnnData] | None = None,
        link_data: Mapping[str, AnnData] | None = None,
        *,
        label_key: str | None = None,
        stage: Stage = silent,
    ) -> Run:
        """Return the run of a fitted model, with the labels that views transfer to each other.

        Parameters
        ----------
        model
            Fitted.
        data, link_data
            What the model was fitted to.
        label_key
            Column of obs with labels.
        stage
            Says what is being done.
        """
        return cls(model, dict(data or {}), dict(link_data or {}), label_key=label_key).with_labels(stage)

    def with_labels(self, stage: Stage = silent) -> Run:
        """Return the run with the labels that views transfer to each other."""
        if not self.truth:
            return self
        with stage("transferring labels"):
            from crosstie.tl import transfer_labels

            known = {name: [None if y == UNKNOWN else y for y in labels] for name, labels in self.truth.items()}
            edges = [(s, t) for s, t in permutations(self.model.latents, 2) if s in known]
            return replace(self, labels={(s, t): transfer_labels(self.model, s, t, labels=known[s]) for s, t in edges})

    def begin_matches(self, submit: Submit | None = None) -> Matching:
        """Begin to match the cells of linked views: in another process, if `submit` gives work to one.

        Coordinates that would take much memory twice are not sent to it.
        """
        from crosstie.tl.match_cells import begin_matching

        return {edge: begin_matching(self.model, *edge, submit=self._away(submit, edge)) for edge in self.model.anchors}

    def _away(self, submit: Submit | None, views: Iterable[str]) -> Submit | None:
        """Return `submit` for views that another process should work on: not those of many cells."""
        return submit if sum(self.model.latents[view].nbytes for view in views) <= MOST_SENT else None

    def with_matches(self, stage: Stage = silent, begun: Matching | None = None) -> Run:
        """Return the run with the cells of linked views matched; `begun` is what `begin_matches` returned."""
        with stage("matching cells"):
            found = self.begin_matches() if begun is None else begun
            return replace(self, matches={e: pairs_table(self.model, e, finish()) for e, finish in found.items()})

    def begin_scores(
        self, pairs: Mapping[str, Any] | None, *, seed: int = 0, submit: Submit | None = None
    ) -> Callable[[], pd.DataFrame]:
        """Begin to compute the scores that labels and known pairs of cells allow; return what waits for their table.

        Parameters
        ----------
        pairs
            Identity of each cell of each view; `None` where nothing is known.
        seed
            Random seed of the cells drawn for slow scores.
        submit
            Gives work to another process. With `None`, or with many cells, scores are computed here, when the table is
            asked for.
        """
        from crosstie.metrics import evaluate

        model, truth = self.model, self.truth
        submit = self._away(submit, model.latents)
        if len(truth) < 2 and not pairs:
            return lambda: pd.DataFrame(columns=["metric", "source", "target", "value"])
        scored = model.latents
        if model.core_rows:
            log.info("scores are computed on the cells that the model was fitted to.")
            scored, rows = model.core.latents, model.core_rows
            truth = {name: y[rows[name]] for name, y in truth.items()}
            pairs = {name: cell[rows[name]] for name, cell in (pairs or {}).items()}
            pairs = pairs if pairs and set.intersection(*map(set, pairs.values())) else None
        return begin(submit, evaluate, scored, truth if len(truth) > 1 else None, pairs=pairs or None, seed=seed)

    def with_scores(
        self,
        pairs: Mapping[str, Any] | None,
        *,
        seed: int = 0,
        stage: Stage = silent,
        begun: Callable[[], pd.DataFrame] | None = None,
    ) -> Run:
        """Return the run with scores; parameters as of `begin_scores`, which returned `begun`, and of `of`."""
        with stage("scoring") if len(self.truth) > 1 or pairs else silent("scoring"):
            return replace(self, scores=(begun or self.begin_scores(pairs, seed=seed))())

    def with_verdict(self, diagnosis: Diagnosis) -> Run:
        """Return the run with what `trust.diagnose` found."""
        return replace(
            self,
            level=diagnosis.level,
            reasons=tuple(diagnosis.reasons),
            signals=diagnosis.table,
            suspicious=diagnosis.suspicious,
            findings=diagnosis.findings,
            confidence={name: score.to_numpy() for name, score in diagnosis.confidence.items()},
        )

    @cached_property
    def truth(self) -> dict[str, np.ndarray]:
        """Labels of every view that has some; "unknown" where a cell has none."""
        return labels_of(self.model.obs, self.label_key)

    @cached_property
    def reliability(self) -> dict[str, pd.Series]:
        """How well the features of each view can be imputed in other views; empty in a model without data."""
        from crosstie.tl.impute import feature_reliability

        core = self.model.core

        def of_view(name: str) -> pd.Series:
            recipe = self.model.recipes[name]
            values = recipe.log_normalize(core.views[name].loaded)
            return pd.Series(feature_reliability(core.latents[name], values), index=recipe.names)

        return dict(zip(core.views, side_by_side(of_view, core.views), strict=True))


def pairs_table(model: Model, edge: Edge, pairs: Anchors) -> pd.DataFrame:
    """Return pairs of cells of two views as a table: names of views and cells, and the weight of each pair."""
    source, target = edge
    return pd.DataFrame(
        {
            "source_view": source,
            "target_view": target,
            "source": model.obs[source].index[pairs.source],
            "target": model.obs[target].index[pairs.target],
            "weight": pairs.weight,
        }
    )
