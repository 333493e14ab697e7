"""The loader of the public TEA-seq files against small files of their layouts; there is no network here."""

from __future__ import annotations

import gzip
import logging
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputValueError
from crosstie.datasets import read_teaseq
from made_files.teaseq_files import ADT, GENES, PEAKS, START, barcodes, write_adt, write_h5


@pytest.fixture
def tea(tmp_path):
    """Return a folder with the two files of a sample, and what is in them; the ADT table has empty droplets too."""
    rng = np.random.default_rng(3)
    cells = barcodes(25)
    names, kinds = GENES + PEAKS, ["Gene Expression"] * len(GENES) + ["Peaks"] * len(PEAKS)
    counts = rng.poisson(0.8, (25, len(names)))
    prefix = f"GSM4949911_X061-AP0C1W1{START}fulldepth_"
    write_h5(tmp_path / f"{prefix}cellranger-arc_filtered_feature_bc_matrix.h5", names, counts, kinds, cells)
    droplets = [*barcodes(40, seed=9), *cells[::-1]]
    adt = rng.poisson(5, (len(droplets), len(ADT)))
    write_adt(tmp_path / f"{prefix}adt_counts.csv.gz", adt, droplets)
    for other in ("atac_filtered_metadata.csv.gz", "cellranger-arc_per_barcode_metrics.csv.gz", "rna_counts.h5"):
        (tmp_path / f"{prefix}{other}").write_bytes(b"")
    return tmp_path, cells, counts, adt[: len(droplets) - 26 : -1]


def file_of(folder, ending):
    return next(p for p in folder.iterdir() if p.name.endswith(ending))


def test_views_hold_what_the_files_hold(tea):
    folder, cells, counts, adt = tea
    mdata = read_teaseq(folder)
    assert list(mdata.mod) == ["rna", "adt", "atac"]
    n = len(GENES)
    np.testing.assert_array_equal(mdata["rna"].X.toarray(), counts[:, :n])
    np.testing.assert_array_equal(mdata["atac"].X.toarray(), counts[:, n:])
    np.testing.assert_array_equal(mdata["adt"].X.toarray(), adt)  # matched by barcode: the table has another order
    for adata in mdata.mod.values():
        assert list(adata.obs_names) == [f"{c}-1" for c in cells]
        assert adata.X.format == "csr"
        assert adata.X.dtype == np.float32


def test_names(tea):
    mdata = read_teaseq(tea[0])
    assert list(mdata["adt"].var_names) == ADT
    assert list(mdata["atac"].var_names) == PEAKS
    assert list(mdata["rna"].var_names) == [*GENES[:5], "TBCE-1", GENES[6]]
    assert mdata["rna"].var["gene_ids"].is_unique


def test_cells_without_antibodies_are_left_out_and_counted(tea, caplog):
    folder, cells, counts, adt = tea
    write_adt(file_of(folder, "adt_counts.csv.gz"), adt[:20], cells[:20])
    with caplog.at_level(logging.INFO, logger="crosstie"):
        mdata = read_teaseq(folder)
    assert mdata["rna"].n_obs == mdata["adt"].n_obs == 20
    np.testing.assert_array_equal(mdata["rna"].X.toarray(), counts[:20, : len(GENES)])
    assert "20 of 25 cells have antibody counts" in caplog.text


def test_unpacked_table_and_barcodes_with_a_suffix(tea):
    folder = tea[0]
    packed = file_of(folder, "adt_counts.csv.gz")
    whole = read_teaseq(folder)
    table = pd.read_csv(packed)
    table["cell_barcode"] += "-1"
    table.to_csv(packed.with_suffix(""), index=False)
    packed.unlink()
    assert (read_teaseq(folder)["adt"].X != whole["adt"].X).nnz == 0


def test_a_sample_without_peaks(tea):
    folder, cells, counts, _ = tea
    n = len(GENES)
    write_h5(file_of(folder, "bc_matrix.h5"), GENES, counts[:, :n], ["Gene Expression"] * n, cells)
    assert list(read_teaseq(folder).mod) == ["rna", "adt"]


def test_missing_counts_are_taken_as_0_and_said(tea, caplog):
    folder, cells, _, _ = tea
    with gzip.open(file_of(folder, "adt_counts.csv.gz"), "wt") as file:
        file.write("cell_barcode,total,CD3,CD4\n" + "".join(f"{c},3,3,\n" for c in cells))
    with caplog.at_level(logging.WARNING, logger="crosstie"):
        mdata = read_teaseq(folder)
    assert mdata["adt"].X.sum() == 75
    assert "25 missing counts" in caplog.text


# ---- several samples ------------------------------------------------------------------------------------------------


def second_sample(folder):
    """The four wells of the second experiment sequenced their antibodies to another depth: names differ."""
    for path in list(folder.iterdir()):
        if path.name.startswith("GSM4949911"):
            name = path.name.replace(f"GSM4949911_X061-AP0C1W1{START}fulldepth", f"GSM5123951_X066-MP0C1W3{START}200M")
            shutil.copy(path, folder / name.replace("200M_adt", "48M_adt"))


