"""Files made to fill the memory, to hang, or to lead elsewhere are refused from their metadata alone."""

import bz2
import contextlib
import gzip
import json
import lzma
import os
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

import crosstie as xt
from crosstie.data import untrusted_files
from crosstie.data.untrusted_files import MOST_ENTRIES, SMALL, check_hdf5, check_zarr, open_hdf5, open_text

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes of POSIX")


@pytest.fixture
def rna():
    made = xt.datasets.simulate_citeseq(n_cells=30, n_genes=20, n_proteins=8, seed=0).mod["rna"]
    made.uns.clear()
    return made


@pytest.fixture
def store(rna, tmp_path):
    rna.write_zarr(tmp_path / "rna.zarr")
    return tmp_path / "rna.zarr"


@pytest.mark.parametrize("place", ["uns/x", "obsm/x", "layers/x", "obs/x", "X/data"])
@pytest.mark.parametrize("written", [True, False], ids=["compressed", "never written"])
def test_an_hdf5_bomb_is_refused_wherever_it_lies(rna, tmp_path, place, written):
    path = tmp_path / "rna.h5ad"
    rna.write_h5ad(path)
    n = SMALL // 8 + 1
    with h5py.File(path, "r+") as file:
        file.pop(place, None)
        bomb = file.create_dataset(place, (n,), "f8", chunks=(2**20,), compression="gzip")
        if written:
            bomb[: 2**20] = 0
        bomb.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match=r"unpacks to much more than its size(.|\n)*at most 256 MiB, or 200 times"):
        xt.read(path)


def test_data_that_compress_well_are_no_bomb(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros((2**20, 8)), chunks=(2**14, 8), compression="gzip")
    assert path.stat().st_size * 200 < 2**26
    with open_hdf5(path) as file:
        check_hdf5(file)


def metadata(store):
    """The metadata of the matrix of a store: that of zarr 2 or of zarr 3."""
    return next(p for p in [*(store / "obsm").rglob(".zarray"), *store.rglob(".zarray"), *store.rglob("zarr.json")])


def test_a_zarr_array_without_chunks_is_refused(store):
    file = metadata(store)
    about = json.loads(file.read_text())
    file.write_text(json.dumps(about | {"shape": [2**40]}))
    with pytest.raises(ValueError, match="unpacks to much more than its size"):
        check_zarr(store)


@pytest.mark.parametrize("change", ["byte-order mark", "utf-16", "cut", "deep"])
def test_metadata_that_zarr_reads_and_json_does_not_are_refused(store, change):
    file = metadata(store)
    text = file.read_text()
    new = {
        "byte-order mark": b"\xef\xbb\xbf" + text.encode(),
        "utf-16": text.encode("utf-16"),
        "cut": text.encode()[:20],
        "deep": b"[" * 200_000,
    }[change]
    file.write_bytes(new)
    with pytest.raises(ValueError, match="is damaged"):
        check_zarr(store)


@posix
@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "link in a ring", "pipe"])
def test_links_and_pipes_in_a_store_are_refused(store, tmp_path, kind):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    place = store / "X" / "0"
    if place.is_file():
        place.unlink()
    if kind == "pipe":
        os.mkfifo(store / "pipe")
    elif kind == "link in a ring":
        (store / "ring").symlink_to("ring")
    else:
        (store / "odd").symlink_to(tmp_path / "outside" / ("secret" if kind == "link to a file" else ""))
    with pytest.raises(ValueError, match="cannot be used"):
        check_zarr(store)


