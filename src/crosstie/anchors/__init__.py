"""The closed form, which places all views in one space, and anchors, mutual nearest neighbours in that space."""

from crosstie.anchors.closed_form import ClosedForm
from crosstie.anchors.find import find
from crosstie.anchors.fit_closed_form import fit_closed_form
from crosstie.anchors.pairs import Anchors
from crosstie.anchors.refinement import Refinement

__all__ = ["Anchors", "ClosedForm", "Refinement", "find", "fit_closed_form"]
