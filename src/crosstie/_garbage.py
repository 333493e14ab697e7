"""How often Python looks for garbage in a process of our own."""

from __future__ import annotations

import gc

N_NEW = 100_000  # objects; by default about a thousand


def rarely_collect_garbage() -> None:
    """Look for garbage less often: most of a million objects come from imports, and stay.

    For our own processes only, never on import: elsewhere that is for the program to decide.
    """
    gc.set_threshold(N_NEW, 10, 10)
