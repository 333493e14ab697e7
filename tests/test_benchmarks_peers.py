"""Subject: the harness that times crosstie and other tools: measurements, extrapolation and tables."""

import json
import os
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr

ROOT = Path(__file__).resolve().parents[1]
OURS = ("tasks", "speed", "imputation", "downstream", "tables", "exchange")


@pytest.fixture
def on_path(monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSTIE_PEERS", str(tmp_path / "peers"))
    for folder in (ROOT / "benchmarks", ROOT / "benchmarks" / "peers"):
        monkeypatch.syspath_prepend(str(folder))
    yield
    for name in OURS:
        sys.modules.pop(name, None)


def python(code):
    return [sys.executable, "-c", code]


def test_a_process_is_measured_with_its_children(on_path, tmp_path):
    from speed import measured

    burn = "import time; x = bytearray(200 << 20)\nwhile time.process_time() < 0.5: pass"
    child = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {burn!r}]); time.sleep(0.5)"
    row = measured(python(child), tmp_path)
    assert "failed" not in row
    assert row["seconds"] > 1, "half a second of work in a child and half asleep"
    assert 0.5 < row["cpu"] < row["seconds"], "sleep is no CPU time, the child's work is"
    # Until it runs its own program a child counts as large as the process that started it, here the tests.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert 0.19 < row["gib"] < max(0.4, ours + 0.01), "200 MiB in the child"


def test_failures_are_rows(on_path, tmp_path):
    from speed import measured

    assert measured(python("raise ValueError('no genes')"), tmp_path)["failed"] == "exit status 1: ValueError: no genes"
    assert measured(python("raise SystemExit(3)"), tmp_path)["failed"] == "exit status 3: no message"
    stopped = measured(python("import time; time.sleep(30)"), tmp_path, limit=0.3)
    assert stopped["failed"] == "stopped after 0 s"
    assert stopped["seconds"] < 10


def test_coordinates_of_an_earlier_run_do_not_pass_for_this_ones(on_path, tmp_path):
    from speed import measured

    np.save(tmp_path / "rna.npy", np.zeros((2, 2)))
    measured(python("pass"), tmp_path)
    assert not (tmp_path / "rna.npy").exists()


def test_steps_not_run_are_extrapolated(on_path):
    from speed import extrapolated

    row = {"seconds": 110.0, "cpu": 205.0, "gib": 1.0}
    times = {"steps": 20, "budget": 10_000, "step_seconds": 5.0, "step_cpu": 10.0}
    found = extrapolated(row, times)
    assert found["seconds"] == 10 + 5 * 10_000, "start-up once, then all steps"
    assert found["cpu"] == 5 + 10 * 10_000
    assert (found["steps"], found["budget"], found["gib"]) == (20, 10_000, 1.0)
    assert extrapolated(row, {}) == row
    assert extrapolated(row, times | {"steps": 10_000}) == row, "all steps were run"


def test_what_is_recorded_is_not_run_again(on_path):
    from speed import missing

    row = {"data": "a", "tool": "crosstie", "seconds": 4.0}
    assert missing([], "a", "crosstie", 3) == 3
    assert missing([row, row], "a", "crosstie", 3) == 1
    assert missing([row] * 5, "a", "crosstie", 3) == 0
    assert missing([row], "b", "crosstie", 3) == 3
    assert missing([row], "a", "maxfuse", 3) == 3
    assert missing([row | {"seconds": 301.0}], "a", "crosstie", 3) == 0, "slow tools run once"
    assert missing([row | {"failed": "no genes"}], "a", "crosstie", 3) == 0, "nor does a failure repeat"


