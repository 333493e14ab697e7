"""Install and test crosstie with each Python and with the lowest, the pinned and the highest versions of what it needs.

`python tests/matrix.py` goes through all environments, each in a folder under .matrix/ that is removed afterwards,
continues an interrupted run, and writes docs/support.md. Name environments to run only these again.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOM = ROOT / ".matrix"
PAGE = ROOT / "docs" / "support.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("train", "umap", "dask")
TOOLS = ["pytest", "hypothesis", "POT"]
ROOMS = (
    "anchors",
    "cli",
    "data",
    "datasets",
    "links",
    "metrics",
    "model",
    "pl",
    "report",
    "tl",
    "qc",
    "trust",
    "test_threads.py",
)
SELECTION = ["-m", "not gpu and not slow and not browser and not real_data", *(f"tests/{room}" for room in ROOMS)]

INTRODUCTION = """# Tested versions

Written by `make matrix`. In each environment, crosstie is installed as users install it, and the tests run, except
those marked slow and those that need a browser or real data. Every warning is an error, apart from the few that
`pyproject.toml` lists with a reason. *Lowest* uses the lower bounds in `pyproject.toml`, *pinned* uses
`constraints.txt`, and *highest* the newest versions on the package index. *Default* is `pip install crosstie` without
extras: tests that need torch, umap-learn, dask or flowio are skipped; everything else must work.

"""


@dataclass(frozen=True)
class Environment:
    """One row of the matrix."""

    python: str
    versions: str  # lowest | pinned | highest
    extras: bool = True

    @property
    def name(self) -> str:
        """Name of the environment on the command line and on the page."""
        return f"{self.python}-{self.versions}" + ("" if self.extras else "-default")

    @property
    def requirements(self) -> list[str]:
        """What to install: the dependencies with their bounds, the extras', and what the tests need."""
        extras = [one for name in EXTRAS for one in PROJECT["optional-dependencies"][name]] if self.extras else []
        return [*PROJECT["dependencies"], *extras, *TOOLS]

    @property
    def constraints(self) -> list[str]:
        """Exact versions of requirements, if they are fixed."""
        if self.versions == "highest":
            return []
        if self.versions == "pinned":
            return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
        lowest = [(named(one), re.search(r">=([\w.]+)", one)) for one in self.requirements]
        return [f"{name}=={bound[1]}" for name, bound in lowest if bound]


ENVIRONMENTS = (
    Environment("3.11", "lowest"),
    Environment("3.11", "pinned"),
    Environment("3.12", "pinned", extras=False),
    Environment("3.12", "highest"),
    Environment("3.13", "pinned", extras=False),
    Environment("3.13", "highest"),
)


def named(requirement: str) -> str:
    """Name of the package that a requirement asks for."""
    return re.match(r"[\w.-]+", requirement)[0].lower()


def interpreter(version: str) -> str:
    """Path of Python `version`, on the path or where pyenv keeps it."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path / "bin" / "python") for path in sorted(kept.glob(f"{version}.*"))]
    found += filter(None, [shutil.which(f"python{version}")])
    if not found:
        raise SystemExit(f"no Python {version} on the path or in {kept}; install it, or name other environments")
    return found[0]


def run(command: list[str], log: Path) -> int:
    """Run a command with its output in a file; say which command it is."""
    print("  " + shlex.join(command)[:160], flush=True)
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with log.open("a") as to:
        return subprocess.run(command, cwd=ROOT, env=clean, stdout=to, stderr=to, check=False).returncode


def install(environment: Environment, folder: Path, log: Path) -> str:
    """Make the environment, and return its Python; torch comes first, as in the Makefile."""
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    constraints = ROOM / f"{environment.name}.constraints.txt"
    constraints.write_text("\n".join(environment.constraints))
    pip = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--constraint", str(constraints)]
    steps = [[interpreter(environment.python), "-m", "venv", str(folder)]]
    steps += [[*pip, "torch"]] * environment.extras
    steps += [[*pip, *environment.requirements], [python, "-m", "pip", "install", "--quiet", "--no-deps", str(ROOT)]]
    for step in steps:
        if run(step, log):
            raise SystemExit(f"{environment.name}: cannot be installed, see {log}")
    return python


def test(environment: Environment, python: str, prefix: list[str], log: Path) -> dict:
    """Run the tests and return their results."""
    report = ROOM / f"{environment.name}.xml"
    report.unlink(missing_ok=True)
    run([*prefix, python, "-m", "pytest", *SELECTION, "-p", "no:cacheprovider", f"--junitxml={report}"], log)
    if not report.exists():
        raise SystemExit(f"{environment.name}: the tests cannot start, see {log}")
    suite = ElementTree.parse(report).getroot().find("testsuite")
    counts = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    listed = json.loads(subprocess.check_output([python, "-m", "pip", "list", "--format=json"]))
    versions = {one["name"].lower(): one["version"] for one in listed}
    names = [named(one) for one in environment.requirements]
    exact = subprocess.check_output([python, "-c", "import platform; print(platform.python_version())"], text=True)
    return {
        "python": exact.strip(),
        "passed": counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"],
        "failed": counts["failures"] + counts["errors"],
        "skipped": counts["skipped"],
        "seconds": round(float(suite.get("time"))),
        "versions": {name: versions[name] for name in names if name not in map(named, TOOLS)},
    }


def page(results: dict[str, dict]) -> str:
    """Return both tables: the results and the versions."""
    text = INTRODUCTION + "| environment | Python | passed | failed | skipped | seconds |\n|---|---|---|---|---|---|\n"
    for name, one in results.items():
        text += f"| {name} | " + " | ".join(str(one[k]) for k in ("python", "passed", "failed", "skipped", "seconds"))
        text += " |\n"
    names = sorted({name for one in results.values() for name in one["versions"]})
    text += f"\n| package | {' | '.join(results)} |\n|---|{'---|' * len(results)}\n"
    for name in names:
        text += f"| {name} | {' | '.join(one['versions'].get(name, '–') for one in results.values())} |\n"
    return text


def main() -> int:
    """Go through the environments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *(one.name for one in ENVIRONMENTS)], metavar="environment")
    parser.add_argument("--prefix", default="", help="what to put before the tests' command, such as 'nice -n 10'")
    parser.add_argument("--keep", action="store_true", help="leave the environments where they are")
    chosen = parser.parse_args()
    ROOM.mkdir(exist_ok=True)
    for environment in ENVIRONMENTS:
        result, log = ROOM / f"{environment.name}.json", ROOM / f"{environment.name}.log"
        if environment.name not in chosen.names if chosen.names else result.exists():
            continue
        print(environment.name, flush=True)
        log.unlink(missing_ok=True)
        folder = ROOM / environment.name
        python = install(environment, folder, log)
        result.write_text(json.dumps(test(environment, python, shlex.split(chosen.prefix), log), indent=1))
        if not chosen.keep:
            shutil.rmtree(folder)
    done = {one.name: ROOM / f"{one.name}.json" for one in ENVIRONMENTS}
    results = {name: json.loads(path.read_text()) for name, path in done.items() if path.exists()}
    PAGE.write_text(page(results))
    print(PAGE.read_text().partition("\n| package")[0])
    return int(any(one["failed"] for one in results.values()))


if __name__ == "__main__":
    sys.exit(main())
