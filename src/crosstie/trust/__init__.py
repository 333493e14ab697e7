"""Can you trust a run? Answers without labels and without known pairs of cells."""

from crosstie.trust.check import Checked, Finding, check
from crosstie.trust.diagnose import diagnose
from crosstie.trust.diagnosis import Diagnosis

__all__ = ["Checked", "Diagnosis", "Finding", "check", "diagnose"]
