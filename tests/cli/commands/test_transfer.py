"""`crosstie transfer`: a file that holds what Python gives, and one message where the words are wrong."""

import pandas as pd
import pytest

import crosstie as xt
from cli.conftest import assert_refused, names

LEVELS = ["cell_type", "state"]
KEYS = ("--label-key", "cell_type", "--label-key", "state")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (KEYS[:2], {"key": "cell_type"}),
        ((*KEYS, "--abstain-at", 0.9, "--k", 20), {"key": LEVELS, "abstain_at": 0.9, "k": 20}),
    ],
)
def test_transfer(use, model, tmp_path, words, options):
    result = use("transfer", "rna", "adt", *words, "--out", "labels.csv")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"labels.csv"}
    expected = xt.tl.transfer_labels(model, "rna", "adt", **options)
    written = pd.read_csv(tmp_path / "labels.csv", index_col="cell")
    pd.testing.assert_frame_equal(written, expected.astype({c: object for c in expected if "label" in c}), rtol=1e-3,
                                  check_names=False, check_dtype=False)  # fmt: skip
    assert ("(no label)" in result.stdout) == bool(expected["label"].isna().sum()) == ("abstain_at" in options)
    assert "adt: cell_type, from rna" in result.stdout
    assert result.stdout.endswith("labels.csv: 240 cells of adt\n")


def test_transfer_is_what_integrate_wrote(use, folder, tmp_path):
    assert use("transfer", "adt", "rna", *KEYS[:2], "--out", "labels.csv").exit_code == 0
    assert (tmp_path / "labels.csv").read_text() == (folder / "run" / "labels_adt_to_rna.csv").read_text()


def test_transfer_from_a_reference(use, model, folder, tmp_path):
    """The run's own cells as a reference of others: every view is labelled, in one table."""
    path = folder / "run" / "integrated.h5mu"
    result = use("transfer", "--reference", path, *KEYS[:2], "--out", "labels.csv")
    assert result.exit_code == 0, result.output
    written = pd.read_csv(tmp_path / "labels.csv", index_col="cell")
    assert dict(written["view"].value_counts()) == {name: len(z) for name, z in model.latents.items()}
    expected = xt.tl.label_from_reference(model, xt.read(path), key="cell_type")
    assert list(written["label"]) == [label for x in expected.values() for label in x["label"].astype(str)]
    assert f"adt: cell_type, from {path}, adt" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--label-key cell_type --out x.csv", "transfer: from where to where?"),
        ("rna --label-key cell_type --out x.csv", "SOURCE rna, TARGET not given"),
        ("rna adt --reference r.h5mu --label-key cell_type --out x.csv", "--reference takes the place of SOURCE"),
        ("rna adt --out x.csv", "Missing option '--label-key'"),
        ("rna adt --label-key cell_type", "Missing option '--out'"),
        ("rna adt --label-key celltype --out x.csv", "Did you mean 'cell_type'"),
        ("rna adt --label-key state --label-key cell_type --out x.csv", "from coarse to fine"),
        ("rna adt --label-key cell_type --abstain-at 2 --out x.csv", "--abstain-at"),
        ("rna adt --label-key cell_type --k 0 --out x.csv", "--k"),
        ("rna atd --label-key cell_type --out x.csv", "Did you mean 'adt'"),
    ],
)
def test_bad_words(use, tmp_path, words, said):
    assert_refused(use("transfer", *words.split(), "-q"), tmp_path, said)
