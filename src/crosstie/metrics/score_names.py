"""The names of scores, short for plots and long for tables. An arrow tells which direction is better.

Mixing has no arrow: views should mix as far as their compositions agree, and no further.
"""

from __future__ import annotations

ARROWS = "↑ higher is better, ↓ lower is better. Labels go from the cells left of the arrow to those right of it."

SHORT = {
    "mixing": "mixing",
    "alignment": "alignment",
    "accuracy": "accuracy ↑",
    "balanced_accuracy": "balanced accuracy ↑",
    "macro_f1": "macro F1 ↑",
    "ari": "ARI ↑",
    "knn_accuracy": "kNN accuracy ↑",
    "silhouette": "silhouette ↑",
    "foscttm": "FOSCTTM ↓",
    "matching_accuracy": "matching accuracy ↑",
}
LONG = {
    "mixing": "mixing",
    "alignment": "mixing, relative to perfect",
    "accuracy": "label accuracy, nearest cell ↑",
    "balanced_accuracy": "label accuracy, balanced ↑",
    "macro_f1": "label macro F1 ↑",
    "ari": "label ARI ↑",
    "knn_accuracy": "label accuracy, 15 nearest cells ↑",
    "silhouette": "label silhouette ↑",
    "foscttm": "FOSCTTM ↓",
    "matching_accuracy": "nearest cell is the same cell ↑",
}
EXPLAINED = {  # what a reader needs to know to read the number
    "mixing": "share of the other view among a cell's nearest",
    "alignment": "1 is best",
    "foscttm": "0 is best, 0.5 is chance",
}


def short_name(metric: str) -> str:
    """Return the name of a score for a plot; a score of another origin counts as better when higher."""
    return SHORT.get(metric, f"{metric.replace('_', ' ')} ↑")


def long_name(metric: str) -> str:
    """Return the name of a score for a table; an unknown score keeps its own name."""
    return LONG.get(metric, metric)


def explained_name(metric: str) -> str:
    """Return the long name as the beginning of a line, with a short explanation if the score needs one."""
    name = long_name(metric)
    remark = f" ({EXPLAINED[metric]})" if metric in EXPLAINED else ""
    return f"{name[:1].upper()}{name[1:]}{remark}"
