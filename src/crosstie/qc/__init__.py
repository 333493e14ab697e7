"""What data hold before any fit: doublets, controls, kinds of numbers, and what to do about them."""

from crosstie.qc.background import with_background
from crosstie.qc.doublets import Doublets, find_doublets

__all__ = ["Doublets", "find_doublets", "with_background"]
