"""Can a run be believed? What can be said of it without labels and without knowing which cells are the same."""

from crosstie.trust.diagnose import diagnose
from crosstie.trust.diagnosis import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
