"""Ctrl-C and SIGTERM: exit status 130, one line, nothing half-written. Two at once: one wins, the other is told."""

import ctypes
import os
import signal
import sys
import time

import pytest

from crosstie._files import claimed
from crosstie.cli import _not_raised

from .conftest import INTEGRATE, crosstie, left, names, said, same_run

LOUD = tuple(word for word in INTEGRATE if word != "--quiet")


def started(process, stage):
    """Wait until a process says that it has begun something."""
    for line in process.stderr:
        if stage in line:
            return
    pytest.fail(f"it ended without {stage!r}")


@pytest.mark.parametrize(("number", "stage"), [(signal.SIGINT, "fitting"), (signal.SIGTERM, "writing")])
def test_interrupted_run(place, undisturbed, number, stage):
    process = crosstie(place, *LOUD, "new/run")
    started(process, stage)
    process.send_signal(number)
    error, status = said(process, 20)
    assert status == 130
    assert error.splitlines()[-1] == "crosstie: interrupted."
    assert "Traceback" not in error
    assert left(place) in ([], ["new"])
    if left(place):  # what was fitted waits for --resume
        assert names(place / "new") == [".run.progress"]


def test_an_interrupt_that_a_callback_swallows_comes_again(monkeypatch):
    """Libraries are looked through by callbacks from C, from which Python cannot raise."""

    @ctypes.CFUNCTYPE(None)
    def interrupted():
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)

    def work():
        interrupted()
        for _ in range(300):
            time.sleep(0.01)

    monkeypatch.setattr(sys, "unraisablehook", _not_raised)
    with pytest.raises(KeyboardInterrupt):
        work()
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: None)
    start = time.perf_counter()
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    work()
    assert time.perf_counter() - start < 1, "Python has learnt to raise from callbacks: this test sees nothing"


def test_two_runs_into_one_folder(place, undisturbed):
    first, second = (crosstie(place, *INTEGRATE, "run") for _ in range(2))
    ends = sorted([said(first), said(second)], key=lambda end: end[1])
    assert [status for _, status in ends] == [0, 2]
    told = ends[1][0]
    assert "run is being written by another process" in told or "run is not empty" in told
    same_run(place / "run", undisturbed[0])
    assert left(place) == ["run"]


def test_two_fits_into_one_resume_folder(place):
    import anndata as ad

    import crosstie as xt

    data = {name: ad.read_h5ad(place / f"{name}.h5ad") for name in ("rna", "adt")}
    config = xt.Config(n_core=100, n_components=30)
    with (
        claimed(place / "work"),
        pytest.raises(ValueError, match="work is being written by another process"),
    ):
        xt.integrate(data, config=config, resume=place / "work")
    xt.integrate(data, config=config, resume=place / "work")
    assert left(place) == []


def test_whatever_the_clock_says(place, undisturbed):
    """Time that runs backwards, an hour at every look, and files from the far future: the same bits."""
    program = place / "program.py"
    program.write_text(
        "import time\n"
        "now = iter(range(10 ** 9, 0, -3600))\n"
        "time.time = lambda: float(next(now))\n"
        "from crosstie.cli import main\n"
        "main()\n"
    )
    os.utime(place / "rna.h5ad", (1e11, 1e11))
    error, status = said(crosstie(place, *INTEGRATE, "run", program=(program,)))
    assert status == 0, error
    same_run(place / "run", undisturbed[0])
    assert left(place) == ["program.py", "run"]
