"""Suspicious links: features that move with another feature's partner, with bars of both correlations."""

from __future__ import annotations

from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.runs.run import Run

WIDTH, HEIGHT = 240, 26  # of the two bars of a link, in SVG units; 0 is in the middle


def suspicious_links(run: Run) -> Html:
    """Return the links whose names seem to be exchanged, how each feature moves, and what to do about it."""
    title = "Suspicious links"
    if run.level is None:
        return section("suspicious-links", title, none("Links were not checked: this run was not judged."))
    if not len(run.suspicious):
        return section(
            "suspicious-links",
            title,
            none("None: no two links would agree better with their names exchanged, in fits that saw neither."),
        )
    heads = ["Feature", "Linked to", "Moves with", "Correlation with its own (above) and with the other", "Contrast"]
    names = ["source", "target", "moves_with"]
    figures = run.suspicious[["own", "other", "contrast"]].to_numpy(float)
    rows: list[list[Child]] = [
        [source, target, el("strong", moves_with), _bars(own, other), f"{contrast:+.2f}"]
        for (source, target, moves_with), (own, other, contrast) in zip(
            run.suspicious[names].astype(str).to_numpy().tolist(), figures, strict=True
        )
    ]
    how = (
        "Each of these features agrees better with the partner of another feature than with its own, across matched "
        "cells of fits that saw neither link. Two names are probably exchanged, in the panel or in the table of links. "
        "The contrast, from -1 to 1, is how the difference of the two features agrees with that of their partners: "
        "negative if the names are exchanged. Correct the names, or leave these links out (--drop-suspicious)."
    )
    return section("suspicious-links", title, el("p", how), table(heads, rows, numbers=(4,), caption=title))


def _bars(own: float, other: float) -> Html:
    """Return two bars from 0 in the middle: the correlation with the own partner, and with the other."""
    bars = []
    for i, value in enumerate((own, other)):
        length = abs(max(-1.0, min(1.0, value))) * WIDTH / 2
        x = WIDTH / 2 if value >= 0 else WIDTH / 2 - length
        bars.append(el("rect", x=f"{x:.1f}", y=2 + 12 * i, width=f"{max(length, 1):.1f}", height=9, class_=f"c{4 * i}"))
    axis = el("line", x1=WIDTH // 2, x2=WIDTH // 2, y1=0, y2=HEIGHT, class_="axis")
    figures = el("small", f"{own:+.2f}, {other:+.2f}")
    drawn = el(
        "svg",
        el("g", bars, class_="bars"),
        axis,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        role="img",
        aria_label=f"correlation {own:+.2f} with its own partner, {other:+.2f} with the other",
    )
    return el("div", drawn, figures)
