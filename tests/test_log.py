import logging
import subprocess
import sys

import pytest

WARN = """
import logging
{before}
from crosstie._log import log
{after}
log.info("a guess")
log.warning("a warning about %s", "rna")
"""
ONCE = "crosstie warning: a warning about rna\n"


def said(before="", after=""):
    """Return what a fresh Python writes to stderr."""
    code = WARN.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr


@pytest.mark.parametrize(
    "before",
    [
        "",
        "logging.root.addHandler(logging.NullHandler())",
        "logging.root.setLevel(logging.DEBUG)",
        "import io; logging.root.addHandler(logging.StreamHandler(io.StringIO()))",
        "h = logging.StreamHandler(); h.setLevel(logging.ERROR); logging.root.addHandler(h)",
        "import mudata, anndata",
    ],
)
def test_a_warning_is_printed_once_whatever_others_configured_and_information_is_not(before):
    lines = [line for line in said(before).splitlines() if "warning about" in line]
    assert len(lines) == 1
    assert "a guess" not in said(before)


def test_who_prints_the_log_already_is_not_doubled():
    assert said("logging.basicConfig()") == "WARNING:crosstie:a warning about rna\n"
    assert said(after="log.addHandler(logging.StreamHandler())") == "a warning about rna\n"


def test_levels_of_the_logger_silence_it_and_show_what_was_guessed():
    assert said() == ONCE
    assert said('logging.getLogger("crosstie").setLevel("ERROR")') == ""
    assert said('logging.getLogger("crosstie").setLevel("INFO")') == "crosstie: a guess\n" + ONCE
    assert said(after="log.propagate = False") == ONCE


def test_it_prints_on_the_stderr_of_the_moment(capsys):
    logging.getLogger("crosstie").warning("here")
    assert capsys.readouterr().err == "crosstie warning: here\n"


def test_without_stderr_nothing_fails(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    logging.getLogger("crosstie").warning("nowhere")
