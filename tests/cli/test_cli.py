"""Subject: the command line as a whole, as a program of its own: start, help, errors, signals."""

import os
import subprocess
import sys
import time

import pytest

from crosstie import __version__


def program(*words, cwd=None):
    command = [sys.executable, "-m", "crosstie", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


def test_start_is_quick():
    heavy = ["torch", "anndata", "mudata", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "umap"]
    code = f"import sys, crosstie.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    start = time.perf_counter()
    result = program("--help")
    assert time.perf_counter() - start < 2  # a quarter of a second on an idle machine
    assert result.returncode == 0
    assert "crosstie integrate rna=rna.h5ad" in result.stdout


def test_help_of_every_command():
    for command in ("demo", "integrate", "links", "evaluate"):
        result = program(command, "--help")
        assert (result.returncode, result.stderr) == (0, "")
    assert program("--version").stdout == f"crosstie {__version__}\n"


def test_as_a_program(files, tmp_path):
    result = program("integrate", f"rna={files / 'rna.h5ad'}", "adt=missing.h5ad", "--out", "run", cwd=tmp_path)
    assert result.returncode == 2
    assert "crosstie: error: missing.h5ad: there is no such file" in result.stderr
    assert not list(tmp_path.iterdir())
    assert program("integrat").returncode == 2
    result = program("links", *(f"{name}={files / name}.h5ad" for name in ("rna", "adt")))
    assert result.returncode == 0
    assert "INFO" not in result.stderr


@pytest.mark.trains
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_cancelled(files, tmp_path):
    views = [f"{name}={files / name}.h5ad" for name in ("rna", "adt")]
    words = [sys.executable, "-m", "crosstie", "integrate", *views, "--out", "run", "--preset", "scmodal"]
    running = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for line in running.stderr:
        if "training" in line:
            running.terminate()
            break
    assert "interrupted" in running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert not list(tmp_path.iterdir())
