"""Verdict: can you trust this run, why or why not, and its most important numbers."""

from __future__ import annotations

import numpy as np

from crosstie.metrics.score_names import LONG
from crosstie.report.html import Html, el
from crosstie.runs.known_truth import UNKNOWN
from crosstie.runs.run import Run

TITLES = {"ok": "Trustworthy", "care": "Use with care", "fail": "Do not use", None: "Not judged"}
SIGNS = {"ok": "✓", "care": "!", "fail": "✕", None: "?"}
LEADS = {
    "ok": "This run passed every check that is possible without labels: linked features agree, matches are stable, and "
    "the views mix.",
    "care": "Some checks stand out. Read the reasons below before you rely on this run.",
    "fail": "The checks found that this map does not show what the views have in common. Do not rely on it.",
    None: "This run was not checked. To check it, run: crosstie diagnose RUN.",
}


def verdict(run: Run) -> Html:
    """Return the verdict with its reasons and the most important numbers of the run."""
    level = run.level if run.level in TITLES else None
    reasons = (
        el("ul", [el("li", reason[0].upper() + reason[1:] + ".") for reason in run.reasons if reason])
        if run.reasons
        else None
    )
    words = el("div", el("h2", TITLES[level], id="verdict-title"), el("p", LEADS[level]), reasons)
    return el(
        "section",
        el(
            "div",
            el("span", SIGNS[level], class_="sign", aria_hidden="true"),
            words,
            class_=f"verdict level-{level or 'none'}",
        ),
        el(
            "dl",
            [el("div", el("dt", what), el("dd", value, el("small", unit))) for what, value, unit in _key_figures(run)],
            class_="figures",
        ),
        id="verdict",
        aria_labelledby="verdict-title",
    )


def _key_figures(run: Run) -> list[tuple[str, str, str]]:
    model = run.model
    out = [(f"{name}", f"{len(z):,}", " cells") for name, z in model.latents.items()]
    n_columns = sum(link.n_columns for link in model.linkage.links)
    if n_columns:
        out.append(("Links", f"{n_columns:,}", " columns"))
    if n_shared := sum(len(link.cells) for link in model.linkage.paired):
        out.append(("Shared cells", f"{n_shared:,}", ""))
    for (source, target), labels in run.labels.items():
        known = target in run.truth and run.truth[target] != UNKNOWN
        if np.any(known):
            right = float((labels["label"].to_numpy(str)[known] == run.truth[target][known]).mean())
            out.append((f"Labels {source} → {target}", f"{right:.1%}", " correct"))
    if len(run.scores):
        # The first column holds the id of a score, or its name in the table of the demo.
        found = run.scores.loc[run.scores.iloc[:, 0].isin(["foscttm", LONG["foscttm"]]), "value"]
        if len(found):
            out.append(("FOSCTTM", f"{found.mean():.3f}", " 0 is best"))
    return out
