"""Subject: portability. Scans the code for what would break on other systems."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import crosstie
from crosstie.cli import view_arguments
from crosstie.cli.commands.relate import _pictures
from made_files.ci_scripts import ci_script

SOURCE = Path(crosstie.__file__).parent


@pytest.fixture(scope="module")
def script():
    return ci_script("portable")


@pytest.mark.parametrize(
    "text",
    [
        "path.read_text()",
        "path.write_text('x', newline='')",
        "open('x')",
        "path.open('w')",
        "import resource",
        "from fcntl import flock",
        "os.fork()",
        "os.rename(a, b)",
        "a.rename(b)",
        "get_context('fork')",
        "ProcessPoolExecutor(2)",
        "n = len(os.sched_getaffinity(0))",
        "def f():\n    os.kill(1, signal.SIGKILL)",
        "def f():\n    fd = os.open(p, os.O_RDONLY | os.O_NOFOLLOW)",
        "x = '/tmp/part'",
        "name = path.split('/')[-1]",
        "def f(x):\n    return x.to('cuda')",
        "torch.zeros(3, dtype=torch.float64, device=d)",
    ],
)
def test_faults_are_found(script, text):
    assert len(script.faults(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "path.read_text(encoding='utf-8')",
        "path.open('rb')",
        "gzip.open(path)",
        "try:\n    import resource\nexcept ImportError:\n    pass",
        "table.rename(columns={})",
        "get_context('spawn')",
        "def f():\n    return os.getuid() if hasattr(os, 'getuid') else 0",
        "def f(x):\n    return x.to('mps' if apple else 'cuda')",
        "url.split('/')",
        "path.is_relative_to('/dev')",
        "zeros(3, dtype=float32, device=d)",
    ],
)
def test_what_is_no_fault_is_not_found(script, text):
    assert script.faults(text) == []


def test_source_has_none(script, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["portable"])
    assert script.main() == 0, capsys.readouterr().out


def test_names_of_files_can_be_had_everywhere(script):
    assert len(script.names([Path("a/con.py"), Path("a/b?.py"), Path("a/B.py"), Path("a/b.py")])) == 3
    assert script.names([Path("a/b.py"), Path("b/b.py"), Path("console.py")]) == []


def test_the_command_line_is_there_without_resource():
    """Its modules are imported in a process that has no `resource`, as on Windows."""
    code = """
import sys, pkgutil
sys.modules["resource"] = None
import crosstie.cli
for module in pkgutil.iter_modules(crosstie.cli.__path__, "crosstie.cli."):
    __import__(module.name)
print(crosstie.cli.commands.bench.peak_gib())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr


def test_output_that_takes_latin_letters_alone():
    """As a file or a pipe does on Windows: an arrow is replaced, and nothing fails."""
    env = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    said = "cli.__version__ = '1 \u2192 2'; sys.argv = ['x', '--version']"
    code = f"import sys; from crosstie import cli; {said}; cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [b"crosstie", b"1", b"?", b"2"]), done.stderr


def test_names_that_differ_by_capitals_alone():
    with pytest.raises(ValueError, match="differ by capitals alone"):
        view_arguments.paths_of(["rna=a.h5ad", "RNA=b.h5ad"])


def test_pictures_of_groups_that_differ_by_capitals_alone():
    import pandas as pd

    paths = _pictures(pd.DataFrame({"group": ["B", "b", "T"]}), Path("out.csv"))
    assert len({p.name.casefold() for p in paths.values()}) == 3


def test_nothing_of_float64_reaches_the_device(monkeypatch):
    """Metal has no float64."""
    torch = pytest.importorskip("torch")
    from crosstie.datasets import simulate_citeseq

    moved = []
    to = torch.Tensor.to

    def spy(self, *args, **options):
        moved.append(self.dtype)
        return to(self, *args, **options)

    monkeypatch.setattr(torch.Tensor, "to", spy)
    data = simulate_citeseq(n_cells=100, n_genes=200, n_proteins=30, seed=0)
    config = crosstie.Config(training="full", n_steps=3, batch_size=32, n_rounds=1, n_sketches=1, fallback="none")
    model = crosstie.Model(data, config=config).fit(device="cpu")
    assert moved
    assert torch.float64 not in moved
    assert {p.dtype for p in model.networks.parameters()} == {torch.float32}
    assert all(z.dtype == np.float32 for z in model.latents.values())
