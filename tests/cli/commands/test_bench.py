"""The benchmark that a user can run: figures that can be believed, and an installation without `resource`."""

import json
import sys

import numpy as np
import pytest

from crosstie.cli.commands import bench
from crosstie.datasets import simulate_citeseq
from crosstie.metrics import foscttm
from crosstie.model.integrate import integrate


def test_bench(run):
    result = run("bench", "--n-cells", 200, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    (row,) = said["runs"]
    assert row["n_cells"] == 200
    assert row["accuracy_chance"] < row["accuracy"] <= row["accuracy_ceiling"] + 0.1
    assert row["foscttm_ceiling"] < row["foscttm"] < row["foscttm_chance"]
    assert 0 < row["integrate_seconds"] < row["whole_seconds"]
    assert 0.05 < row["peak_gib"] < 8
    assert said["machine"]["threads"]["cores"] >= 1
    assert "accuracy ↑" in result.stderr


def test_the_ceiling_is_told_the_pairing():
    data = dict(simulate_citeseq(n_cells=300, n_genes=300, n_proteins=30, seed=2).mod)
    model = integrate(data)
    cell = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    rows = np.intersect1d(cell["rna"], cell["adt"], return_indices=True)[1:]

    def score(cells):
        z = bench.paired(model, cells)
        return foscttm(z["rna"][rows[0]], z["adt"][rows[1]])

    wrong = {"rna": cell["rna"], "adt": np.random.default_rng(0).permutation(cell["adt"])}
    assert score(cell) < 0.1 < 0.3 < score(wrong)


def test_memory_where_the_system_does_not_say(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)  # an import of it fails, as on Windows
    assert bench.peak_gib() is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
def test_memory_is_in_gib(monkeypatch):
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    monkeypatch.setattr(sys, "platform", "linux")
    assert bench.peak_gib() == pytest.approx(most / 2**20, rel=0.2)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert bench.peak_gib() == pytest.approx(most / 2**30, rel=0.2)
