"""Every command and block of Python in README and the documentation runs, or is listed with a reason."""

import ast
import re
import subprocess
from importlib.metadata import entry_points

import pytest
import typer

import crosstie as xt
from crosstie.cli import app

from .conftest import RUN
from .pages import ROOT, TUTORIALS, blocks, inline_commands, name, pages, prose, words

PAGES = [page for page in pages() if page not in TUTORIALS]

# ---- what cannot run here, and what is looked at instead ----------------------------------------------------------


def _parses(command):
    """The command line is one that crosstie understands."""
    found = re.search(r"(?:-m )?crosstie .*", command)
    _, *arguments = words(found.group().removeprefix("-m "))
    group = typer.main.get_command(app)
    with group.make_context("crosstie", list(arguments), resilient_parsing=True) as parent:
        sub = group.get_command(parent, arguments[0])
        assert sub is not None, arguments
        sub.make_context(arguments[0], arguments[1:], parent=parent)
    return arguments


def _fetches(command):
    """The data set is registered."""
    arguments = _parses(command)
    if len(arguments) > 1 and not arguments[1].startswith("-"):
        assert arguments[1] in {*xt.datasets.available().index, "seed"}


def _makes(command):
    """The target is in the Makefile."""
    target = words(command)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), target


def _installs(command):
    """What pip is asked for is this project, with extras that it has."""
    _, verb, what = words(command)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert verb == "install"
    extra = re.fullmatch(r"(?:crosstie|\.)\[(\w+)\]", what)
    assert what == "." or re.search(rf"^{extra[1]} = ", project, re.MULTILINE), what


def _r_scripts(command):
    """The script comes with crosstie."""
    script = words(command)[1].rpartition("/")[2]
    assert [path.name for path in (ROOT / "src").rglob("*.R")].count(script) == 1, script


def _dask(command):
    """dask has these subcommands."""
    known = {entry.name for entry in entry_points(group="dask_cli")}
    assert set(re.findall(r"\bdask (\w+)", command)) <= known


UNRUN = (
    (r"make (demo|test|docs|lint|bench)\b", "sets up an environment of its own", _makes),
    (r"pip install ", "changes the environment", _installs),
    (
        r"crosstie (fetch|reproduce) ",
        "needs the network; tests/cli/test_fetch.py runs it against a server here",
        _fetches,
    ),
    (r"crosstie integrate .* --scheduler tcp://head", "needs a cluster; tests/model/test_workers.py has one", _parses),
    (r"torchrun ", "starts processes of its own; tests/model/test_workers.py does that", _parses),
    (
        r"Rscript ",
        "needs R; tests/data/readers/test_rds.py and tests/export/test_r_tables.py run the scripts",
        _r_scripts,
    ),
    (r"dask scheduler ", "starts servers; tests/model/test_workers.py does that", _dask),
    (r"crosstie demo$", "the main job at full size; tests/cli/commands/test_demo.py runs it smaller", _parses),
    (r"crosstie (integrate --config settings.toml|rerun)$", "test_pipelines.py and tests/cli have the file", None),
    (
        r"crosstie (integrate rna=… adt=… --out run|--help|links … --out links.csv)$",
        "a way to speak of a command",
        None,
    ),
)


def _plain(block):
    """It is Python."""
    ast.parse(block.text)


def _shells(block):
    """The commands inside are ones that crosstie understands."""
    found = re.findall(r"crosstie [^\"\n]+", block.text)
    assert found
    for command in found:
        _parses(re.sub(r"\$?\{[^}]*\}", "x", command))


def _fetches_python(block):
    """The data sets are registered."""
    wanted = re.findall(r'fetch\("(\w+)"', block.text)
    assert wanted
    assert set(wanted) <= set(xt.datasets.available().index)


# Page, beginning of the block, reason, what is looked at instead.
UNRUN_PYTHON = (
    ("docs/howto/from_maxfuse.md", "# MaxFuse", "calls of another tool", _plain),
    ("docs/howto/from_scmodal.md", "# scMODAL", "calls of another tool", _plain),
    ("docs/howto/pipelines.md", "rule integrate:", "a Snakefile", _shells),
    ("docs/howto/results.md", "import scanpy as sc", "scanpy is not needed by crosstie", _plain),
    ("docs/howto/results.md", "# pip install spatialdata", "spatialdata is not needed by crosstie", _plain),
    ("docs/datasets.md", "mdata = xt.datasets.fetch(", "needs the network", _fetches_python),
)
OTHER_LANGUAGES = {
    "": "output, or commands that are looked at one by one",
    "r": "no R here",
    "groovy": "no Nextflow here",
    "diff": "what mutants change",
    "toml": "settings; test_pipelines.py reads them",
    "text": "messages; see test_questions.py",
    "{toctree}": "made by the build",
    "{eval-rst}": "made by the build",
}


