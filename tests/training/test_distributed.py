"""Training shared by several processes, and training that goes on after a cut."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crosstie as xt
from crosstie.training import checkpoint
from crosstie.training import loop as fit_module

SETTINGS = {"training": "full", "fallback": "none", "n_steps": 60, "batch_size": 64, "n_components": 20}
WHOLE = {"geometry": 1.0, "adversarial": 1.0, "anchors": 1.0, "cycle": 1.0, "reconstruction": 1.0}
PROGRAM = """
import sys
import numpy as np, crosstie as xt
from crosstie.model.workers import Ranks
out, die = sys.argv[1:3]
ranks = Ranks()
if die == "die":
    import os, crosstie.training.loop as fit, crosstie.training.checkpoint as checkpoint
    checkpoint.KEEP_EVERY = 0.0
    step, n = fit.train_step, []
    fit.train_step = lambda *a: (n.append(0), os._exit(9) if ranks.rank == 1 and len(n) > 20 else step(*a))[1]
from test_distributed import SETTINGS, WHOLE, views
model = xt.integrate(views(), config=xt.Config(**SETTINGS, **WHOLE), pool=ranks, resume=f"{out}/work{ranks.rank}")
for view, z in model.latents.items():
    np.save(f"{out}/{view}_{ranks.rank}.npy", z)
"""


def views():
    mdata = xt.datasets.simulate_citeseq(n_cells=220, n_genes=120, n_proteins=25, seed=4)
    return {name: mdata[name] for name in ("rna", "adt")}


def config(**changes):
    return replace(xt.Config(**SETTINGS, **WHOLE), **changes)


def cut_at(step, monkeypatch):
    """Stop training with an error at a step, and keep the state at every step before."""
    train_step, n = fit_module.train_step, []

    def stopping(*args):
        n.append(0)
        if len(n) == step:
            raise KeyboardInterrupt
        return train_step(*args)

    monkeypatch.setattr(fit_module, "train_step", stopping)
    monkeypatch.setattr(checkpoint, "KEEP_EVERY", 0.0)


@pytest.mark.parametrize("changes", [{}, {"anchor_scope": "batch", "averaging": 0.9, "adversarial": 0.0}])
def test_training_goes_on_to_the_same_bits(changes, tmp_path, monkeypatch):
    whole = xt.integrate(views(), config=config(**changes))
    with monkeypatch.context() as patch:
        cut_at(31, patch)
        with pytest.raises(KeyboardInterrupt):
            xt.integrate(views(), config=config(**changes), resume=tmp_path / "work")
    assert (tmp_path / "work" / "training.safetensors").is_file()
    steps = []
    again = xt.integrate(
        views(), config=config(**changes), resume=tmp_path / "work", progress=lambda step, *_: steps.append(step)
    )
    assert min(steps) > 30
    for view, z in whole.latents.items():
        np.testing.assert_array_equal(again.latents[view], z)
    assert again.history.equals(whole.history)
    assert not (tmp_path / "work").exists()


def test_state_of_another_training_is_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        cut_at(5, patch)
        with pytest.raises(KeyboardInterrupt):
            xt.integrate(views(), config=config(), resume=tmp_path / "work")
    with pytest.raises(ValueError, match="is of another fit"):
        xt.integrate(views(), config=config(hidden=32), resume=tmp_path / "work")
    file = tmp_path / "work" / "training.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"training.safetensors' is not of this training(.|\n)*Remove it"):
        xt.integrate(views(), config=config(), resume=tmp_path / "work")


def torchrun(out, die="live"):
    program = out / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(program)]
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path}
    return subprocess.run([*command, str(out), die], capture_output=True, text=True, timeout=300, env=env)


@pytest.mark.slow
def test_two_ranks_give_the_result_of_one(tmp_path):
    """Same batches, same gradients but for rounding: 60 steps of all terms, the critics among them."""
    alone = xt.integrate(views(), config=config())
    done = torchrun(tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for view, z in alone.latents.items():
        first, second = (np.load(tmp_path / f"{view}_{rank}.npy") for rank in (0, 1))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, z, atol=1e-5)


@pytest.mark.slow
def test_training_goes_on_after_a_lost_rank(tmp_path):
    alone = xt.integrate(views(), config=config())
    done = torchrun(tmp_path, "die")
    assert done.returncode != 0
    assert (tmp_path / "work0" / "training.safetensors").is_file()
    done = torchrun(tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for view, z in alone.latents.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{view}_0.npy"), z, atol=1e-5)
