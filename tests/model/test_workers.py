"""Cells placed by other processes: the bits of one process, and a lost worker is named."""

import os
import signal
import subprocess
import sys
import threading
import time
from pkgutil import resolve_name

import anndata as ad
import numpy as np
import pytest

import crosstie as xt
from crosstie.model.workers import Dask, WorkerLostError

N = {"rna": 1800, "adt": 1500}
PROGRAM = """
import sys
import anndata as ad, numpy as np, crosstie as xt
from crosstie.data import stored
from crosstie.model.workers import Ranks
stored.MAX_BLOCK = 128
folder, out, die = sys.argv[1:4]
data = {v: ad.read_h5ad(f"{folder}/{v}.h5ad", backed="r") for v in ("rna", "adt")}
ranks = Ranks()
if die == "die" and ranks.rank == 1:
    import os, crosstie.model.workers as workers
    placed, n = workers.placed, []
    workers.placed = lambda *a: (n.append(0), os._exit(9) if len(n) > 3 else placed(*a))[1]
model = xt.integrate(data, config=xt.Config(n_core=300, n_components=30), pool=ranks, resume=f"{out}/work{ranks.rank}")
for view, z in model.latents.items():
    np.save(f"{out}/{view}_{ranks.rank}.npy", z)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    mdata = xt.datasets.simulate_citeseq(n_cells=N, n_genes=150, n_proteins=30, seed=3)
    for name in N:
        mdata[name].write_h5ad(folder / f"{name}.h5ad")
    return folder


def opened(folder):
    return {name: ad.read_h5ad(folder / f"{name}.h5ad", backed="r") for name in N}


@pytest.fixture(scope="module")
def alone(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crosstie.data.stored.MAX_BLOCK", 128)
        return xt.integrate(opened(folder), config=xt.Config(n_core=300, n_components=30)).latents


@pytest.fixture
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("stored_data", [True, False])
def test_dask_gives_the_bits_of_one_process(folder, alone, client, monkeypatch, stored_data):
    monkeypatch.setattr("crosstie.data.stored.MAX_BLOCK", 128)
    data = opened(folder) if stored_data else {n: ad.read_h5ad(folder / f"{n}.h5ad") for n in N}
    model = xt.integrate(data, config=xt.Config(n_core=300, n_components=30), pool=Dask(client.scheduler.address))
    for name, z in alone.items():
        np.testing.assert_array_equal(model.latents[name], z)


@pytest.mark.slow
def test_lost_dask_worker_is_named_and_the_fit_goes_on(folder, alone, client, monkeypatch, tmp_path):
    monkeypatch.setattr("crosstie.data.stored.MAX_BLOCK", 128)
    monkeypatch.setattr("crosstie.model.workers.LOOK_EVERY", 0.1)
    config, data = xt.Config(n_core=300, n_components=30), opened(folder)
    address, pid = next(iter(client.run(os.getpid).items()))
    work = tmp_path / "work"

    def kill():
        while len(list(work.glob("*.npy"))) < 3:
            time.sleep(0.005)
        client.cluster.scheduler.allowed_failures = 0
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    # Slow blocks, so that the worker is lost while there is work.
    monkeypatch.setattr("crosstie.model.workers.placed", slowly)
    with pytest.raises(WorkerLostError, match=address):
        xt.integrate(data, config=config, pool=Dask(client), resume=work)
    n_kept = len(list(work.glob("*.npy")))
    assert 3 <= n_kept < 27
    model = xt.integrate(data, config=config, resume=work)
    for name, z in alone.items():
        np.testing.assert_array_equal(model.latents[name], z)


def slowly(encoder, task):
    from crosstie.model.placement import placed

    time.sleep(0.2)
    return placed(encoder, task)


def test_no_scheduler_is_one_clear_error(monkeypatch):
    distributed = pytest.importorskip("distributed")
    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: real(address, timeout=1))
    with pytest.raises(ValueError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'(.|\n)*dask worker ADDRESS"):
        Dask("tcp://127.0.0.1:9")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "version", "fine"),
    [("crosstie", "0.0.9", False), ("numpy", "99.0.0", False), ("numpy", None, True), ("crosstie", 7, False)],
)
def test_versions_of_workers_are_compared_before_the_fit(client, package, version, fine):
    """Of one worker among two, in its own process; another minor version of numpy is fine."""
    version = version or f"{np.__version__.split('.')[0]}.999.0"
    worker = sorted(client.scheduler_info(n_workers=-1)["workers"])[-1]
    # Again while the worker answers otherwise: an import under way in another of its threads sets the version back.
    deadline = time.monotonic() + 60
    while client.run(resolve_name, f"{package}:__version__", workers=[worker])[worker] != version:
        assert time.monotonic() < deadline, "the worker does not take another version"
        client.run(pretend, package, version, workers=[worker])
    if fine:
        assert worker in Dask(client).workers()
        return
    found, expected = rf"{worker} (has|answers).*{version}", f"expected: crosstie {xt.__version__}"
    said = rf"dask workers have other versions(.|\n)*{found}(.|\n)*{expected}"
    with pytest.raises(ValueError, match=said):
        Dask(client)


def pretend(package, version):
    import importlib

    importlib.import_module("crosstie._version" if package == "crosstie" else package).__version__ = version
    importlib.import_module(package).__version__ = version


def torchrun(folder, out, die="live"):
    program = out / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(program)]
    return subprocess.run([*command, str(folder), str(out), die], capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_two_ranks_give_the_bits_of_one_process(folder, alone, tmp_path):
    done = torchrun(folder, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for rank in (0, 1):
        for name, z in alone.items():
            np.testing.assert_array_equal(np.load(tmp_path / f"{name}_{rank}.npy"), z)


@pytest.mark.slow
def test_lost_rank_is_named_and_the_fit_goes_on(folder, alone, tmp_path):
    done = torchrun(folder, tmp_path, "die")
    assert done.returncode != 0
    assert "rank      : 1" in done.stderr or "rank 1 of 2 was lost" in done.stderr
    assert 2 <= len(list((tmp_path / "work0").glob("*.npy"))) < 27
    done = torchrun(folder, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, z in alone.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}_0.npy"), z)
