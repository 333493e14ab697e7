"""What is asked of a reader besides the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a reader.

    Parameters
    ----------
    cells
        Whether the cells of a table of text are its rows or its columns; `None` finds it out.
    most
        Matrices of more cells stay on disk, where the reader can do that; `None` reads all into memory.
    only_features
        Whether features are enough: a reader to which that is cheap returns AnnData without cells.
    """

    cells: Literal["rows", "columns"] | None = None
    most: int | None = None
    only_features: bool = False
