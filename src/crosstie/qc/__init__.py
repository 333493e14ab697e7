"""What data hold before any fit: doublets, debris, controls, kinds of numbers, and what to do about them."""

from crosstie.qc.background import with_background
from crosstie.qc.debris import Debris, find_debris
from crosstie.qc.doublets import Doublets, find_doublets

__all__ = ["Debris", "Doublets", "find_debris", "find_doublets", "with_background"]
