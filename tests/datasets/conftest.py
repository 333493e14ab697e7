"""Files of the public data sets, on a server that stands in for their sources."""

import pytest

from made_files import public_files


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
