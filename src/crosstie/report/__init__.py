"""The report of a run: one HTML file that opens offline."""

from crosstie.report.page import write

__all__ = ["write"]
