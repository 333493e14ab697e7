"""From AnnData to arrays: views of the data, and the fitted recipes that preprocess them."""

from crosstie.data.count_fragments import count_fragments
from crosstie.data.gene_activity import gene_activity
from crosstie.data.join_peaks import join_peaks
from crosstie.data.panels import split_by_panel
from crosstie.data.readers.feature_types import split_by_type
from crosstie.data.recipe import Recipe
from crosstie.data.steps import STEPS, Steps
from crosstie.data.view import View

__all__ = [
    "STEPS",
    "Recipe",
    "Steps",
    "View",
    "count_fragments",
    "gene_activity",
    "join_peaks",
    "split_by_panel",
    "split_by_type",
]
