"""Tells names of cells that were counted off, such as row numbers, from names that say which cell it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)")


def are_row_numbers(names: Sequence[str]) -> bool:
    """Return whether names of cells were counted off: the same ones in two files are not a sign of the same cells.

    Such are numbers alone (`0`, `17`, `4`), and one word with the numbers of the rows (`cell_0`, `cell_1`, `cell_2`).

    Parameters
    ----------
    names
        Names of all cells of a data set, in its order.
    """
    names = [str(name) for name in names]
    if all(name.isdecimal() for name in names):
        return bool(names)
    found = [_NUMBER.fullmatch(name) for name in names]
    if not all(found) or len({match["prefix"] for match in found if match}) != 1:
        return False
    numbers = [int(match["number"]) for match in found if match]
    return numbers in (list(range(len(names))), list(range(1, len(names) + 1)))
