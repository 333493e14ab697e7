"""Folders of a matrix; what is wrong with them is in tests/bad_inputs/formats.py."""

import gzip

import pytest

import crosstie as xt
from crosstie.data.readers.mtx_folders import folder_of, is_mtx_folder
from made_files import formats


def test_genes_and_antibodies_have_their_identifiers(tmp_path):
    formats.tenx_folder(tmp_path / "new", "Gene Expression", "Antibody Capture")
    formats.old_tenx_folder(tmp_path / "old")
    found = xt.read(tmp_path / "new")
    assert list(found["adt"].var.columns) == ["gene_ids", "feature_types"]
    assert list(xt.read(tmp_path / "old")["rna"].var["gene_ids"]) == formats.ids(120)


def test_peaks_of_cell_ranger_arc_are_located(tmp_path):
    formats.tenx_folder(tmp_path / "arc", "Gene Expression", "Peaks")
    path = tmp_path / "arc" / "features.tsv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    formats.write_lines(path, [f"{line}\tchr2\t{10 * i}\t{10 * i + 5}" for i, line in enumerate(lines)])
    assert list(xt.read(tmp_path / "arc")["atac"].var["interval"][:2]) == ["chr2:1200-1205", "chr2:1210-1215"]


def test_cite_seq_count(tmp_path, caplog):
    formats.citeseq_count(tmp_path / "cite")
    for folder in (tmp_path / "cite", tmp_path / "cite" / "umi_count"):
        (adt,) = xt.read(folder).values()
        assert list(adt.var_names) == list(formats.views()["adt"].var_names)
        assert adt.var["sequence"].str.fullmatch("[ACGT]{15}").all()
    assert "'unmapped': no feature but a statistic of reads or cells; left out" in caplog.text


def test_places(tmp_path):
    formats.old_tenx_folder(tmp_path / "a")
    formats.old_tenx_folder(tmp_path / "b" / "hg19")
    assert is_mtx_folder(tmp_path / "a")
    assert folder_of(tmp_path / "a" / "hg19" / "matrix.mtx") == tmp_path / "a" / "hg19"
    assert folder_of(tmp_path / "a" / "hg19" / "genes.tsv") == tmp_path / "a" / "hg19" / "genes.tsv"
    formats.old_tenx_folder(tmp_path / "both" / "x")
    formats.old_tenx_folder(tmp_path / "both" / "y")
    assert not is_mtx_folder(tmp_path / "both")


def test_a_folder_of_several_matrices_is_read_by_the_file_of_each(tmp_path):
    """As a series of GEO, unpacked."""
    for sample, kind in (("GSM1_", "Gene Expression"), ("GSM2_", "Antibody Capture")):
        formats.tenx_folder(tmp_path / sample, kind)
        for part in (tmp_path / sample).iterdir():
            part.rename(tmp_path / f"{sample}{part.name}")
        (tmp_path / sample).rmdir()
    with pytest.raises(ValueError, match=r"GSM1_matrix.mtx.gz, (.|\n)*GSM2_matrix.mtx.gz\."):
        xt.read(tmp_path)
    file = tmp_path / "GSM2_matrix.mtx.gz"
    assert folder_of(file) == file
    (adt,) = xt.read(file).values()
    assert list(adt.var_names) == list(formats.views()["adt"].var_names)


def test_a_list_of_names_that_unpacks_to_too_much(tmp_path, monkeypatch):
    formats.tenx_folder(tmp_path / "new", "Gene Expression")
    monkeypatch.setattr("crosstie.data.readers.mtx_folders._MOST", 100)
    with pytest.raises(ValueError, match="too large for a list of names"):
        xt.read(tmp_path / "new")


def test_no_file_of_a_folder_is_a_link_elsewhere(tmp_path):
    formats.tenx_folder(tmp_path / "new", "Gene Expression")
    barcodes = tmp_path / "new" / "barcodes.tsv.gz"
    barcodes.rename(tmp_path / "secret.gz")
    barcodes.symlink_to(tmp_path / "secret.gz")
    with pytest.raises(ValueError, match=r"barcodes.tsv.gz cannot be used(.|\n)*a symbolic link"):
        xt.read(tmp_path / "new")


def test_fields_that_no_list_of_features_has_are_not_told_apart(tmp_path):
    formats.tenx_folder(tmp_path / "new", "Gene Expression")
    path = tmp_path / "new" / "features.tsv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    formats.write_lines(path, [lines[0] + "\t" * 10**6, *lines[1:]])
    assert xt.read(tmp_path / "new")["rna"].n_vars == len(lines)
