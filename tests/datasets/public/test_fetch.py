"""Every public data set from its files' layouts, through download, cache and ledger; there is no network here."""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import os
import tarfile

import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputKeyError, InputValueError
from crosstie.datasets import FetchError, available, fetch
from crosstie.datasets.download import cache
from crosstie.datasets.public.fetch import files_of
from crosstie.datasets.public.registry import DATASETS
from made_files import public_files

TENX = "pbmc_10k_protein_v3"


@pytest.fixture
def made(tmp_path):
    """Files and views of every data set, by name."""
    return {
        "citeseq_pbmc": public_files.citeseq_pbmc(),
        "teaseq_pbmc": public_files.teaseq("teaseq_pbmc"),
        "teaseq_pbmc_w3": public_files.teaseq("teaseq_pbmc_w3"),
        "pbmc_10k_protein_v3": public_files.tenx("pbmc_10k_protein_v3"),
        "pbmc_5k_protein_v3": public_files.tenx("pbmc_5k_protein_v3"),
        "bmmc_citeseq": public_files.neurips(tmp_path, "bmmc_citeseq"),
        "bmmc_multiome": public_files.neurips(tmp_path, "bmmc_multiome"),
        "bmcite": public_files.bmcite(),
    }


@pytest.fixture
def tenx(server):
    files, views = public_files.tenx()
    server.files |= files
    return next(iter(files)), views


@pytest.fixture
def citeseq(server):
    files, views = public_files.citeseq_pbmc()
    server.files |= files
    return files, views


def get(name, folder, **options):
    return fetch(name, cache=folder / "cache", progress=None, **options)


