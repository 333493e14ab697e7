"""What is asked of a reader besides the file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a reader.

    Parameters
    ----------
    most
        Matrices of more cells stay on disk, where the reader can do that; `None` reads all into memory.
    only_features
        Whether features are enough: a reader to which that is cheap returns AnnData without cells.
    """

    most: int | None = None
    only_features: bool = False
