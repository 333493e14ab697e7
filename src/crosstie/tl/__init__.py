"""Tools on a fitted model: transfer labels, match cells, impute features and relate them."""

from crosstie.tl.impute import impute
from crosstie.tl.label_from_reference import label_from_reference
from crosstie.tl.match_cells import match_cells
from crosstie.tl.relate import relate
from crosstie.tl.transfer_labels import label_probabilities, transfer_labels

__all__ = ["impute", "label_from_reference", "label_probabilities", "match_cells", "relate", "transfer_labels"]
