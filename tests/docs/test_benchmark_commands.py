"""Benchmark commands quoted on pages would take too long; they run until they have parsed their options."""

import argparse
import os
import runpy
import subprocess
import sys
import warnings

import pytest

from .pages import ROOT, blocks, inline_commands, pages, words

COMMANDS = sorted(
    {
        command.replace("[", "").replace("]", "").split(" …")[0]
        for page in pages()
        for command in [*inline_commands(page), *(c for block in blocks(page) for c in block.commands())]
        if "benchmarks/" in command
    }
)


class OptionsRead(Exception):  # noqa: N818  (no error)
    """The options of a script were read, and were right."""


@pytest.fixture
def stopped(monkeypatch):
    """Scripts stop when they have read their options, and leave no module or setting behind."""
    read = argparse.ArgumentParser.parse_args

    def read_and_stop(self, *given, **named):
        read(self, *given, **named)
        raise OptionsRead

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", read_and_stop)
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    modules, environment = set(sys.modules), dict(os.environ)
    with warnings.catch_warnings():
        yield
    os.environ.clear()
    os.environ.update(environment)
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "benchmarks")):
            del sys.modules[name]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_is_understood(command, stopped, monkeypatch, capsys):
    script, *options = [word for word in words(command) if word != "python" and "=" not in word.split("/")[0]]
    path = ROOT / script
    assert path.is_file(), script
    if path.suffix == ".sh":
        subprocess.run(["bash", "-n", path], check=True)
        return
    source = path.read_text(encoding="utf-8")
    if "argparse" not in source:
        compile(source, script, "exec")
        assert not options, f"{script} has no options"
        return
    monkeypatch.setattr(sys, "argv", [str(path), *options])
    try:
        with pytest.raises(OptionsRead):
            runpy.run_path(str(path), run_name="__main__")
    except SystemExit:
        pytest.fail(f"{command}\n{capsys.readouterr().err}")


def test_there_are_some():
    assert len(COMMANDS) > 15
