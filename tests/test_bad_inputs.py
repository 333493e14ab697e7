"""Subject: wrong inputs. Each case in bad_inputs/ gives one clear error: what is wrong, what was found, what to do."""

import re
import signal
import traceback
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

import crosstie as xt
from bad_inputs import ACCEPTED, CASES, HEADINGS
from bad_inputs.case import Accepted, Case, Given, Shared
from crosstie._errors import InputError
from crosstie.cli import app


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Shared:
    folder = tmp_path_factory.mktemp("shared")
    mdata = xt.datasets.simulate_citeseq(n_cells=60, n_genes=60, n_proteins=14, seed=1)
    files = {name: folder / f"{name}.h5ad" for name in mdata.mod}
    for name, path in files.items():
        mdata[name].write_h5ad(path)
    words = [f"{name}={path}" for name, path in files.items()]
    done = CliRunner().invoke(app, ["integrate", *words, "--out", str(folder / "run"), "--no-plots", "--no-verdict"])
    assert not done.exit_code, done.output
    model = xt.integrate(dict(mdata.mod))
    model.save(folder / "model")
    return Shared(mdata["rna"], mdata["adt"], files, model, folder / "model", folder / "run")


@pytest.fixture
def given(shared, tmp_path, monkeypatch) -> Given:
    monkeypatch.chdir(tmp_path)
    return Given(tmp_path, shared, monkeypatch, lambda *words: _command(tmp_path, *words))


class EndlessError(BaseException):
    """An input on which the work does not end."""


@pytest.fixture(autouse=True)
def no_end():
    """Stop what hangs: a pipe that is waited for, say."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_):
        raise EndlessError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# What the command line does not say: it has options and files, not functions and objects.
PYTHON = re.compile(r"\bxt\.|\badata\b|\bDataFrame\b|\bmodel\.\w+\(|\b[a-z_]+=\[")


class SaidError(Exception):
    """What the command line said of wrong input."""


def _command(folder: Path, *words: object) -> None:
    """Run a command; raise what it said, after a look at how it said it and that it wrote nothing."""
    before = _contents(folder)
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 2, f"status {done.exit_code}: {done.output} {done.exception!r}"
    assert "Traceback" not in done.output
    assert PYTHON.search(done.stderr) is None, f"words of Python: {done.stderr}"
    assert done.stderr.count("crosstie: error: ") + done.stderr.count("─ Error ─") == 1, done.output
    assert _contents(folder) == before
    raise SaidError(done.stderr)


def _contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.heading}: {case.name}")
def test_wrong_input_is_told_in_one_message(case: Case, given: Given, recwarn):
    with pytest.raises((InputError, SaidError)) as caught:
        case.call(given)
    error = caught.value
    text = str(error)
    assert isinstance(error, SaidError) or type(error) is case.error, "".join(traceback.format_exception(error)[-4:])
    said = " ".join(text.replace("│", " ").split()) if isinstance(error, SaidError) else text
    for words in case.words:
        assert words in said
    ways = [line for line in text.splitlines()[1:] if not line.startswith("  found: ")]
    assert ways, f"says neither what was expected nor what to do: {text}"
    ours = [w for w in recwarn if "crosstie" in str(w.filename) and issubclass(w.category, RuntimeWarning)]
    assert not ours, [str(w) for w in ours]


@pytest.mark.parametrize("odd", ACCEPTED, ids=lambda odd: odd.name)
def test_odd_input_that_is_right_is_taken_and_said(odd: Accepted, given: Given, caplog):
    assert odd.call(given)
    assert odd.warning in caplog.text


def test_the_catalogue_is_large_and_each_of_its_cases_is_another():
    assert len(CASES) >= 100
    assert {case.heading for case in CASES} == set(HEADINGS)
    named = Counter((case.heading, case.name) for case in CASES)
    assert max(named.values()) == 1
    assert all(case.words and all(case.words) for case in CASES)
    causes = {(case.error, case.words) for case in CASES if not case.words[0].startswith("config: ")}
    assert len(causes) >= 130
