"""No room on the disk, no memory, a folder that may only be read: one clear error, and nothing half-written."""

import shutil
import subprocess
import sys

import pytest

import crosstie as xt
from crosstie.cli.console import _told

from .conftest import INTEGRATE, crosstie, left, names, said, same_run

# The size of files is bounded before anything is imported, memory after: what is imported needs some, too.
BOUNDED = """
import resource, sys
kind, bound = sys.argv.pop(1), int(sys.argv.pop(1))
if kind == "files":
    resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound))
from crosstie.cli import main
if kind == "memory":
    import anndata, faiss, mudata, numpy as np, scipy.linalg, sklearn.decomposition, zarr
    import crosstie.runs.write, crosstie.metrics, crosstie.training.loop, crosstie.model.model, crosstie.tl
    for kind in ("f4", "f8"):
        x = np.ones((600, 600), kind)
        scipy.linalg.eigh(x @ x)
    with open("/proc/self/statm") as file:
        bound += int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
main()
"""


@pytest.fixture
def small(tmp_path):
    """Mount a disk of some kilobytes, or skip where that is not allowed."""
    mounted = []

    def mount(*options):
        folder = tmp_path / "small"
        folder.mkdir(exist_ok=True)
        words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
        try:
            done = subprocess.run(words, capture_output=True, text=True)
        except OSError as error:
            pytest.skip(f"no disk can be mounted here: {error}")
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", folder], check=True)


def bounded(place, kind, bound, *words):
    program = place / "bounded.py"
    program.write_text(BOUNDED)
    return said(crosstie(place, kind, bound, *words, program=(program,)))


def no_room(error, status):
    assert status == 2, error
    lines = error.splitlines()
    assert sum(line.startswith("crosstie: ") for line in lines) == 1
    assert "there is no room to write" in error
    assert "Traceback" not in error
    assert "bug in crosstie" not in error


@pytest.mark.parametrize("kilobytes", [300, 500])
def test_a_disk_that_fills_up(place, small, undisturbed, kilobytes):
    """At 300 kB it is the progress that does not fit, at 500 the run."""
    disk = small(f"size={kilobytes}k")
    no_room(*said(crosstie(place, *INTEGRATE, disk / "run")))
    assert names(disk) in ([], [".run.progress"])
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
    error, status = said(crosstie(place, *INTEGRATE, disk / "run", "--resume"))
    assert status == 0, error
    same_run(disk / "run", undisturbed[0])
    assert names(disk) == ["run"]


def test_files_that_may_not_grow(place, undisturbed):
    """A run of before stays as it was; 250 kB let the model pass, and the views not."""
    shutil.copytree(undisturbed[0], place / "run")
    no_room(*bounded(place, "files", 250_000, *INTEGRATE, "run", "--overwrite"))
    same_run(place / "run", undisturbed[0])
    assert set(left(place)) <= {"bounded.py", "run", ".run.progress"}


@pytest.mark.parametrize(("command", "ending"), [("impute", ".h5ad"), ("match", ".csv")])
def test_results_of_a_run_that_do_not_fit(place, undisturbed, command, ending):
    shutil.copytree(undisturbed[0], place / "run")
    (place / f"out{ending}").write_text("of before")
    no_room(*bounded(place, "files", 2000, command, "run", "rna", "adt", "--out", f"out{ending}", "--quiet"))
    assert left(place) == ["bounded.py", f"out{ending}", "run"]
    assert (place / f"out{ending}").read_text() == "of before"


def test_a_folder_that_may_only_be_read(place, small, undisturbed):
    disk = small("size=20m")
    shutil.copytree(undisturbed[0], disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for words in (
        (*INTEGRATE, disk / "other"),
        (*INTEGRATE, disk / "run", "--overwrite"),
        ("match", disk / "run", "rna", "adt", "--out", disk / "matches.csv"),
        ("report", disk / "run"),
    ):
        error, status = said(crosstie(place, *words))
        assert status == 2, error
        told = [line for line in error.splitlines() if line.startswith("crosstie: ")]
        assert len(told) == 1, error
        assert "Traceback" not in error
    error, status = said(crosstie(place, "match", disk / "run", "rna", "adt", "--out", "matches.csv"))
    assert status == 0, error
    assert names(disk) == ["run"]


@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory as Linux counts it")
def test_no_memory(place, undisturbed):
    """With 20 MB beyond what the program itself takes, not all cells are placed."""
    error, status = bounded(place, "memory", 20_000_000, *INTEGRATE, "run")
    assert status == 1, error or "it needs less than that; lower the bound"
    assert error.splitlines()[-1] == "crosstie: error: there is not enough memory for these data."
    assert "Traceback" not in error
    assert set(left(place)) <= {"bounded.py", ".run.progress"}
    error, status = said(crosstie(place, *INTEGRATE, "run", "--resume"))
    assert status == 0, error
    same_run(place / "run", undisturbed[0])


@pytest.mark.parametrize(
    ("error", "words", "status"),
    [
        (MemoryError(), "not enough memory", 1),
        (RuntimeError("std::bad_alloc"), "not enough memory", 1),
        (RuntimeError("can't start new thread"), "not enough memory", 1),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "not enough memory", 1),
        (OSError(12, "Cannot allocate memory"), "not enough memory", 1),
        (OSError(28, "No space left on device", "/d/x"), "no room to write /d/x", 2),
        (OSError("12000 requested and 9184 written"), "no room to write", 2),
        (RuntimeError("Can't flush (filename = '/d/x', errno = 28, error message = ...)"), "no room to write /d/x", 2),
        (OSError("Can't synchronously write data (memory allocation failed for chunk)"), "not enough memory", 1),
        (RuntimeError("errno = 280"), "bug in crosstie", 1),
        (OSError(2, "No such file or directory", "x"), "No such file or directory: x", 2),
    ],
)
def test_the_machine_is_told_from_the_program(error, words, status):
    text, found = _told(error)
    assert words in text
    assert found == status


def test_a_model_that_cannot_be_saved_leaves_the_one_of_before(place, undisturbed, small):
    disk = small("size=400k")
    model = xt.Model.load(undisturbed[0] / "model")
    model.save(disk / "model")
    before = {p.name: p.read_bytes() for p in (disk / "model").iterdir()}
    with pytest.raises(OSError, match="No space left"):
        model.save(disk / "model")
    assert {p.name: p.read_bytes() for p in (disk / "model").iterdir()} == before
    assert names(disk) == ["model"]
