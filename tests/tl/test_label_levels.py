import numpy as np
import pandas as pd
import pytest

from changed_models import changed
from crosstie._errors import InputValueError
from crosstie.tl.label_levels import Level, read_labels


@pytest.fixture
def labelled(bare):
    fine = np.resize(["a1", "a2", "b1", None], 300)
    coarse = np.resize(["a", "a", "b", "c"], 300)
    return changed(bare, obs={**bare.obs, "rna": bare.obs["rna"].assign(fine=fine, coarse=coarse)})


def test_codes_point_at_labels(labelled):
    found = read_labels(labelled, "rna", "fine", None, None)
    assert [level.name for level in found.levels] == [""]
    names = np.array([*found.levels[0].labels, None], dtype=object)
    expected = labelled.obs["rna"]["fine"].astype(object)
    assert names[found.code].tolist() == expected.where(expected.notna(), None).tolist()


def test_levels_come_coarse_first_and_only_with_labels_that_are_used(labelled):
    found = read_labels(labelled, "rna", ["coarse", "fine"], None, {"a": "all", "b": "all"})
    assert [level.name for level in found.levels] == ["parent", "coarse", ""]
    parent, coarse, fine = found.levels
    assert list(fine.labels) == ["a1", "a2", "b1"]
    assert list(coarse.labels) == ["a", "b"]  # c has no cell with a fine label
    assert coarse.of_fine.tolist() == [0, 0, 1]
    assert list(parent.labels) == ["all"]
    assert parent.of_fine.tolist() == [0, 0, 0]


def test_missing_labels_of_either_level_leave_a_cell_out(labelled):
    coarse = labelled.obs["rna"]["coarse"].where(np.arange(300) > 5)
    labelled.obs["rna"] = labelled.obs["rna"].assign(coarse=coarse)
    code = read_labels(labelled, "rna", ["coarse", "fine"], None, None).code
    missing = labelled.obs["rna"][["coarse", "fine"]].isna().any(axis=1)
    assert (code < 0).tolist() == missing.tolist()


def test_sums_go_up_the_tree():
    level = Level("coarse", pd.Index(["a", "b"]), np.array([0, 1, 0]))
    np.testing.assert_allclose(level.summed(np.array([[0.2, 0.5, 0.3]])), [[0.5, 0.5]])


def test_order_of_cells_does_not_matter(labelled):
    order = np.random.default_rng(0).permutation(300)
    expected = read_labels(labelled, "rna", ["coarse", "fine"], None, None)
    labelled = changed(labelled, obs={**labelled.obs, "rna": labelled.obs["rna"].iloc[order]})
    found = read_labels(labelled, "rna", ["coarse", "fine"], None, None)
    assert found.code.tolist() == expected.code[order].tolist()
    assert found.levels[0].of_fine.tolist() == expected.levels[0].of_fine.tolist()


def test_a_parent_that_is_missing_is_named(labelled):
    with pytest.raises(InputValueError, match=r"a parent is missing(.|\n)*'b1'"):
        read_labels(labelled, "rna", "fine", None, {"a1": "a", "a2": "a", "b1": None})


def test_labels_that_do_not_nest_are_named(labelled):
    labelled.obs["rna"] = labelled.obs["rna"].assign(coarse=np.resize(["a", "b", "c"], 300))
    with pytest.raises(InputValueError, match=r"'a1' belongs to several labels of 'coarse'(.|\n)*'a', 'b', 'c'"):
        read_labels(labelled, "rna", ["coarse", "fine"], None, None)


@pytest.mark.parametrize("word", ["Unknown", "unassigned", "", "nan", "NA"])
def test_words_for_missing_labels_are_missing_and_said(labelled, word, caplog):
    fine = labelled.obs["rna"]["fine"].fillna(word)
    expected = read_labels(labelled, "rna", "fine", None, None)
    found = read_labels(labelled, "rna", None, fine, None)
    np.testing.assert_array_equal(found.code, expected.code)
    assert list(found.levels[0].labels) == ["a1", "a2", "b1"]
    assert f"labels of rna that mean a missing label, and are taken as one: {word!r} (75 cells)" in caplog.text
    assert "--keep-words" in caplog.records[-1].cli
    kept = read_labels(labelled, "rna", None, fine, None, keep_words=True)
    assert word in set(kept.levels[0].labels)
    with pytest.raises(ValueError, match="no cell of 'rna' has a label"):
        read_labels(labelled, "rna", None, np.full(300, word), None)