def unrun(command):
    """Return the entry of the list that a command is on, or `None`."""
    return next((entry for entry in UNRUN if re.match(entry[0], command)), None)


def unrun_python(block):
    """Return the entry of the list that a block is on, or `None`."""
    return next((e for e in UNRUN_PYTHON if e[0] == block.page and block.first.startswith(e[1])), None)


# ---- what runs ----------------------------------------------------------------------------------------------------


def _run_command(command, shell, where):
    if entry := unrun(command):
        if entry[2] is not None:
            entry[2](command)
        return
    if re.match(r"crosstie ", command):
        result = shell(command)
        assert result.exit_code == 0, f"{where}: $ {command}\n{result.output}"
    elif re.match(r"! grep ", command):
        subprocess.run(["bash", "-c", command], check=True)
    else:
        raise AssertionError(f"{where}: $ {command}\nneither runs in the tests nor is listed with a reason")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Cannot join columns:UserWarning", "ignore:var_names are not unique:UserWarning")
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_page(page, shell, names, at_home):
    """All blocks of a page, one after another, in a folder with the files that it names."""
    if "run" not in {p.name for p in at_home.iterdir()} and not _makes_run(page):
        assert shell(RUN).exit_code == 0  # pages that speak of a finished run begin with one
    for block in blocks(page):
        where = f"{block.page}, line {block.line}"
        if block.language == "console":
            for command in block.commands():
                if "--out run/" in command:
                    command = f"{command.split('  #')[0]} --overwrite" if (at_home / "run").exists() else command
                _run_command(command, shell, where)
        elif block.language == "python":
            if entry := unrun_python(block):
                entry[3](block)
                continue
            try:
                exec(compile(block.text, where, "exec"), names)
            except Exception as error:
                raise AssertionError(f"{where}\n{block.text}\n{type(error).__name__}: {error}") from error
        else:
            assert block.language in OTHER_LANGUAGES, f"{where}: what is {block.language!r}?"
            if block.language == "groovy":
                _shells(block)


def _makes_run(page):
    commands = [command for block in blocks(page) for command in block.commands()]
    first = next((i for i, c in enumerate(commands) if "--out run/" in c), len(commands))
    return any("--out run/" in c for c in commands) and not any(" run/ " in f"{c} " for c in commands[:first])


@pytest.mark.parametrize("page", pages(), ids=name)
def test_commands_in_the_text(page):
    """Commands that stand between backticks are understood."""
    for command in inline_commands(page):
        if entry := unrun(command):
            if entry[2] is not None:
                entry[2](command)
        elif command.startswith("crosstie ") and len(words(command)) > 2:
            _parses(command)
        elif match := re.match(r"crosstie (\w+)$", command):
            assert match[1] in typer.main.get_command(app).commands, command


def test_the_files_of_a_run(shell):
    """The table of files in the tour names what is there."""
    run = next(iter(shell.runs.values()))[0]
    table = re.search(r"^\| in `run/` .*?\n\n", prose(ROOT / "docs" / "tour.md"), re.MULTILINE | re.DOTALL).group()
    named = re.findall(r"`([\w./]+)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:] if row))
    assert len(named) > 10
    for file in set(named) - {"tissue_codex.png"}:  # only with positions
        assert (run / file).exists(), file


def test_an_unlisted_command_fails(shell, at_home):
    with pytest.raises(AssertionError, match="neither runs in the tests nor is listed"):
        _run_command("scanpy do this", shell, "here")
    with pytest.raises(AssertionError, match="there is no such file"):
        _run_command("crosstie links rna=nowhere.h5ad adt=adt.h5ad", shell, "here")
    with pytest.raises(AssertionError, match="citeseq_pbmk"):
        _run_command("crosstie fetch citeseq_pbmk --out x.h5mu", shell, "here")


def test_every_listed_reason_is_used():
    """Nothing stays on the lists that no page has any more."""
    commands = [c for page in pages() for b in blocks(page) for c in b.commands()]
    commands += [c for page in pages() for c in inline_commands(page)]
    for pattern, reason, _ in UNRUN:
        assert any(re.match(pattern, c) for c in commands), (pattern, reason)
    python = [b for page in pages() for b in blocks(page) if b.language == "python"]
    for entry in UNRUN_PYTHON:
        assert any(unrun_python(b) == entry for b in python), entry