@posix
@pytest.mark.parametrize("place", ["mod", "mod/rna", "obs", "X"])
def test_no_pipe_is_opened_behind_a_link_of_hdf5(tmp_path, place):
    """In a process of its own: what waits for a pipe waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / ("x.h5mu" if place.startswith("mod") else "x.h5ad")
    with h5py.File(path, "w") as file:
        for name in ("mod", "obs", "var"):
            if name != place:
                file.create_group(name)
        file[place] = h5py.ExternalLink(str(tmp_path / "pipe"), "/")
    code = f"import crosstie as xt; xt.read({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "takes data from other files" in done.stderr


@pytest.mark.parametrize("kind", ["groups", "data sets in many groups", "links to one group"])
def test_very_many_parts_are_refused_before_they_are_walked(tmp_path, monkeypatch, kind):
    most = MOST_ENTRIES if kind == "links to one group" else 1000  # links are made quickly, the others are not
    monkeypatch.setattr("crosstie.data.untrusted_files.MOST_ENTRIES", most)
    path = tmp_path / "x.h5mu"
    with h5py.File(path, "w") as file:
        file.create_group("mod")
        many, one = file.create_group("uns"), file.create_group("one")
        for i in range(most + 1):
            if kind == "groups":
                many.create_group(f"{i}")
            elif kind == "links to one group":
                many[f"{i}"] = one
            else:
                many[f"{i // 20}/{i}"] = 0
    with pytest.raises(ValueError, match=rf"has too many groups and data sets(.|\n)*at most {most:,}"):
        xt.read(path)


def test_a_table_of_thousands_of_columns_is_not_too_many(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        one = file.create_dataset("0", data=0)
        for i in range(1, 10_000):
            file[f"obs/{i}"] = one
        check_hdf5(file)


def test_what_only_a_reference_leads_to_is_checked_too(rna, tmp_path):
    """Columns of old files refer to their categories, which no group has to name."""
    (tmp_path / "secret").write_bytes(b"SECRET_1SECRET_2")
    path = tmp_path / "rna.h5ad"
    rna.obs = rna.obs[[]].assign(cell_type="a")
    rna.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        hidden = file.create_group("uns/hidden")
        hidden["self"] = hidden  # so that it stays in the file when nothing else names it
        names = hidden.create_dataset("names", (2,), "S8", external=[(str(tmp_path / "secret"), 0, 16)])
        del file["obs/cell_type"]
        file["obs"].attrs["encoding-version"] = "0.1.0"
        file["obs/cell_type"] = np.arange(30, dtype="i1") % 2
        file["obs/cell_type"].attrs["categories"] = names.ref
        del file["uns/hidden"]
    with pytest.raises(ValueError, match="takes data from other files"):
        xt.read(path)


def test_chunks_much_larger_than_their_array_are_refused(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1,), "f8", maxshape=(None,), chunks=(SMALL // 8 + 1,), compression="gzip")
    with open_hdf5(path) as file, pytest.raises(ValueError, match="unpacks to much more than its size"):
        check_hdf5(file)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("format_", [2, 3])
@pytest.mark.parametrize("kind", ["chunks", "consolidated"])
def test_a_zarr_array_is_as_large_as_the_worst_that_is_said_of_it(tmp_path, format_, kind):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=format_)
    group.create_array("x", shape=(4,), chunks=(4,), dtype="f4")
    zarr.consolidate_metadata(group.store)
    check_zarr(tmp_path / "x.zarr")
    if kind == "chunks":
        file = tmp_path / "x.zarr" / "x" / (".zarray" if format_ == 2 else "zarr.json")
        about = json.loads(file.read_text())
        if format_ == 2:
            about["chunks"] = [2**33]
        else:
            about["chunk_grid"]["configuration"]["chunk_shape"] = [2**33]
    else:
        file = tmp_path / "x.zarr" / (".zmetadata" if format_ == 2 else "zarr.json")
        about = json.loads(file.read_text())
        if format_ == 2:
            about["metadata"]["x/.zarray"]["shape"] = [2**33]
        else:
            about["consolidated_metadata"]["metadata"]["x"]["shape"] = [2**33]
    file.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="unpacks to much more than its size"):
        check_zarr(tmp_path / "x.zarr")


PACKERS = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}


@pytest.mark.parametrize("kind", [*PACKERS, "zip", "plain"])
def test_packed_text_is_read_up_to_a_limit(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(untrusted_files, "SMALL", 2**16)
    monkeypatch.setattr(untrusted_files, "TIMES", 2)

    def written(text):
        path = tmp_path / "x.csv"
        if kind == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("x.csv", text)
        else:
            with PACKERS.get(kind, open)(path, "wb") as file:
                file.write(text)
        return path

    with open_text(written(b"a,b\n" * 1000)) as file:
        assert file.read() == b"a,b\n" * 1000
    with open_text(written(b"a,b\n" * 2**18)) as file:
        if kind == "plain":
            assert len(file.read()) == 2**20
        else:
            with pytest.raises(ValueError, match=r"x\.csv unpacks to much more than its size"):
                file.read()


def test_an_archive_of_two_tables_is_not_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.csv.zip", "w") as archive:
        archive.writestr("a.csv", "a")
        archive.writestr("b.csv", "b")
    with pytest.raises(ValueError, match="holds 2 files"):
        open_text(tmp_path / "x.csv.zip")


@pytest.mark.parametrize("names", [["a.csv"], ["a.csv", "b.csv"]])
def test_archives_are_closed(tmp_path, monkeypatch, names):
    opened = []

    class Watched(zipfile.ZipFile):
        def __init__(self, *args):
            super().__init__(*args)
            opened.append(self.fp)

    path = tmp_path / "x.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n")
    monkeypatch.setattr(untrusted_files.zipfile, "ZipFile", Watched)
    with contextlib.suppress(ValueError), open_text(path) as file:
        assert file.read() == b"a,b\n"
    assert [file.closed for file in opened] == [True]
