"""Small files of the public layouts on a server, and a command line whose cache is its own."""

import pytest

from made_files import public_files


@pytest.fixture
def cite(server):
    files, views = public_files.citeseq_pbmc(n_cells=300)
    server.files |= files
    return views


@pytest.fixture
def tea(server):
    files, views = public_files.teaseq("teaseq_pbmc_w3", n_cells=150)
    server.files |= files
    return views


@pytest.fixture
def crosstie(run, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSTIE_CACHE", str(tmp_path / "cache"))
    return run
