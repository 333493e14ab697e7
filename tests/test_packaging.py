"""Subject: packaging. Recipes agree with pyproject.toml, and a bad wheel is detected."""

import importlib.util
import re
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
import yaml

import crosstie
from crosstie._extras import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base", "dask[array]": "dask-core"}  # names that differ there
EXTRAS = PROJECT["optional-dependencies"]
USED = sorted(set(EXTRAS) - {"all", "dev", "docs"})  # extras of which crosstie imports something
pytestmark = pytest.mark.skipif(not (ROOT / ".ci" / "package").exists(), reason="not in a checkout")


def pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def recipe():
    return yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text(encoding="utf-8"))


def instructions():
    """Return the lines of the Dockerfile as (instruction, rest), continued ones joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(part.split(None, 1)) for part in "\n".join(lines).replace("\\\n", " ").splitlines()]


def ignored(path):
    """Return whether .dockerignore leaves a path of the top folder out: the last pattern that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            out = not line.startswith("!")
    return out


def bounds(requirements):
    """Return the bounds of requirements by the package's name on conda-forge."""
    found = (re.fullmatch(r"([\w.-]+(?:\[\w+\])?)(.*)", text).groups() for text in requirements)
    return {CONDA.get(name, name): bound for name, bound in found}


def test_extras():
    assert EXTRAS["all"] == [f"crosstie[{','.join(USED)}]"]
    assert sorted(PACKAGES) == USED
    for name, (_, package) in PACKAGES.items():
        assert any(re.match(rf"{package}\b", text) for text in EXTRAS[name])


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_all_extras_are_set_up(file):
    assert re.search(r"\[all(,dev)?\]", (ROOT / file).read_text(encoding="utf-8"))


def test_versions_are_one():
    assert PROJECT["version"] == crosstie.__version__ == recipe()["context"]["version"]
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert (
        not (found := re.search(r"^version: *(.+)$", cited, re.MULTILINE))
        or found.group(1).strip('"') == PROJECT["version"]
    )


def test_conda_needs_what_pip_needs():
    run = dict(text.split(" ", 1) for text in recipe()["requirements"]["run"])
    python = run.pop("python").replace("${{ python_min }}", recipe()["context"]["python_min"])
    assert python == PROJECT["requires-python"]
    assert run == bounds(PROJECT["dependencies"])
    beside = dict(text.split(" ", 1) for text in recipe()["requirements"]["run_constraints"])
    assert beside == bounds(text for name in USED for text in EXTRAS[name])
    assert recipe()["build"]["python"]["entry_points"] == [f"{k} = {v}" for k, v in PROJECT["scripts"].items()]
    assert recipe()["about"]["license"] == PROJECT["license"]
    assert recipe()["about"]["summary"] == PROJECT["description"]


def test_image():
    said = instructions()
    words = [word for word, _ in said]
    version = next(rest for word, rest in said if word == "ARG").split("=")[1]
    assert tuple(map(int, version.split("."))) >= tuple(
        map(int, PROJECT["requires-python"].removeprefix(">=").split("."))
    )
    bases = [rest for word, rest in said if word == "FROM"]
    assert all(base.startswith("python:${PYTHON}-slim") for base in bases)
    users = [rest for word, rest in said if word == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    assert words.index("USER") > max(i for i, word in enumerate(words) if word == "RUN")
    assert ("ENTRYPOINT", '["crosstie"]') in said
    torch = next(rest for word, rest in said if word == "ARG" and rest.startswith("TORCH="))
    assert torch == f"TORCH={pinned()['torch']}"


def test_image_is_built_of_files_that_are_there():
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    names = [name for names in copied for name in names]
    assert names
    for name in names:
        assert (ROOT / name).exists(), name
        assert not ignored(name), name
    for name in (".git", ".venv", "tests", "demo", "benchmarks"):
        assert ignored(name), name


def test_linters_are_of_one_version():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (ruff,) = [repo for repo in hooks if "ruff" in repo["repo"]]
    assert ruff["rev"] == f"v{pinned()['ruff']}"


def test_build_tools_are_pinned():
    assert {"build", "hatchling", "torch", "pytest"} <= set(pinned())


@pytest.fixture(scope="module")
def script():
    loader = SourceFileLoader("package", str(ROOT / ".ci" / "package"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("package", loader))
    loader.exec_module(module)
    return module


@pytest.fixture
def wheel(script, tmp_path):
    """Write what looks like our wheel, with files left out or added."""

    def written(leave=(), add=()):
        info = f"crosstie-{crosstie.__version__}.dist-info"
        metadata = f"Metadata-Version: 2.4\nVersion: {crosstie.__version__}\nLicense-Expression: BSD-3-Clause\n"
        files = dict.fromkeys([*script.IN_WHEEL, f"{info}/licenses/LICENSE", *add], "") | {
            f"{info}/METADATA": metadata,
            f"{info}/entry_points.txt": "[console_scripts]\ncrosstie = crosstie.cli:main\n",
        }
        path = tmp_path / "one.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                if name not in leave:
                    archive.writestr(name, content)
        return path

    return written


def test_a_good_wheel_is_good(script, wheel):
    assert script.wheel_faults(wheel()) == []
    assert all((ROOT / "src" / name).exists() for name in script.IN_WHEEL)


@pytest.mark.parametrize(
    ("leave", "add", "said"),
    [
        (["crosstie/py.typed"], [], "no crosstie/py.typed"),
        (["crosstie/links/protein_genes.csv"], [], "no crosstie/links/protein_genes.csv"),
        ([f"crosstie-{crosstie.__version__}.dist-info/licenses/LICENSE"], [], "LICENSE"),
        ([f"crosstie-{crosstie.__version__}.dist-info/entry_points.txt"], [], "no command crosstie"),
        ([], ["tests/test_a.py"], "is none of the package"),
        ([], ["crosstie/cli/test_a.py"], "is a test"),
        ([], ["crosstie/__pycache__/a.pyc"], "left-over"),
    ],
)
def test_a_bad_wheel_is_seen(script, wheel, leave, add, said):
    assert any(said in fault for fault in script.wheel_faults(wheel(leave, add)))
