"""The default install: every command works where the packages of extras, such as torch, cannot be found.

All of it happens in one process whose import system does not find these packages, nor do the processes it starts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HIDE = """
import sys
from importlib.machinery import PathFinder

EXTRAS = {"torch", "umap", "numba", "llvmlite", "pynndescent", "dask", "distributed", "flowio"}

class Default(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in EXTRAS else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Default if finder is PathFinder else finder for finder in sys.meta_path]
"""

COMMANDS = {
    "integrate": "integrate rna=rna.h5ad adt=adt.h5ad --out run --label-key cell_type --json",
    "again": "rerun run --out again --json",
    "transfer": "transfer run rna adt --label-key cell_type --out labels.csv --json",
    "impute": "impute run rna adt --out imputed.h5ad --json",
    "match": "match run rna adt --out pairs.csv --json",
    "relate": "relate run rna adt --out relations.csv --json",
    "map": "map run rna.h5ad --like rna --out mapped.h5ad --json",
    "diagnose": "diagnose run --json",
    "report": "report run --json",
    "train": "integrate rna=rna.h5ad adt=adt.h5ad --out trained --preset trained --json",
    "scmodal": "integrate rna=rna.h5ad adt=adt.h5ad --out trained --preset scmodal --json",
    "cluster": "integrate rna=rna.h5ad adt=adt.h5ad --out spread --scheduler tcp://127.0.0.1:1 --json",
}

RUN_ALL = """
import json, sys
from typer.testing import CliRunner
from crosstie.cli import app
from crosstie.datasets import simulate_citeseq

for name, view in simulate_citeseq(n_cells=120, n_genes=200, n_proteins=30, seed=1).mod.items():
    view.write_h5ad(f"{name}.h5ad")
done = {}
for name, words in json.load(open("commands.json")).items():
    result = CliRunner().invoke(app, words.split())
    done[name] = {"status": result.exit_code, "out": result.stdout, "err": result.stderr}

import crosstie as xt
try:
    xt.pl.joint_umap({"a": [[float(i), i % 7] for i in range(20)]}, method="umap-learn")
except xt._errors.InputError as error:
    done["umap"] = str(error)
done["imported"] = sorted(EXTRAS & set(sys.modules))
json.dump(done, open("done.json", "w"))
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("light")
    (folder / "hidden").mkdir()
    (folder / "hidden" / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
    (folder / "commands.json").write_text(json.dumps(COMMANDS), encoding="utf-8")
    paths = [str(folder / "hidden"), str(Path(__file__).parents[1] / "src"), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    code = "from sitecustomize import EXTRAS\n" + RUN_ALL
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, check=True, timeout=300)
    return json.loads((folder / "done.json").read_text(encoding="utf-8")), folder


@pytest.mark.slow
def test_every_command_works_without_extras(done):
    found, folder = done
    assert found["imported"] == []
    for name in ("integrate", "again", "transfer", "impute", "match", "relate", "map", "diagnose", "report"):
        assert found[name]["status"] == 0, found[name]["err"] + found[name]["out"]
    assert json.loads(found["again"]["out"])["same_bits"] is True
    written = {"umap.csv", "umap_view.png", "umap_label.png", "report.html", "diagnosis.csv"}
    assert written <= {path.name for path in (folder / "run").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [("train", "torch", "train"), ("scmodal", "torch", "train"), ("cluster", "dask", "dask")],
)
def test_a_missing_extra_is_one_sentence(done, command, package, extra):
    found, folder = done
    assert found[command]["status"] == 2, found[command]
    said = found[command]["err"]
    assert f"needs {package}, which is not installed." in said
    assert f'pip install "crosstie[{extra}]"' in said
    assert "Traceback" not in said
    assert not (folder / "trained").exists()
    assert not (folder / "spread").exists()


@pytest.mark.slow
def test_umap_learn_when_it_is_asked_for(done):
    assert done[0]["umap"].startswith('joint_umap(method="umap-learn") needs umap-learn, which is not installed.')
