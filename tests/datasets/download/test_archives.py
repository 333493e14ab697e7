"""Archives are unpacked into their folder and nowhere else."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from crosstie._errors import InputValueError
from made_files.fetched import get, same, write


def tar(path, members):
    with tarfile.open(path, "w") as archive:
        for info, body in members:
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))


def test_files_inside_the_archive_of_the_series(server, citeseq, tmp_path):
    files, views = citeseq
    here = tmp_path / "here"
    write({"GSE164378_sc.meta.data_3P.csv.gz": files["GSE164378_sc.meta.data_3P.csv.gz"]}, here)
    others = {"GSM5008739_HTO_3P-matrix.mtx.gz": b"not wanted"}
    tar(here / "GSE164378_RAW.tar", [(n, b) for n, b in (files | others).items() if n.startswith("GSM")])
    same(get("citeseq_pbmc", tmp_path, source=here), views)
    assert server.requests == []
    inside = {p.name for p in (tmp_path / "cache" / "citeseq_pbmc").iterdir()}
    assert "GSM5008739_HTO_3P-matrix.mtx.gz" not in inside
    assert not [name for name in inside if name.endswith(".part")]


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "member",
    [
        "../GSM5008737_RNA_3P-matrix.mtx.gz",
        "/tmp/crosstie-escaped/GSM5008737_RNA_3P-matrix.mtx.gz",
        "a/../../GSM5008737_RNA_3P-matrix.mtx.gz",
        link("GSM5008737_RNA_3P-matrix.mtx.gz", "/etc/passwd", tarfile.SYMTYPE),
        link("GSM5008737_RNA_3P-matrix.mtx.gz", "../../x", tarfile.LNKTYPE),
        link("GSM5008737_RNA_3P-matrix.mtx.gz", "", tarfile.CHRTYPE),
    ],
)
def test_archives_that_would_write_outside_are_refused(server, citeseq, tmp_path, member):
    here = tmp_path / "here"
    here.mkdir()
    body = b"" if isinstance(member, tarfile.TarInfo) else b"escaped"
    tar(here / "GSE164378_RAW.tar", [("GSM5008737_RNA_3P-barcodes.tsv.gz", b"x"), (member, body)])
    with pytest.raises(InputValueError, match="would write outside its folder"):
        get("citeseq_pbmc", tmp_path, source=here)
    files = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert files == [".lock", "GSE164378_RAW.tar"], "nothing is unpacked of it"


def test_a_packed_file_says_nothing_about_where_it_goes(server, made, tmp_path):
    name, body = next(iter(made["bmmc_citeseq"][0].items()))
    memory = io.BytesIO()
    with gzip.GzipFile("../../../escaped.h5ad", "wb", fileobj=memory) as file:
        file.write(gzip.decompress(body))
    server.files[name] = memory.getvalue()
    same(get("bmmc_citeseq", tmp_path), made["bmmc_citeseq"][1])
    assert not list(tmp_path.rglob("escaped*"))


def test_a_packed_file_is_unpacked_once_and_again_if_it_changed(server, made, tmp_path):
    files, views = made["bmmc_citeseq"]
    server.files |= files
    get("bmmc_citeseq", tmp_path)
    path = tmp_path / "cache" / "bmmc_citeseq" / next(iter(files)).removesuffix(".gz")
    before = path.stat().st_mtime_ns
    get("bmmc_citeseq", tmp_path)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:-100])
    same(get("bmmc_citeseq", tmp_path), views)
