"""Exchanged names: both are named, and nothing else is."""

import numpy as np
import pytest

import crosstie as xt
from crosstie.trust.exchanged_links import exchanged_links
from crosstie.trust.left_out_links import LeftOutLinks


def swapped(adata, one, two):
    names = {name: name for name in adata.var_names} | {one: two, two: one}
    out = adata.copy()
    out.var_names = [names[name] for name in adata.var_names]
    return out


@pytest.mark.parametrize("pair", [(2, 11)])
def test_two_exchanged_names_are_named(pair, data):
    link = xt.links.by_table(data, "adt", "rna")
    strong = data["adt"][:, link.pairs["source"].unique()].to_df().var().sort_values().index[::-1]
    one, two = strong[pair[0]], strong[pair[1]]
    views = data | {"adt": swapped(data["adt"], one, two)}
    found = xt.trust.diagnose(xt.integrate(views, xt.links.by_table(views, "adt", "rna")))
    assert set(found.suspicious["source"]) == {one, two}, str(found)
    assert found.level != "ok"
    assert any(one in reason and two in reason for reason in found.reasons)
    assert (found.suspicious["other"] > found.suspicious["own"]).all()
    assert (found.suspicious["contrast"] < 0).all()


def test_a_clean_panel_has_none(good):
    assert not len(good.suspicious)


def test_no_link_is_named_twice():
    c = np.full((3, 3), 0.5)
    np.fill_diagonal(c, 0)
    found = exchanged_links(LeftOutLinks(np.array([4, 5, 9]), c, (np.eye(3), np.eye(3))))
    assert len(found) == 1
    assert {found[0].first, found[0].second} <= {4, 5, 9}
    assert not exchanged_links(LeftOutLinks(np.arange(3), np.eye(3), (np.eye(3), np.eye(3))))
