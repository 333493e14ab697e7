"""Can you trust a run? Answers without labels and without known pairs of cells."""

from crosstie.trust.diagnose import diagnose
from crosstie.trust.diagnosis import Diagnosis
from crosstie.trust.exchanged_links import without_suspicious

__all__ = ["Diagnosis", "diagnose", "without_suspicious"]
