"""A second process never outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from anndata import AnnData
from threadpoolctl import threadpool_info

from crosstie.runs import background

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.mark.parametrize(("cells", "cores", "starts"), [(1999, 2, False), (2000, 1, False), (2000, 2, True)])
def test_few_cells_or_one_core_start_no_process(monkeypatch, cells, cores, starts):
    monkeypatch.setattr(background, "n_cores", lambda: cores)
    data = {name: AnnData(obs=pd.DataFrame(index=[str(i) for i in range(cells)])) for name in ("rna", "adt")}
    with background.beside(data, plots=False) as submit:
        assert (submit is not None) == starts
        if starts:
            before = threads()
            assert submit(os.getpid).result() != os.getpid()
            assert threads() < before or before == 1, "this process leaves the other one a core"
    if starts:
        monkeypatch.setattr(background, "MANY_CELLS", 2 * cells - 1)
        with background.beside(data, plots=False) as submit:
            submit(os.getpid).result()
            assert threads() == before, "the second process has little to do"
    assert not starts or threads() == before


def threads():
    return max(pool["num_threads"] for pool in threadpool_info())


def test_the_second_process_ends_with_its_parent(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, time\n"
        "from crosstie.runs.background import second_process\n"
        "def sleep():\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    with second_process(sleep):\n"
        "        time.sleep(60)\n"
    )
    for number in (signal.SIGKILL, signal.SIGINT):
        parent = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        child = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.communicate(timeout=20)
        for _ in range(100):
            if not alive(child):
                break
            time.sleep(0.05)
        else:
            os.kill(child, signal.SIGKILL)
            pytest.fail(f"the child outlived its parent's signal {number}")


def test_the_second_process_is_not_waited_for_at_the_end():
    with background.second_process(int) as submit:
        child = submit(os.getpid).result()
        submit(time.sleep, 60)
        before = time.monotonic()
    assert time.monotonic() - before < 20
    assert not alive(child)


def alive(number):
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
