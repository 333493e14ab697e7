"""Pure functions on arrays that judge any method: pairing, labels, mixing, and all of them in one table."""

from crosstie.metrics.evaluate import evaluate
from crosstie.metrics.labels import (
    ari,
    balanced_accuracy,
    macro_f1,
    nearest_labels,
    silhouette,
    transfer_accuracy,
)
from crosstie.metrics.lisi import ilisi
from crosstie.metrics.mixing import alignment, mixing
from crosstie.metrics.neighbours import Neighbours, neighbours
from crosstie.metrics.pairs import foscttm, foscttm_one_sided, matching_accuracy

__all__ = [
    "Neighbours",
    "alignment",
    "ari",
    "balanced_accuracy",
    "evaluate",
    "foscttm",
    "foscttm_one_sided",
    "ilisi",
    "macro_f1",
    "matching_accuracy",
    "mixing",
    "nearest_labels",
    "neighbours",
    "silhouette",
    "transfer_accuracy",
]
