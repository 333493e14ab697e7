"""What the map is for: labels carried over, cells matched, features imputed and related."""

from crosstie.tl.impute import impute
from crosstie.tl.match_cells import match_cells
from crosstie.tl.relate import relate
from crosstie.tl.transfer_labels import label_probabilities, transfer_labels

__all__ = ["impute", "label_probabilities", "match_cells", "relate", "transfer_labels"]