def test_table(on_path):
    from speed import table

    ours = [
        {"data": "a", "tool": "crosstie", "seconds": s, "cpu": 2 * s, "gib": 0.5, "accuracy": 0.9} for s in (3, 4, 99)
    ]
    slow = {"data": "a", "tool": "scmodal", "seconds": 40_000, "cpu": 80_000, "gib": 8, "steps": 20, "budget": 10_000}
    dead = {"data": "a", "tool": "uniport", "seconds": 1.0, "cpu": 1.0, "gib": 0.1, "failed": "exit status 1: no genes"}
    lines = table([slow, *ours, dead]).splitlines()
    assert lines[2] == "| a | crosstie | 3 | 4.00 | 1.00 | 8.00 | 1.00 | 0.50 | 0.900 |  |  |", (
        "medians; crosstie first"
    )
    assert lines[3] == "| a | uniport | 1 | 1.00 | 0.25 | 1.00 | 0.12 | 0.10 |  |  | exit status 1: no genes |"
    assert lines[4] == "| a | scmodal | 1 | 40,000 | 10,000 | 80,000 | 10,000 | 8.00 |  |  | from 20 of 10,000 steps |"
    assert len({line.count("|") for line in lines}) == 1


def test_peers_are_found_where_their_environment_is_ready(on_path, monkeypatch):
    from speed import PEERS, TOOLS

    monkeypatch.delenv("SCMODAL_PATH", raising=False)
    assert TOOLS["crosstie"].python() == Path(sys.executable)
    assert TOOLS["maxfuse"].python() is None
    for name in ("maxfuse", "scmodal"):
        (PEERS / name / "bin").mkdir(parents=True)
        (PEERS / name / "bin" / "python").touch()
    assert TOOLS["maxfuse"].python() is None, "installation was cut off"
    for name in ("maxfuse", "scmodal"):
        (PEERS / name / ".ready").touch()
    assert TOOLS["maxfuse"].python() == PEERS / "maxfuse" / "bin" / "python"
    assert TOOLS["scmodal"].python() is None, "its code is not there"
    monkeypatch.setenv("SCMODAL_PATH", "somewhere")
    assert TOOLS["scmodal"].python() is not None


def test_every_tool_has_a_script_and_pinned_versions(on_path):
    from speed import TOOLS

    folder = ROOT / "benchmarks" / "peers"
    for name, tool in TOOLS.items():
        assert (folder / f"run_{name}.py").is_file()
        if name != "crosstie":
            lines = (folder / "versions" / f"{tool.environment}.txt").read_text().split()
            assert "torch==2.13.0" in lines
            assert all("==" in line or "<" in line for line in lines), "a version is open"
            assert os.access(folder / "setup.sh", os.X_OK)


def test_crosstie_as_a_process_gives_the_coordinates_of_integrate(on_path, tmp_path):
    from speed import HERE, measured, write_views
    from tasks import simulated

    import crosstie as xt

    task = simulated("simulated", n_cells=300)
    views = write_views(task, tmp_path / "views")
    row = measured([sys.executable, HERE / "peers" / "run_crosstie.py", views, tmp_path / "out"], tmp_path / "out")
    assert "failed" not in row, (tmp_path / "out" / "log").read_text()
    latents = xt.integrate(task.views).latents
    found = {view: np.load(tmp_path / "out" / f"{view}.npy") for view in task.views}
    assert task.score(found) == pytest.approx(task.score(latents), abs=0.01)
    assert json.loads((tmp_path / "out" / "times.json").read_text()) == {}


def test_peers_get_the_links_that_crosstie_makes(on_path, tmp_path):
    import pandas as pd
    from speed import write_views
    from tasks import simulated

    import crosstie as xt

    task = simulated("simulated", n_cells=200)
    written = pd.read_csv(write_views(task, tmp_path) / "links.csv")
    pairs = xt.links.by_table(task.views, "adt", "rna").pairs
    assert set(zip(written["adt"], written["rna"], strict=True)) == set(
        zip(pairs["source"], pairs["target"], strict=True)
    )


def test_neighbour_average(on_path):
    from imputation import median, neighbour_average

    rng = np.random.default_rng(0)
    z_source, z_target, values = rng.normal(size=(7, 3)), rng.normal(size=(30, 3)), rng.normal(size=(30, 4))
    found = neighbour_average(z_source, z_target, values, k=5)
    for z, mean in zip(z_source, found, strict=True):
        near = np.argsort(((z_target - z) ** 2).sum(1))[:5]
        np.testing.assert_allclose(mean, values[near].mean(0))
    true = rng.normal(size=(7, 4))
    assert median(found, true) == pytest.approx(
        np.median([pearsonr(x, y)[0] for x, y in zip(found.T, true.T, strict=True)])
    )
