"""Subject: portability. Scans the code for what would break on other systems."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import crosstie
from crosstie.cli import view_arguments
from crosstie.cli.commands.relate import _pictures

SOURCE = Path(crosstie.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
POSIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "syslog"}
BINARY_OPENERS = {"gzip", "tarfile", "zarr", "os", "archive", "h5py", "files"}  # read bytes unless told otherwise


def guarded(tree):
    """Return the imports that stand in a try."""
    return {node for part in ast.walk(tree) if isinstance(part, ast.Try) for node in ast.walk(part)}


def faults(text):
    """Return the lines of a module that hold for one system alone, and what is wrong with them."""
    tree = ast.parse(text)
    inside = guarded(tree)
    out = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in inside:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            out += [(node.lineno, f"import {name}") for name in names if name.split(".")[0] in POSIX]
        if not isinstance(node, ast.Call):
            continue
        called, words = ast.unparse(node.func), {k.arg: k.value for k in node.keywords}
        last = called.rsplit(".", 1)[-1]
        if last in ("read_text", "write_text") and "encoding" not in words:
            out.append((node.lineno, f"{called} without encoding"))
        if last == "open" and called.split(".")[0].split("(")[0] not in BINARY_OPENERS:
            place = 1 if called == "open" else 0
            mode = words.get("mode") or (node.args[place] if len(node.args) > place else None)
            binary = mode is not None and "b" in ast.unparse(mode)
            if not binary and "encoding" not in words:
                out.append((node.lineno, f"{called} of text without encoding"))
        if called in ("os.fork", "os.forkpty", "os.getuid", "os.mkfifo", "os.killpg"):
            out.append((node.lineno, called))
        if last == "rename" and node.args:  # of a path: fails on Windows where the target is there
            out.append((node.lineno, f"{called} of a path"))
        if last in ("get_context", "set_start_method") and not (node.args and ast.unparse(node.args[0]) == "'spawn'"):
            out.append((node.lineno, f"{called} of another kind than spawn"))
        if last in ("Pool", "ProcessPoolExecutor") and last == called and "mp_context" not in words:
            out.append((node.lineno, f"{called} forks where it can"))
    return out


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
    ],
)
def test_faults_are_found(text):
    assert len(faults(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "path.read_text(encoding='utf-8')",
        "path.open('rb')",
        "gzip.open(path)",
        "try:\n    import resource\nexcept ImportError:\n    pass",
        "table.rename(columns={})",
        "get_context('spawn')",
    ],
)
def test_what_is_no_fault_is_not_found(text):
    assert faults(text) == []


def test_source_has_none():
    found = {str(p.relative_to(SOURCE)): faults(p.read_text(encoding="utf-8")) for p in FILES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_names_of_files_can_be_had_everywhere():
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
    names = [p.name for p in SOURCE.rglob("*") if "__pycache__" not in p.parts]
    assert not [n for n in names if reserved.fullmatch(n) or re.search(r'[<>:"|?*\\]', n)]
    assert len({str(p).casefold() for p in SOURCE.rglob("*")}) == len(list(SOURCE.rglob("*")))


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
