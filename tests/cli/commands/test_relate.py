"""`crosstie relate`: files that hold what Python gives, and one message where the words are wrong."""

import pandas as pd
import pytest

import crosstie as xt
from cli.conftest import assert_refused, names
from crosstie.cli.commands.relate import _pictures


@pytest.mark.parametrize("by", [None, "cell_type"])
def test_relate(use, model, tmp_path, by):
    words = [] if by is None else ["--by", by]
    result = use("relate", "rna", "adt", *words, "--n-top", 5, "--seed", 3, "--out", "relations.csv")
    assert result.exit_code == 0, result.output
    expected = xt.tl.relate(model, "rna", "adt", by=by, n_top=5, seed=3)
    written = pd.read_csv("relations.csv")
    pd.testing.assert_frame_equal(written, expected, rtol=1e-3, atol=1e-6, check_dtype=False)
    groups = [] if by is None else expected["group"].unique()
    pictures = {f"relations_{g.replace(' ', '_')}.png" for g in groups} or {"relations.png"}
    assert names(tmp_path) == {"relations.csv"} | pictures
    assert all((tmp_path / p).stat().st_size > 5000 for p in pictures)
    best = expected.sort_values("score", ascending=False).iloc[0]
    line = next(line for line in result.stdout.splitlines() if best["source"] in line)
    assert best["target"] in line


def test_relate_without_pictures(use, model, tmp_path):
    assert use("relate", "rna", "adt", "--n-top", 5, "--no-plots", "--out", "relations.csv").exit_code == 0
    assert names(tmp_path) == {"relations.csv"}
    expected = xt.tl.relate(model, "rna", "adt", n_top=5)
    assert list(pd.read_csv("relations.csv")["source"]) == list(expected["source"])


def test_pictures_of_groups_have_names_of_their_own(tmp_path):
    groups = pd.DataFrame({"group": ["CD4/T", "CD4/T", "CD4 T", "CD4+T"]})
    found = _pictures(groups, tmp_path / "r.csv")
    assert [p.name for p in found.values()] == ["r_CD4_T.png", "r_CD4_T_1.png", "r_CD4+T.png"]
    assert {p.parent for p in found.values()} == {tmp_path}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rna adt --by kind --out x.csv", "--by, a column of obs of 'rna'"),
        ("rna adt --by true_cell --out x.csv", "no group of 'true_cell' has enough cells"),
        ("rna adt --n-top 0 --out x.csv", "--n-top"),
    ],
)
def test_bad_words(use, tmp_path, words, said):
    assert_refused(use("relate", *words.split(), "-q"), tmp_path, said)


def test_no_table_without_its_picture(use, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    assert_refused(use("relate", "rna", "adt", "--out", "x.csv"), tmp_path, "No space left on device")
