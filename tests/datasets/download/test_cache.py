"""The cache: checksums are recorded and compared, and one process at a time fetches a data set."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest

from crosstie._errors import InputValueError
from crosstie.datasets import FetchError, fetch
from crosstie.datasets.download import cache
from made_files import public_files
from made_files.fetched import TENX, get, same


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
