"""Labels of a view's cells as codes: one level, or several nested levels from coarse to fine.

It reads the user's columns, series and mappings for `transfer_labels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie._labels import quoted, without_words
from crosstie._log import log
from crosstie._typing import Floats, Index

if TYPE_CHECKING:
    from crosstie.model.model import Model


@dataclass(frozen=True)
class Level:
    """One level of labels.

    Parameters
    ----------
    name
        Name of the level; empty for the finest.
    labels
        All labels of the level, sorted, in the type that the user gave (an index, or categories).
    of_fine
        Code of the label on this level for every label of the finest, shape `(n_fine,)`.
    """

    name: str
    labels: Any
    of_fine: Index

    def summed(self, probability: Floats) -> Floats:
        """Sum the probabilities of the finest labels to those of this level, shape `(n_cells, n_labels)`."""
        out = np.zeros((len(probability), len(self.labels)))
        for fine, label in enumerate(self.of_fine):
            out[:, label] += probability[:, fine]
        return out


@dataclass(frozen=True)
class Labels:
    """Labels of all cells of a view.

    Parameters
    ----------
    code
        Code of each cell's label on the finest level, -1 for cells without a label, shape `(n_cells,)`.
    levels
        The levels, from coarse to fine.
    """

    code: Index
    levels: tuple[Level, ...]


def read_labels(
    model: Model,
    source: str,
    key: str | Sequence[str] | None,
    labels: Any,
    parents: Mapping[Any, Any] | None,
    *,
    keep_words: bool = False,
) -> Labels:
    """Read labels and check them.

    Parameters
    ----------
    model
        A fitted model.
    source
        Name of the view whose cells have the labels.
    key
        Column of `model.obs[source]`, or several columns from coarse to fine.
    labels
        The labels themselves, instead of `key`.
    parents
        Coarser label of each label: adds a level above.
    keep_words
        Whether words such as `Unknown` or `NA` are labels like any other, not missing ones.

    Raises
    ------
    KeyError
        If a column does not exist, or a label has no parent.
    ValueError
        If neither or both of `key` and `labels` are given, the labels do not match the cells or are all missing, or a
        label belongs to two coarser ones.
    """
    if (key is None) == (labels is None):
        raise value_error(
            "transfer_labels: give either `key` or `labels`.",
            found="both key and labels" if key is not None else "neither key nor labels",
            do=f"Give key=, a column of model.obs[{source!r}], or labels=, one per cell.",
        )
    keys = [] if key is None else [key] if isinstance(key, str) else list(key)
    if key is not None and not keys:
        raise value_error("transfer_labels: key is an empty list.", expected="a column, or several, coarse to fine")
    columns = [_column(model, source, name) for name in keys] if keys else [_given(model, source, labels)]
    if not keep_words:
        columns = [_without_words(column, source) for column in columns]
    try:
        factors = [pd.factorize(column, sort=True) for column in columns]
    except TypeError as error:  # values that cannot be hashed or sorted
        kinds = sorted({type(label).__name__ for column in columns for label in column.dropna()})
        raise type_error(
            "transfer_labels: labels of this type cannot be counted.",
            found=", ".join(kinds),
            expected="text or numbers",
            do='Convert them to text: model.obs["rna"][key].astype(str).',
            cli={"do": "Write text or numbers into this column of the file, and integrate again."},
        ) from error
    known = np.all([code >= 0 for code, _ in factors], axis=0)
    if not known.any():
        raise value_error(
            f"transfer_labels: no cell of {source!r} has a label.",
            found=f"{len(known):,} missing",
            do="Give another key, or labels=.",
            cli={"do": "Give another column with --label-key."},
        )
    if not known.all():
        log.info(
            "transfer_labels: %d of %d cells of %s have no label and are ignored.", (~known).sum(), len(known), source
        )
    code, names = factors[-1]
    # Labels of cells without a label on another level are ignored.
    used = np.unique(code[known])
    code, names = np.where(known, np.searchsorted(used, code), -1).astype(np.int64), names.take(used)
    levels = [Level("", names, np.arange(len(names)))]
    for name, (coarse, coarse_names) in reversed(list(zip(keys[:-1], factors[:-1], strict=True))):
        levels.insert(0, _above(name, coarse[known], coarse_names, code[known], names))
    if parents is not None:
        levels.insert(0, _parents(levels[0], parents))
    return Labels(code, tuple(levels))


def _without_words(column: pd.Series, source: str) -> pd.Series:
    """Return a column without words for missing labels, and say which these were."""
    column, words = without_words(column)
    if words:
        text = "transfer_labels: labels of %s that mean a missing label, and are taken as one: %s; "
        how = "%s takes them as labels."
        log.warning(text + how % "keep_words=True", source, quoted(words), extra={"cli": text + how % "--keep-words"})
    return column


def _above(name: str, coarse: Index, coarse_names: Any, fine: Index, names: Any) -> Level:
    """Return a coarser level from the labels of the same cells."""
    pairs = np.unique(np.column_stack([fine, coarse]), axis=0)
    twice = np.flatnonzero(np.bincount(pairs[:, 0]) > 1)
    if len(twice):
        both = coarse_names.take(pairs[pairs[:, 0] == twice[0], 1])
        raise value_error(
            f"transfer_labels: levels do not nest: {names[twice[0]]!r} belongs to several labels of {name!r}.",
            found=sample(both),
            expected="one coarser label for every label; keys go from coarse to fine",
        )
    used, of_fine = np.unique(pairs[:, 1], return_inverse=True)
    return Level(name, coarse_names.take(used), of_fine)


def _parents(level: Level, parents: Mapping[Any, Any]) -> Level:
    """Return the level above by a mapping."""
    if not isinstance(parents, Mapping):
        do = 'Write parents={"CD4 T": "T", "CD8 T": "T"}.'
        raise type_error("transfer_labels: parents.", found=type(parents).__name__, expected="a mapping", do=do)
    for label in level.labels:
        if label not in parents:
            raise unknown_name("transfer_labels: parents lack a label", label, parents)
    code, names = pd.factorize(pd.Series([parents[label] for label in level.labels]), sort=True)
    if (code < 0).any():
        raise value_error("transfer_labels: a parent is missing.", found=repr(level.labels[int(code.argmin())]))
    return Level("parent", names, code.astype(np.int64)[level.of_fine])


def _column(model: Model, source: str, key: str) -> pd.Series:
    if key not in model.obs[source]:
        what = f"transfer_labels: key, a column of model.obs[{source!r}]"
        raise unknown_name(what, key, model.obs[source].columns, do="Or give labels=.")
    return model.obs[source][key]


def _given(model: Model, source: str, labels: Any) -> pd.Series:
    """Return labels that were given directly, one per source cell in order."""
    obs = model.obs[source]
    given = labels if isinstance(labels, pd.Series) else pd.Series(labels)
    if not isinstance(given.index, pd.RangeIndex) and not given.index.equals(obs.index):
        missing = obs.index.difference(given.index)
        if len(missing) or not given.index.is_unique:
            raise value_error(
                f"transfer_labels: the index of the labels must name every cell of {source!r} once.",
                found=f"{sample(given.index, 3)}; {len(missing):,} cells without an entry",
                expected=sample(obs.index, 3),
                do="Use NaN for cells of unknown label, or give an array in the order of the cells.",
            )
        given = given.reindex(obs.index)
    if len(given) != len(obs):
        raise value_error(
            "transfer_labels: there must be one label per cell.",
            found=f"{len(given):,} labels",
            expected=f"{len(obs):,}, the cells of {source!r}",
        )
    return given