def write(files, folder, *, plain=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        if plain and name.endswith(".gz"):
            (folder / name.removesuffix(".gz")).write_bytes(gzip.decompress(body))
        else:
            (folder / name).write_bytes(body)


def same(mdata, views):
    assert list(mdata.mod) == [view for view in ("rna", "adt", "atac") if view in views]
    for view, adata in mdata.mod.items():
        np.testing.assert_array_equal(adata.X.toarray(), views[view].X.toarray(), err_msg=view)
        assert adata.X.format == "csr"
        assert adata.X.dtype == np.float32
        assert list(adata.obs_names) == list(mdata["rna"].obs_names)
        assert adata.var_names.is_unique


@pytest.mark.parametrize("name", list(DATASETS))
def test_every_data_set_is_fetched_and_read(server, made, tmp_path, name):
    files, views = made[name]
    assert set(files) == {file.name for file in DATASETS[name].files if file.url}, "the layouts of the tests are all"
    server.files |= files
    mdata = get(name, tmp_path)
    same(mdata, views)
    assert list(mdata.mod) == list(DATASETS[name].views)
    assert ("cell_type" in mdata["rna"].obs) == bool(DATASETS[name].labels)
    assert mdata["rna"].uns["source"]["citation"] == DATASETS[name].citation
    n_requests = len(server.requests)
    same(get(name, tmp_path), views)
    assert len(server.requests) == n_requests, "nothing is fetched twice"


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", list(DATASETS))
def test_every_data_set_from_files_at_hand(server, made, tmp_path, name, plain):
    files, views = made[name]
    write(files, tmp_path / "here" / "below", plain=plain)
    same(get(name, tmp_path, source=tmp_path / "here"), views)
    assert server.requests == []


def test_labels_of_citeseq(citeseq, tmp_path):
    mdata = get("citeseq_pbmc", tmp_path)
    want = citeseq[1]["rna"].obs
    for adata in mdata.mod.values():
        assert list(adata.obs["cell_type"]) == list(want["celltype.l1"])
        assert list(adata.obs["celltype.l2"]) == list(want["celltype.l2"])
        assert list(adata.obs_names) == list(want.index)


def test_only_some_cells(citeseq, tmp_path):
    whole, part = get("citeseq_pbmc", tmp_path), get("citeseq_pbmc", tmp_path, where={"donor": "P2"})
    keep = (whole["rna"].obs["donor"] == "P2").to_numpy()
    assert 0 < keep.sum() < len(keep)
    for view in whole.mod:
        np.testing.assert_array_equal(part[view].X.toarray(), whole[view].X[keep].toarray())
        assert list(part[view].obs_names) == list(whole[view].obs_names[keep])


@pytest.mark.parametrize("name", ["bmmc_citeseq", "teaseq_pbmc_w3"])
def test_only_some_cells_of_the_other_formats(server, made, tmp_path, name):
    server.files |= made[name][0]
    whole = get(name, tmp_path)
    kind = whole["rna"].obs["cell_type"].iloc[0]
    part = get(name, tmp_path, where={"cell_type": kind})
    keep = (whole["rna"].obs["cell_type"] == kind).to_numpy()
    np.testing.assert_array_equal(part["rna"].X.toarray(), whole["rna"].X[keep].toarray())


def test_wrong_conditions(citeseq, tmp_path):
    with pytest.raises(InputKeyError, match="unknown name 'doner'"):
        get("citeseq_pbmc", tmp_path, where={"doner": "P1"})
    with pytest.raises(InputValueError, match="no cell has donor = 'P9'"):
        get("citeseq_pbmc", tmp_path, where={"donor": "P9"})


def test_triplets_in_blocks(citeseq, tmp_path, monkeypatch):
    monkeypatch.setattr("crosstie.datasets.public.matrices.ROWS", 97)  # cells begin in one block and end in another
    same(get("citeseq_pbmc", tmp_path), citeseq[1])


def test_own_labels(server, made, tmp_path):
    files, views = made["teaseq_pbmc"]
    codes = public_files.barcodes(100, seed=2)
    files = files | {"teaseq_pbmc_labels.csv": public_files.own_labels(views, codes)}
    write(files, tmp_path / "here")
    mdata = get("teaseq_pbmc", tmp_path, source=tmp_path / "here")
    assert list(mdata["adt"].obs["cell_type"]) == list(views["rna"].obs["cell_type"].astype(str))


def test_unknown_name():
    with pytest.raises(InputKeyError, match="Did you mean 'citeseq_pbmc'"):
        fetch("citeseq_pbcm")


# ---- the cache ------------------------------------------------------------------------------------------------------


def ledger(folder, name=TENX):
    return json.loads((folder / "cache" / name / "checksums.json").read_text())


def test_the_checksum_is_recorded_at_first(server, tenx, tmp_path):
    import hashlib

    get(TENX, tmp_path)
    entry = ledger(tmp_path)[tenx[0]]
    assert entry["sha256"] == hashlib.sha256(server.files[tenx[0]]).hexdigest()
    assert entry["from"] == f"{server.url}/{tenx[0]}"


def test_a_file_that_changed_in_the_cache_is_fetched_anew(server, tenx, tmp_path, caplog):
    get(TENX, tmp_path)
    path = tmp_path / "cache" / TENX / tenx[0]
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    same(get(TENX, tmp_path), tenx[1])
    assert "its checksum differs" in caplog.text
    assert path.read_bytes() == server.files[tenx[0]]


@pytest.mark.parametrize("share", [0.5, 0.999])
def test_half_a_file_in_the_cache_is_not_taken(server, tenx, tmp_path, share):
    folder = tmp_path / "cache" / TENX
    folder.mkdir(parents=True)
    (folder / tenx[0]).write_bytes(server.files[tenx[0]][: int(share * len(server.files[tenx[0]]))])
    same(get(TENX, tmp_path), tenx[1])


def test_another_file_than_at_first_is_refused_until_it_is_wanted(server, tenx, tmp_path):
    get(TENX, tmp_path)
    (tmp_path / "cache" / TENX / tenx[0]).unlink()
    other, views = public_files.tenx(n_cells=40)
    server.files |= other
    with pytest.raises(FetchError, match="not the expected file") as error:
        get(TENX, tmp_path)
    assert "refresh=True" in str(error.value)
    same(get(TENX, tmp_path, refresh=True), views)
    same(get(TENX, tmp_path), views)


def test_a_published_checksum_is_held_to(server, tenx, tmp_path, monkeypatch):
    from dataclasses import replace

    wrong = replace(DATASETS[TENX].files[0], sha256="0" * 64)
    monkeypatch.setitem(DATASETS, TENX, replace(DATASETS[TENX], files=(wrong,)))
    with pytest.raises(FetchError, match="0000"):
        get(TENX, tmp_path)
    write({tenx[0]: server.files[tenx[0]]}, tmp_path / "here")
    with pytest.raises(InputValueError, match="not the published file"):
        get(TENX, tmp_path, source=tmp_path / "here")


@pytest.mark.parametrize("fault", ["cut", "404", "503", "html", "html as data", "corrupt", "cut in silence", "slow"])
def test_after_every_fault_a_retry_completes(server, citeseq, tmp_path, fault):
    name = "GSM5008738_ADT_3P-matrix.mtx.gz"
    server.faults[name] = [fault]
    if fault in ("cut", "503", "slow"):  # these end well by themselves
        same(get("citeseq_pbmc", tmp_path), citeseq[1])
    else:
        with pytest.raises(FetchError, match=name):
            get("citeseq_pbmc", tmp_path)
        assert not (tmp_path / "cache" / "citeseq_pbmc" / name).exists()
    same(get("citeseq_pbmc", tmp_path), citeseq[1])


def test_a_ledger_that_cannot_be_read(server, tenx, tmp_path):
    get(TENX, tmp_path)
    (tmp_path / "cache" / TENX / "checksums.json").write_text("{")
    same(get(TENX, tmp_path), tenx[1])
    assert server.count(tenx[0]) == 2


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("CROSSTIE_CACHE", raising=False)
    assert cache.cache_folder().name == "crosstie"
    monkeypatch.setenv("CROSSTIE_CACHE", str(tmp_path))
    assert cache.cache_folder() == tmp_path
    assert cache.cache_folder(tmp_path / "x") == tmp_path / "x"


def test_a_cache_that_may_only_be_read_serves(server, tenx, tmp_path, monkeypatch):
    get(TENX, tmp_path)

    def no(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("crosstie.datasets.download.cache.filelock.FileLock.acquire", no)
    same(get(TENX, tmp_path), tenx[1])
    with pytest.raises(InputValueError, match="cannot be written to"):
        get("pbmc_5k_protein_v3", tmp_path)


def _fetch_one(url, folder, results):
    os.environ["CROSSTIE_MIRROR"] = url
    os.environ["NO_PROXY"] = "127.0.0.1"
    mdata = fetch(TENX, cache=folder, progress=None)
    results.put(float(mdata["rna"].X.sum()))


def test_two_processes_at_once(server, tenx, tmp_path):
    server.faults[tenx[0]] = ["slow"]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    jobs = [context.Process(target=_fetch_one, args=(server.url, tmp_path / "cache", results)) for _ in range(2)]
    for job in jobs:
        job.start()
    sums = [results.get(timeout=60) for _ in jobs]
    for job in jobs:
        job.join()
    assert sums == [float(tenx[1]["rna"].X.sum())] * 2
    assert server.count(tenx[0]) == 1, "the second waits for the first, and takes its file"


# ---- files at hand --------------------------------------------------------------------------------------------------


def test_what_is_missing_is_fetched(server, citeseq, tmp_path):
    files, views = citeseq
    name = "GSM5008737_RNA_3P-matrix.mtx.gz"
    write({name: files[name]}, tmp_path / "here")
    same(get("citeseq_pbmc", tmp_path, source=tmp_path / "here"), views)
    assert server.count(name) == 0
    assert len(server.requests) == len(files) - 1


def test_half_a_file_at_hand_is_not_taken(server, citeseq, tmp_path):
    files, _ = citeseq
    name = "GSM5008737_RNA_3P-matrix.mtx.gz"
    write(files | {name: files[name][:-100]}, tmp_path / "here")
    with pytest.raises(InputValueError, match="not a complete gzip file"):
        get("citeseq_pbmc", tmp_path, source=tmp_path / "here")


def test_half_a_plain_file_at_hand_is_not_taken(server, citeseq, tmp_path):
    write(citeseq[0], tmp_path / "here", plain=True)
    path = tmp_path / "here" / "GSM5008737_RNA_3P-matrix.mtx"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-50]))
    with pytest.raises(InputValueError, match="truncated"):
        get("citeseq_pbmc", tmp_path, source=tmp_path / "here")


def test_no_such_folder(tmp_path):
    with pytest.raises(InputValueError, match="no such folder"):
        get(TENX, tmp_path, source=tmp_path / "nowhere")


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


# ---- the registry ---------------------------------------------------------------------------------------------------


def test_available_lists_all():
    table = available()
    assert list(table.index) == list(DATASETS)
    assert isinstance(table, pd.DataFrame)
    assert (table["licence"] != "").all()
    assert (table["megabytes"] > 0).all()


def test_registry_is_sound():
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        names = [file.name for file in dataset.files]
        assert len(set(names)) == len(names)
        for file in dataset.files:
            assert "/" not in file.name
            assert file.url.startswith("https://") or not file.url
        assert dataset.page.startswith("https://")


def test_files_of_returns_paths(server, tenx, tmp_path):
    found = files_of(TENX, cache=tmp_path, progress=None)
    assert found == {tenx[0]: tmp_path / TENX / tenx[0]}
