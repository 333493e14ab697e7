"""How far a download is: a bar on a terminal, a line for every tenth elsewhere, nothing where nothing is wanted."""

import io
import sys

from rich.console import Console

from crosstie.datasets.download.progress_bar import shown


def test_a_bar_on_a_terminal():
    screen = io.StringIO()
    long = "a_very_long_name_of_a_file_at_the_source_matrix.mtx.gz"
    with shown("auto", console=Console(file=screen, force_terminal=True, width=120)) as tick:
        for done in (0, 500, 1000):
            tick("one.h5", done, 1000)
        tick(long, 10, None)
    text = screen.getvalue()
    assert "one.h5" in text
    assert "1.0/1.0 kB" in text
    assert long not in text
    assert f"{long[:15]}…{long[-14:]}" in text


def test_a_terminal_of_its_own(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with shown("auto") as tick:
        tick("one.h5", 1, 2)
    assert "one.h5" in screen.getvalue()


def test_a_line_for_every_tenth_of_a_large_file_elsewhere(monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with caplog.at_level("INFO", "crosstie"), shown("auto") as tick:
        for done in range(101):
            tick("large.h5", done * 10**6, 10**8)
            tick("small.h5", done, 100)
            tick("unknown.h5", done, None)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 10
    assert lines[0] == "large.h5: 10 MB of 100 MB."
    assert lines[-1] == "large.h5: 100 MB of 100 MB."


def test_silence_and_a_function_of_ones_own():
    with shown(None) as tick:
        assert tick is None
    with shown(print) as tick:
        assert tick is print
