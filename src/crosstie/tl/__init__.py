"""What the map is for: labels carried over, cells matched, features imputed."""

from crosstie.tl.impute import impute
from crosstie.tl.match import match_cells
from crosstie.tl.transfer import transfer_labels

__all__ = ["impute", "match_cells", "transfer_labels"]
