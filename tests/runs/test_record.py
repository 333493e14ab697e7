"""What run.json records: digests of inputs."""

import shutil

import numpy as np
import pytest

from crosstie.runs import record


def test_digest_of_a_folder(tmp_path):
    folder = tmp_path / "a.zarr"
    (folder / "X").mkdir(parents=True)
    (folder / "X" / "0").write_bytes(b"one")
    before = record.file_of(folder)
    assert before["n_bytes"] == 3
    shutil.copytree(folder, tmp_path / "b.zarr")
    assert record.file_of(tmp_path / "b.zarr")["sha256"] == before["sha256"]
    (folder / "X" / "0").rename(folder / "X" / "1")
    assert record.file_of(folder)["sha256"] != before["sha256"]


@pytest.mark.parametrize("place", [0, 5 * 2**10, -1])
def test_digest_of_a_large_file(tmp_path, monkeypatch, place):
    """Of a large file blocks are read, ends included; the size counts too."""
    monkeypatch.setattr(record, "WHOLE", 1000)
    monkeypatch.setattr(record, "_SAMPLES", 3)
    monkeypatch.setattr(record, "_BLOCK", 1024)
    content = bytearray(np.random.default_rng(0).bytes(11 * 2**10))
    path = tmp_path / "x"
    path.write_bytes(content)
    before = record.file_of(path)
    assert "sha256" not in before
    content[place] ^= 1
    path.write_bytes(content)
    assert record.file_of(path)["sha256_of_samples"] != before["sha256_of_samples"]
    path.write_bytes(content[:-2000] + content[-1000:])
    assert record.file_of(path)["sha256_of_samples"] != before["sha256_of_samples"]
