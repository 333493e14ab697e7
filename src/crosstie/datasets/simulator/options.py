"""Checks the options of the simulator: numbers in range, names of existing views."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie.datasets.simulator.profile import Assay


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise unless `value` is a number from `low` to `high`."""
    if not isinstance(value, int | float | np.integer | np.floating):
        raise type_error(f"{name} must be a number.", found=repr(value))
    if not low <= value <= high:
        raise value_error(f"{name} is out of range.", found=repr(value), expected=f"{low:,} to {high:,}")


def check_integer_range(name: str, value: int, low: int, high: int, *, do: str = "") -> None:
    """Raise unless `value` is a whole number from `low` to `high`."""
    if not isinstance(value, int | np.integer):
        raise type_error(f"{name} must be a whole number.", found=repr(value))
    if not low <= value <= high:
        raise value_error(f"{name} is out of range.", found=repr(value), expected=f"{low:,} to {high:,}", do=do)


def check_views(option: str, given: Mapping[str, object], views: Mapping[str, Assay]) -> None:
    """Raise if an option names a view that is not simulated."""
    for view in given:
        if view not in views:
            raise unknown_name(option, view, views, do=f"The simulated views are {sample(views)}.")
