"""What links can tell apart before any fit: more with more links, and which types merge."""

import numpy as np
import pytest

import crosstie as xt


def some(link, n):
    keep = link.pairs["column"].isin(link.pairs["column"].unique()[:n])
    return xt.links.Link("adt", "rna", link.pairs[keep], link.report)


def test_more_links_tell_more_apart(data, link):
    every, three = xt.trust.power(data, link), xt.trust.power(data, some(link, 3))
    assert list(every["view"]) == ["adt", "rna"]
    assert (every["n_columns"] == link.n_columns).all()
    assert (every["resolution"] < 0.1).all()
    assert (three["resolution"] > every["resolution"] + 0.05).all()
    assert (every["possible"] > 10).all()
    assert not (three["possible"] >= 3).any()


def test_labels_that_merge_are_named(data, link):
    types = data["adt"].obs["cell_type"].astype(str)
    found = xt.trust.power(data, link, labels={"adt": types}).dropna(subset="label").set_index("label")
    assert set(found.index) == set(types)
    assert found.loc["B cells", "kept"] > 0.9
    few = xt.trust.power(data, some(link, 2), labels={"adt": types}).dropna(subset="label").set_index("label")
    common = types.value_counts().index[:5]
    assert few.loc[common, "kept"].mean() < found.loc[common, "kept"].mean()
    assert (few["merges_with"].fillna("") != few.index).all()


def test_labels_must_be_one_per_cell(data, link):
    with pytest.raises(ValueError, match=r"labels of 'adt' are not one per cell[\s\S]*found: 10"):
        xt.trust.power(data, link, labels={"adt": np.zeros(10)})
