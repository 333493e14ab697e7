"""Subject: benchmarks. Their tasks and scores agree with the referee to four digits."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CROSSTIE_DATA", ROOT.parent / "shared" / "data"))
REFEREE = ROOT.parent / "shared" / "bench" / "referee.py"


@pytest.fixture
def on_path(monkeypatch):
    monkeypatch.setenv("CROSSTIE_DATA", str(DATA))
    for folder in (ROOT / "benchmarks", REFEREE.parent):
        monkeypatch.syspath_prepend(str(folder))
    yield
    for name in ("tasks", "methods", "referee"):
        sys.modules.pop(name, None)


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "sln_mouse").is_dir(), reason="needs the real data sets")
@pytest.mark.skipif(not REFEREE.is_file(), reason="needs the referee")
@pytest.mark.parametrize("seed", [0, 3])
def test_tasks_and_scores_are_the_referees(on_path, seed):
    from referee import load_task, paired_cca
    from tasks import real

    theirs, ours = load_task("sln_mouse", seed=seed, data=DATA), real("sln_mouse", seed)
    for view, adata in theirs.views.items():
        assert list(adata.obs_names) == list(ours.views[view].obs_names)
        assert abs(adata.X - ours.views[view].X).sum() == 0
    latents = paired_cca(theirs)
    latents["adt"] = latents["adt"] + np.random.default_rng(seed).normal(scale=0.1, size=latents["adt"].shape)
    expected, found = theirs.score(latents), ours.score(latents)
    assert {name: round(found[name], 4) for name in expected} == expected
