"""Labels of cells: the words that mean "no label", and the order in which people expect labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# What annotation tools and `astype(str)` make of a cell without a label, compared without case and punctuation.
MISSING = frozenset(
    {
        *("", "nan", "na", "n/a", "<na>", "none", "null", "missing", "not available", "nat", "?"),
        *("unknown", "unassigned", "not assigned", "unlabeled", "unlabelled", "no label", "unannotated", "undefined"),
        *("undetermined", "unidentified", "unclassified"),
    }
)
_JOINTS, _DIGITS = re.compile(r"[\s_\-–—]+"), re.compile(r"([0-9]+)")


def means_missing(label: object) -> bool:
    """Return whether a label is a missing value, or a word for one, such as `Unknown`, `unassigned`, `""` or `NA`."""
    if not isinstance(label, str):
        import pandas as pd  # not before: the command line starts fast

        return label is None or label is pd.NA or label is pd.NaT or label != label
    return _is_word_for_missing(label)


@lru_cache(maxsize=4096)  # asked for every cell, of a few different labels
def _is_word_for_missing(label: str) -> bool:
    return _JOINTS.sub(" ", label).strip().casefold() in MISSING


def without_words(column: pd.Series) -> tuple[pd.Series, dict[str, int]]:
    """Return labels with words for missing ones replaced by missing values, and how many cells had each word."""
    counts = column.value_counts()
    words = {word: int(n) for word, n in counts.items() if n and isinstance(word, str) and means_missing(word)}
    return (column.where(~column.isin(list(words))), words) if words else (column, {})


def quoted(words: dict[str, int]) -> str:
    """Return words and numbers of cells as part of a sentence: `'Unknown' (412 cells), '' (3 cells)`."""
    return ", ".join(f"{word!r} ({n:,} cell{'s' * (n != 1)})" for word, n in words.items())


def in_natural_order(labels: Iterable[object]) -> list[str]:
    """Return the different labels as text, `T2` before `T10`, and words for missing ones last."""
    return sorted({str(label) for label in labels}, key=lambda label: (means_missing(label), _natural(label)))


def _natural(label: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that compares numbers as numbers; case counts only between otherwise equal labels."""
    parts = _DIGITS.split(label.casefold())
    numbers = (part.lstrip("0") for part in parts[1::2])
    key = [(0, part) for part in parts]
    key[1::2] = [(len(number), number) for number in numbers]
    return key, label