def test_several_samples_need_a_choice(tea):
    folder = tea[0]
    second_sample(folder)
    with pytest.raises(InputValueError) as caught:
        read_teaseq(folder)
    for word in ("several files", "GSM4949911_", "GSM5123951_", 'sample="GSM4949911"'):
        assert word in str(caught.value)
    assert read_teaseq(folder, sample="GSM5123951")["adt"].n_obs == 25


# ---- labels ---------------------------------------------------------------------------------------------------------


def test_labels_by_the_number_of_the_well(tea, tmp_path):
    """The paper's labels call barcode AAAC-1 of well W3 AAAC-3, and those of other wells likewise."""
    folder, cells, _, _ = tea
    second_sample(folder)
    own = pd.DataFrame({"barcode": [f"{c}-3" for c in cells[:20]], "predicted.celltype.l2": ["B naive", "NK"] * 10})
    other = pd.DataFrame({"barcode": [f"{c}-4" for c in cells], "predicted.celltype.l2": "wrong"})
    pd.concat([other, own]).to_csv(tmp_path / "labels.csv", index=False)
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        archive.write(tmp_path / "labels.csv", "Figure4_SourceData2_TypeLabelsUMAP.csv")
        archive.writestr("__MACOSX/._x.csv", "")
    for name in ("labels.csv", "labels.zip"):
        mdata = read_teaseq(folder, sample="GSM5123951", labels=tmp_path / name)
        for adata in mdata.mod.values():
            assert list(adata.obs["cell_type"]) == ["B naive", "NK"] * 10 + ["unknown"] * 5


def test_labels_by_barcodes_of_10x(tea, tmp_path):
    folder, cells, _, _ = tea
    pd.DataFrame({"barcode": [f"{c}-1" for c in cells], "kind": "T"}).to_csv(tmp_path / "l.csv", index=False)
    mdata = read_teaseq(folder, labels=tmp_path / "l.csv", label_key="kind")
    assert set(mdata["rna"].obs["cell_type"]) == {"T"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"cell": ["A"], "predicted.celltype.l2": ["T"]}, ["no column 'barcode'", "'cell'"]),
        ({"barcode": ["A"], "type": ["T"]}, ["no column 'predicted.celltype.l2'", "label_key"]),
        (
            {"barcode": ["AAAC-3"], "predicted.celltype.l2": ["T"]},
            ["no barcode of the sample", "GSM5123951"],
        ),
    ],
)
def test_labels_that_do_not_fit(tea, tmp_path, table, words):
    pd.DataFrame(table).to_csv(tmp_path / "l.csv", index=False)
    with pytest.raises(InputValueError) as caught:
        read_teaseq(tea[0], labels=tmp_path / "l.csv")
    for word in words:
        assert word in str(caught.value)


# ---- errors ---------------------------------------------------------------------------------------------------------


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder(.|\n)*GSE158013"):
        read_teaseq(tmp_path / "none")


@pytest.mark.parametrize("ending", ["bc_matrix.h5", "adt_counts.csv.gz"])
def test_a_file_is_missing(tea, ending):
    folder = tea[0]
    file_of(folder, ending).unlink()
    with pytest.raises(InputValueError) as caught:
        read_teaseq(folder)
    for word in ("no file ends in", ending, "GSM4949911_", "GSE158013"):
        assert word in str(caught.value)


def test_files_of_two_samples(tea):
    folder, _, _, adt = tea
    write_adt(file_of(folder, "adt_counts.csv.gz"), adt, barcodes(25, seed=77))
    with pytest.raises(InputValueError, match=r"share no barcode(.|\n)*adt_counts(.|\n)*one sample"):
        read_teaseq(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "barcode,CD3,CD4\nAAA,1,2\n",
            ["not a table of antibody counts", "'barcode'", "cell_barcode, total"],
        ),
        ("cell_barcode,total,CD3\nAAA,1,1\nAAA,2,2\n", ["1 barcodes occur more than once", "'AAA'"]),
        ("cell_barcode,total,CD3\nAAA,1,high\n", ["some columns are not counts", "'CD3'"]),
    ],
)
def test_tables_of_another_layout(tea, text, words):
    folder = tea[0]
    with gzip.open(file_of(folder, "adt_counts.csv.gz"), "wt") as file:
        file.write(text)
    with pytest.raises(InputValueError) as caught:
        read_teaseq(folder)
    for word in words:
        assert word in str(caught.value)


def test_no_gene_expression(tea):
    folder, cells, counts, _ = tea
    write_h5(file_of(folder, "bc_matrix.h5"), PEAKS, counts[:, : len(PEAKS)], ["Peaks"] * len(PEAKS), cells)
    with pytest.raises(InputValueError, match="no gene expression"):
        read_teaseq(folder)
