"""What is said, on a terminal and elsewhere."""

import io
import sys
import warnings

import pytest
import typer

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._ranks import WorkerLostError
from crosstie.cli.console import Console, echo, errors_said, table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def say_all(**options):
    with errors_said():
        say = Console(**options)
        with say.stage("training") as tick:
            log.info("a word")
            log.warning("a warning")
            for step in range(1, 41):
                tick(step, 40, {"total": 2.5})


def test_plain_lines(capsys):
    say_all()
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0].endswith(" s] training")
    assert lines[1:3] == ["a word", "warning: a warning"]
    assert [line.split("] ")[1] for line in lines[3:]] == [
        f"training: step {n} of 40, total 2.5" for n in range(4, 41, 4)
    ]


def test_quiet(capsys):
    say_all(quiet=True)
    assert capsys.readouterr().err == "warning: a warning\n"


def test_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    say_all()
    said = sys.stderr.getvalue()
    assert "✓" in said
    assert "40/40" in said
    assert "a word" in said


def test_log_and_warnings_are_left_as_they_were():
    before = (list(log.handlers), log.level, log.propagate, list(warnings.filters))
    say_all(verbose=True)
    assert (log.handlers, log.level, log.propagate, warnings.filters) == before


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (value_error("a mistake.", do="Do so."), 2, "crosstie: error: a mistake.\n  Do so.\n"),
        (FloatingPointError("diverged"), 2, "crosstie: error: diverged\n"),
        (PermissionError(13, "Permission denied", "file"), 2, "crosstie: error: Permission denied: file\n"),
        (OSError(28, "No space left on device"), 2, "crosstie: error: there is no room to write.\n  found: No space"),
        (MemoryError(), 1, "crosstie: error: there is not enough memory for these data.\n"),
        (ZeroDivisionError("oops"), 1, "crosstie: error: ZeroDivisionError: oops\n  This is a bug in crosstie"),
        (KeyError("oops"), 1, "crosstie: error: KeyError: 'oops'\n"),
        (KeyboardInterrupt(), 130, "crosstie: interrupted.\n"),
    ],
)
def test_errors(capsys, error, status, said):
    with pytest.raises(typer.Exit) as stopped, errors_said():
        raise error
    assert stopped.value.exit_code == status
    assert capsys.readouterr().err.startswith(said)


def test_words_of_the_command_line(capsys):
    """Where the library names an argument, errors and log lines hold the option as well."""
    error = value_error("no counts.", do="Point slot= at them.", cli={"do": "Point --slot at them."})
    assert str(error).endswith("Point slot= at them.")

    def fail():
        with errors_said():
            Console()
            log.info("%s: say modality={%r: ...}", "adt", "rna", extra={"cli": "%s: say --modality %s=..."})
            raise error

    with pytest.raises(typer.Exit):
        fail()
    assert capsys.readouterr().err == (
        "adt: say --modality rna=...\ncrosstie: error: no counts.\n  Point --slot at them.\n"
    )


def test_traceback_on_demand(capsys):
    def fail():
        with errors_said():
            Console(verbose=True)
            log.debug("details")
            raise ZeroDivisionError

    with pytest.raises(typer.Exit):
        fail()
    assert "Traceback" in (said := capsys.readouterr().err)
    assert "details" in said


def test_table(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    table("Title [x]", ["name", "n"], [["[bold]a", "1"], ["b", "20"]], right=[1], note="note")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Title [x]"
    assert lines[2].split() == ["name", "n"]
    assert lines[4:] == ["[bold]a    1", "b         20", "note", ""]


def test_control_characters_are_shown(capsys):
    evil = "T\x1b]52;c;eA==\x07\nforged\u202eB\x9b"
    with errors_said():
        say = Console()
        with say.stage(f"reading {evil}"):
            log.warning("view %r, cell %s, %d cells", "rna", evil, 3)
    table(evil, [evil], [[evil]], note=evil)
    echo(evil)
    with pytest.raises(typer.Exit), errors_said():
        raise value_error(f"cell {evil!r} is unknown.", found=evil)
    said = capsys.readouterr()
    for sign in ("\x1b", "\x07", "\u202e", "\x9b"):
        assert sign not in said.out + said.err
    assert "\nforged" not in said.out
    assert "T\\x1b]52;c;eA==\\x07\\nforged\\u202eB\\x9b" in said.out
    assert "warning: view 'rna', cell T\\x1b]52;c;eA==\\x07\\nforged\\u202eB\\x9b, 3 cells" in said.err.splitlines()


def test_a_lost_worker_is_no_fault_of_crosstie(capsys):
    with pytest.raises(typer.Exit) as stop, errors_said():
        raise WorkerLostError("dask workers were lost: tcp://a:1.")
    assert stop.value.exit_code == 2
    assert "workers were lost" in (said := capsys.readouterr().err)
    assert "bug in crosstie" not in said
