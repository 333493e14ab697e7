"""Can you trust a run? Answers without labels and without known pairs of cells."""

from crosstie.trust.check import check
from crosstie.trust.diagnose import diagnose
from crosstie.trust.diagnosis import Diagnosis
from crosstie.trust.exchanged_links import without_suspicious
from crosstie.trust.findings import Checked, Finding
from crosstie.trust.power import power

__all__ = ["Checked", "Diagnosis", "Finding", "check", "diagnose", "power", "without_suspicious"]
