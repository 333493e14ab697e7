"""kill -9, whenever: a run's folder is whole or absent, what was left goes, and --resume ends with the same bits.

`CROSSTIE_MOMENTS=30 pytest tests/faults/test_killed.py` tries thirty moments.
"""

import json
import os
import signal
import sys
import time

import numpy as np
import pytest

from crosstie._files import new_folder
from crosstie.cli.out_folder import run_folder
from crosstie.runs.folder import RUN_FILE

from .conftest import INTEGRATE, crosstie, left, names, said, same_run

MOMENTS = int(os.environ.get("CROSSTIE_MOMENTS", "2"))
TOUCHES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.move", "shutil.rmtree")


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_killed_run(place, undisturbed, seed):
    whole, seconds = undisturbed
    process = crosstie(place, *INTEGRATE, "run")
    time.sleep(seconds * np.random.default_rng(seed).uniform(0.3, 1))
    process.kill()
    process.communicate()
    if "run" in names(place):
        same_run(place / "run", whole)
        more = ["--overwrite"]
    else:
        more = ["--resume"]
    error, status = said(crosstie(place, *INTEGRATE, "run", *more))
    assert status == 0, error
    same_run(place / "run", whole)
    assert left(place) == ["run"]


def replaced(out, text):
    """Put a run of two files in the place of another."""
    with run_folder(out, overwrite=True) as out, new_folder(out, last=RUN_FILE) as folder:
        for name in ("scores.csv", RUN_FILE):
            (folder / name).write_text(json.dumps({"crosstie": text, "coordinates": {}}))


def killed_at(touch, work):
    """Do the work in a child that kills itself as it touches a name on disk for the nth time; whether it was killed."""
    child = os.fork()
    if not child:
        count = 0

        def hook(event, args):
            nonlocal count
            written = event == "open" and args[1] is not None and set(str(args[1])) & set("wax+")
            if event in TOUCHES or written or (event == "open" and args[2] & os.O_CREAT):
                count += 1
                if count == touch:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("before", ["nothing", "empty", "run"])
def test_killed_at_every_touch_of_the_disk(tmp_path, before):
    for touch in range(1, 100):
        out = tmp_path / str(touch) / "run"
        if before == "run":
            replaced(out, "old")
        elif before == "empty":
            out.mkdir(parents=True)
        killed = killed_at(touch, lambda out=out: replaced(out, "new"))
        found = {name: (out / name).read_text() for name in names(out)} if out.exists() else {}
        assert len(set(found.values())) <= 1, "the files of two runs in one folder"
        assert len(found) in (0, 2), "half a run"
        if before == "run":  # the next to come finds a whole run, the old one or the new one
            with run_folder(out, overwrite=True):
                assert names(out) == [RUN_FILE, "scores.csv"]
        replaced(out, "newer")
        assert json.loads((out / "scores.csv").read_text())["crosstie"] == "newer"
        assert names(out.parent) == ["run"]
        if not killed:
            break
    assert 6 < touch < 99, "the disk was not touched, or killing never ended"
