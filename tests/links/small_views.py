"""Views of a few features or cells, and what links say of them as lists that a test can compare."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

COLUMNS = ["feature", "status", "entry", "targets", "reason"]


def view(names, **var) -> ad.AnnData:
    """Return a view of two cells with these features."""
    return ad.AnnData(np.zeros((2, len(names)), np.float32), var=pd.DataFrame(var, index=pd.Index(names, dtype=object)))


def with_cells(source, target, **more):
    """Return two views of one feature with these cells."""
    return {
        name: ad.AnnData(np.zeros((len(cells), 1), np.float32), obs=pd.DataFrame(index=list(cells)))
        for name, cells in (("rna", source), ("adt", target))
    } | more


def rows(table):
    """Return the rows of a report, after a look at its columns."""
    assert list(table.columns) == COLUMNS
    return [tuple(row) for row in table.itertuples(index=False)]


def lines_of_error(call):
    """Return the lines of the error that a call raises."""
    with pytest.raises((ValueError, KeyError)) as error:
        call()
    return str(error.value).split("\n  ")


def logged(caplog, call):
    """Return the lines that a call logs."""
    with caplog.at_level("INFO", "crosstie"):
        call()
    return caplog.messages
