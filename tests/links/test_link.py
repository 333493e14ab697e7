import numpy as np
import pandas as pd
import pytest

from crosstie.links import Link

NO_REPORT = pd.DataFrame()


def link(
    source: str = "adt",
    target: str = "rna",
    rows=(("CD3", "CD3D", 0, 0.5), ("CD3", "CD3E", 0, 0.5), ("CD4", "CD4", 1, 1.0)),
):
    return Link(source, target, pd.DataFrame(list(rows), columns=["source", "target", "column", "weight"]), NO_REPORT)


def test_projections_average_the_features_of_a_column():
    genes = ["CD4", "X", "CD3E", "CD3D"]
    left, right = link().projections(["CD4", "CD3"], genes)
    x = np.arange(8.0).reshape(2, 4)
    assert np.allclose(x @ right.toarray(), np.column_stack([(x[:, 3] + x[:, 2]) / 2, x[:, 0]]))
    assert np.allclose(left.toarray(), [[0, 1], [1, 0]])
    assert np.allclose(right.sum(0), 1)


def test_reversed_swaps_the_sides():
    back = link().reversed()
    assert back.edge == ("rna", "adt")
    a, b = link().projections(["CD4", "CD3"], ["CD3D", "CD3E", "CD4"])
    c, d = back.projections(["CD3D", "CD3E", "CD4"], ["CD4", "CD3"])
    assert (a != d).nnz == 0
    assert (b != c).nnz == 0
    assert back.n_columns == link().n_columns == 2


def test_renamed_changes_one_view():
    for made, edge in ((link().renamed("adt", "new"), ("new", "rna")), (link().renamed("rna", "new"), ("adt", "new"))):
        assert made.edge == edge
        pd.testing.assert_frame_equal(made.pairs, link().pairs)
        assert made.report is NO_REPORT
    assert link().renamed("other", "new").edge == ("adt", "rna")


def test_a_feature_that_the_view_lacks_is_named():
    with pytest.raises(KeyError, match="CD3E"):
        link().projections(["CD3", "CD4"], ["CD3D", "CD4"])


def test_features_that_a_view_lacks_are_counted_and_the_nearest_is_named():
    features = {"adt": ["CD3", "CD4"], "rna": pd.Index(["CD3D", "CD3E", "CD4"])}
    link().check_features(features)
    link().reversed().check_features(features)
    words = r"link adt -> rna: view 'rna' lacks 2 of its 3 features, the first: unknown name 'CD3D'(.|\n)*mean 'CD3d'\?"
    with pytest.raises(KeyError, match=words):
        link().check_features(features | {"rna": ["CD3d", "CD4"]})
    with pytest.raises(KeyError, match="view 'adt' lacks 1 of its 2"):
        link().check_features(features | {"adt": ["CD3"]})


def test_restricted_leaves_pairs_out_and_says_so(caplog):
    with caplog.at_level("INFO", "crosstie"):
        rest = link().restricted(["CD3", "CD4"], ["CD3D", "CD4"])
    assert rest.pairs["target"].tolist() == ["CD3D", "CD4"]
    assert rest.report is NO_REPORT
    assert "link adt -> rna: 1 pairs are ignored" in caplog.text


def test_bad_links_are_refused():
    with pytest.raises(ValueError, match="linked to itself"):
        link("rna", "rna")
    with pytest.raises(ValueError, match="not 0"):
        link(rows=[("a", "b", 0, 0.0)])
    with pytest.raises(ValueError, match=r"missing .*weight"):
        Link("a", "b", pd.DataFrame(columns=["source", "target", "column"]), NO_REPORT)


@pytest.mark.parametrize("turned", [False, True])
def test_a_negative_weight_turns_one_side(turned):
    rows = [("m1", "g1", 0, -1.0), ("m2", "g2", 1, 1.0), ("m3", "g2", 1, -3.0), ("m4", "g3", 2, 2.0)]
    given = link("cpg", "rna", rows=rows)
    given = given.reversed() if turned else given
    sides = given.projections(*[["m1", "m2", "m3", "m4"], ["g1", "g2", "g3"]][:: -1 if turned else 1])
    cpg, rna = (side.toarray() for side in sides[:: -1 if turned else 1])
    assert cpg[0, 0] * rna[0, 0] == -1
    assert np.allclose(cpg[1:3, 1] * np.sign(rna[1, 1]), [0.25, -0.75])
    assert abs(rna[1, 1]) == 1
    assert cpg[3, 2] == rna[2, 2] == 1
