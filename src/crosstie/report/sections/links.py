"""Links: which features are linked, and which were looked up and not found."""

from __future__ import annotations

import pandas as pd

from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section
from crosstie.report.packed_table import packed_table
from crosstie.runs.run import Run


def links(run: Run) -> Html:
    """Return the linked features, and those that were looked up but not linked."""
    linkage = run.model.linkage
    parts: list[Child] = []
    parts += [
        el("p", el("b", f"{tie.source} – {tie.target}"), f": {len(tie.cells):,} cells are in both views and link them.")
        for tie in linkage.paired
    ]
    for link in linkage.links:
        report = link.report.copy()
        n_linked = int((report["status"] == "linked").sum()) if len(report) else 0
        sides = [link.pairs[side].nunique() for side in ("source", "target")]
        parts.append(el("h3", f"{link.source} – {link.target}"))
        parts.append(
            el(
                "p",
                f"{link.n_columns:,} linked columns: {len(link.pairs):,} pairs of {sides[0]:,} "
                f"features of {link.source} and "
                f"{sides[1]:,} of {link.target}. Features of one column, such as the genes of one "
                "protein complex, count once. ",
                f"{len(report):,} features were looked up, {n_linked:,} linked." if len(report) else None,
            )
        )
        if not len(report):
            parts.append(none("There is no list of features that were looked up: these links were given directly."))
            continue
        parts.append(svg.shares({str(k): float(v) for k, v in _by_count(report["status"]).items()}))
        text = report.reindex(columns=["feature", "status", "targets", "entry", "reason"]).fillna("").astype(str)
        text["targets"] = text["targets"].str.replace("/", ", ")
        # Unlinked features first: readers look for those.
        text = text.sort_values("status", key=lambda s: s == "linked", kind="stable")
        columns = [{"type": "text", "values": text[c].tolist()} for c in text]
        heads = ["Feature", "Status", "Linked to", "Known as", "Reason"]
        parts.append(
            packed_table(
                heads,
                columns,
                kind=1,
                sorted_by=1,
                down=next(iter(text["status"])) > "linked",
                name=f"Links {link.source} – {link.target}",
            )
        )
    if not parts:
        parts.append(none("This run has no links."))
    return section("links", "Linked and unlinked features", *parts)


def _by_count(status: pd.Series) -> dict[str, int]:
    count = status.astype(str).value_counts()
    order = sorted(count.index, key=lambda s: (s != "linked", -count[s], s))
    return {s: int(count[s]) for s in order}
