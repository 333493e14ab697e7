"""Linked features: a gene on the map of its cells beside its protein on that of the others, and both in each type."""

from __future__ import annotations

import base64

from crosstie.report.html import Child, Html, el, none, section
from crosstie.runs.pictures import linked_as_png
from crosstie.runs.run import Run


def linked_features(run: Run) -> Html:
    """Return a picture for every two views with linked features: the links whose sides agree best."""
    title = "Linked features side by side"
    found = linked_as_png(run)
    if not found:
        return section(
            "linked-features", title, none("No pictures: the run has no map, no links or no data in memory.")
        )
    figures: list[Child] = []
    for (source, target), (png, names) in found.items():
        code = base64.b64encode(png).decode("ascii")
        said = f"Linked features of {source} and {target}: {'; '.join(names)}"
        figures.append(
            el(
                "figure",
                el("img", src=f"data:image/png;base64,{code}", alt=said, class_="picture"),
                el("figcaption", f"{source} – {target}"),
            )
        )
    how = (
        "The links whose sides agree best over the anchors: each feature on the map of its own cells and, where there "
        "are labels, in each type. Where the views are integrated well, both are high in the same place. "
        "crosstie figures draws them at the size of print."
    )
    return section("linked-features", title, el("p", how), figures)
