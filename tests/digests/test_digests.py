"""Small runs give what they gave: to the bit on machines that the record knows, and nearly so on all others.

`python tests/digests/record.py` writes the record anew, after a change that is meant to move results.
"""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from digests.record import FILE, machine
from digests.small_runs import RUNS, measured
from torch_here import HAS_TORCH, one_torch_thread

RECORD = json.loads(FILE.read_text())


def measured_on_one_thread(name):
    with one_torch_thread():
        return measured(RUNS[name]())


def in_a_process_of_its_own(name):
    """Training is the same to the bit in a new process; where others have computed, its last bits depend on them."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measured_on_one_thread, name).result()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.trains] if n == "trained" else []) for n in RUNS])
def test_a_small_run_gives_what_it_gave(name):
    found = in_a_process_of_its_own(name) if name == "trained" else measured(RUNS[name]())
    known = RECORD["exact"].get(machine(), {})
    if name in known and (HAS_TORCH or name != "trained"):
        assert found["exact"] == known[name]
    expected = RECORD["near"][name]
    assert found["near"].keys() == expected.keys()
    for what, value in expected.items():
        if what == "verdict":
            continue  # a signal at its bound may fall to either side elsewhere; digests hold the verdict
        if what.startswith("labels"):
            kinds = {*value, *found["near"][what]}
            moved = sum(abs(value.get(k, 0) - found["near"][what].get(k, 0)) for k in kinds)
            assert moved <= 0.04 * sum(value.values()), what
        else:
            np.testing.assert_allclose(found["near"][what], value, atol=0.05, err_msg=what)
