"""How the source is laid out: frozen objects stay frozen, private names stay private, files and functions stay short.

And how the tests mirror it. Rings and layers are import-linter's business (`make lint`).
"""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.model.latent_map import LatentMap
from crosstie.model.state import ModelState
from crosstie.training.trained import Trained

SRC = Path(__file__).parents[1] / "src" / "crosstie"
FILES = sorted(SRC.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_MODEL = 400, 80, 250
HELD = {f.name for kind in (Inputs, LatentMap, Fitted, Trained) for f in fields(kind)}
HELD |= {name for name, value in vars(ModelState).items() if isinstance(value, property)}
HELD |= {"_inputs", "_fitted", "_config", "_core"}
HELD -= {"obs"}  # which AnnData has, too
OWNERS = ("model/model.py",)


def assignments(tree):
    """Yield every attribute that is assigned to, deleted or counted up."""
    for node in ast.walk(tree):
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        for target in targets if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete) else []:
            yield from (leaf for leaf in ast.walk(target) if isinstance(leaf, ast.Attribute))


def dotted(node):
    """Return the names in an attribute such as `a.b.c`, or nothing."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *parts[::-1]] if isinstance(node, ast.Name) else []


def faults(path, text):
    """Return what a file does that it must not."""
    tree, out = ast.parse(text), []
    for leaf in assignments(tree):
        of_self = isinstance(leaf.value, ast.Name) and leaf.value.id == "self"
        if leaf.attr in HELD and path not in OWNERS and not of_self:
            out.append(f"line {leaf.lineno} assigns .{leaf.attr} of an object of another file")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            if isinstance(node.args[0], ast.Name) and node.args[0].id == "sys":
                continue  # a closed stream of the process is replaced
            out.append(f"line {node.lineno} calls {node.func.id}")
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            out.append(f"line {node.lineno} touches __dict__")
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crosstie"):
            for alias in node.names:
                file = SRC.parent.joinpath(*node.module.split("."), f"{alias.name}.py")
                if file.is_file() or file.with_suffix("").is_dir():
                    modules.add(alias.asname or alias.name)
                elif alias.name.startswith("_") and not alias.name.startswith("__"):
                    out.append(f"line {node.lineno} takes {alias.name} from {node.module}")
    for node in ast.walk(tree):
        match dotted(node):
            case [module, name] if module in modules and name.startswith("_") and not name.startswith("__"):
                out.append(f"line {node.lineno} uses {module}.{name}")
    return out


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SRC).as_posix())
def test_what_others_own_is_left_alone(file):
    assert faults(file.relative_to(SRC).as_posix(), file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "model._fitted = None",
        "fit.map.recipes = {}",
        "a, model.latents = 1, {}",
        "out.history += 1",
        "setattr(model, 'views', {})",
        "model.__dict__.update(views={})",
        "from crosstie.model.save import _arrays",
        "from crosstie.model import save\nsave._arrays(1)",
    ],
)
def test_a_trespass_is_seen(text):
    assert faults("report/page.py", text)


def test_files_and_functions_are_short():
    long = []
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        if text.count("\n") > LONGEST_FILE:
            long.append(f"{file.name}: {text.count(chr(10))} lines")
        sizes = {
            n.name: n.end_lineno - n.lineno + 1 for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)
        }
        long += [f"{file.name}: {name}, {size} lines" for name, size in sizes.items() if size > LONGEST_FUNCTION]
    assert long == []
    assert (SRC / "model" / "model.py").read_text(encoding="utf-8").count("\n") <= LONGEST_MODEL


def test_frozen_objects_are_frozen():
    for kind in (Inputs, LatentMap, Fitted, Trained):
        assert kind.__dataclass_params__.frozen
    for name, value in vars(ModelState).items():
        assert not isinstance(value, property) or value.fset is None, name


UNTESTED = {  # modules without a file of tests, and why
    "_mudata": "what tests make and read MuData with",
    "_untrusted_folder": "tests/test_untrusted_runs.py",
    "_typing": "names of types",
    "_version": "a number, which tests of the program print",
    "data/readers/request": "what is asked of a reader, without code",
    "trust/findings": "tests/trust/test_check.py",
    "model/recipes": "tests/model/test_fit_model.py: controls enter nothing",
    "pl/axes": "what every picture is drawn on",
}
SUBJECTS = {  # files of tests that are of no one module; their docstrings say of what
    "": "attacks audit bad_inputs benchmarks benchmarks_peers benchmarks_public drawings house light_install load"
    " numbers packaging portability scverse security untrusted_runs",
    "cli": "cli help large",
    "datasets/simulator": "simulate_teaseq",
    "digests": "digests",
    "docs": "benchmark_commands datasets_page formats links pages paths pipelines questions tutorials",
    "faults": "killed limits stopped",
    "fuzz": "fuzz_hypothesis fuzz_targets",
    "metrics": "messages",
    "model": "mosaic",
    "report": "browser",
    "training": "parity",
}


def test_tests_mirror_the_source():
    """A module `a/_b.py` has its tests in `tests/a/test_b.py`; every other file of tests is of a stated subject."""
    tests, root = {}, Path(__file__).parent
    for file in root.rglob("test_*.py"):
        folder = file.relative_to(root).parent
        tests[(folder / file.stem.removeprefix("test_")).as_posix()] = file
    modules = {
        file.relative_to(SRC).with_name(file.stem.lstrip("_")).as_posix(): file.relative_to(SRC).with_suffix("")
        for file in FILES
        if not file.name.startswith("__")
    }
    untested = {modules[name].as_posix() for name in modules.keys() - tests.keys()}
    assert untested == UNTESTED.keys()
    subjects = {(Path(folder) / name).as_posix() for folder, names in SUBJECTS.items() for name in names.split()}
    assert tests.keys() - modules.keys() == subjects
    assert [
        name for name in subjects if not ast.get_docstring(ast.parse(tests[name].read_text(encoding="utf-8")))
    ] == []
