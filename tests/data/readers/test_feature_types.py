"""Several types of features in one matrix."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie.data.readers.feature_types import split_by_type, takes_part

TYPES = ["Gene Expression", "Antibody Capture", "Gene Expression", "Peaks", "CRISPR Guide Capture"]


def mixed(types):
    var = pd.DataFrame({"feature_types": types}, index=[f"f{i}" for i in range(5)])
    return AnnData(np.arange(15, dtype=np.float32).reshape(3, 5), var=var)


def test_views_by_type():
    found = split_by_type(mixed(TYPES))
    assert {name: list(view.var_names) for name, view in found.items()} == {
        "rna": ["f0", "f2"],
        "adt": ["f1"],
        "atac": ["f3"],
        "crispr": ["f4"],
    }
    np.testing.assert_array_equal(found["rna"].X, [[0, 2], [5, 7], [10, 12]])
    assert [takes_part(name) for name in found] == [True, True, True, False]
    assert list(split_by_type(mixed(["GEX"] * 4 + ["ADT"]))) == ["rna", "adt"]


@pytest.mark.parametrize("types", [["mine"] * 5, ["Gene Expression"] * 4 + ["mine"]])
def test_unknown_types_do_not_split(types):
    adata = mixed(types)
    assert split_by_type(adata)[""] is adata
    assert split_by_type(AnnData(np.ones((2, 2))))[""].shape == (2, 2)
    assert list(split_by_type(mixed(["Peaks"] * 5))) == ["atac"]
