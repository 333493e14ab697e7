"""Every public data set, fetched from files in its layout; there is no network here."""

from __future__ import annotations

import pandas as pd
import pytest

from crosstie._errors import InputKeyError, InputValueError
from crosstie.datasets import FetchError, available, fetch
from crosstie.datasets.public.fetch import files_of
from crosstie.datasets.public.registry import DATASETS
from made_files.fetched import TENX, get, same, write


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


def test_unknown_name():
    with pytest.raises(InputKeyError, match="Did you mean 'citeseq_pbmc'"):
        fetch("citeseq_pbcm")


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


def test_available_lists_all():
    table = available()
    assert list(table.index) == list(DATASETS)
    assert isinstance(table, pd.DataFrame)
    assert (table["licence"] != "").all()
    assert (table["megabytes"] > 0).all()


def test_files_of_returns_paths(server, tenx, tmp_path):
    found = files_of(TENX, cache=tmp_path, progress=None)
    assert found == {tenx[0]: tmp_path / TENX / tenx[0]}
