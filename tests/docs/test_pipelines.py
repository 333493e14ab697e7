"""The page about pipelines: its settings can be read, and its commands are valid."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from crosstie.cli import app, settings_file

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "pipelines.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="not in a checkout")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def commands():
    """Return the commands of the page, wildcards of Snakemake and Nextflow filled in."""
    console = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    rules = [" ".join(re.findall(r'^\s+"(.*)"$', shell.split("shell:")[1], re.MULTILINE))
             for shell in blocks("python")[0].split("rule ")[1:]]  # fmt: skip
    scripts = re.findall(r"^\s+(crosstie .*)$", blocks("groovy")[0], re.MULTILINE)
    for text in [*(c for c in console if c.startswith("crosstie")), *rules, *scripts]:
        text = re.sub(r"\$?\{[\w.]+\}", "x", text).split(" > ")[0].split(" | ")[0]
        yield shlex.split(text.split("  #")[0].removeprefix("OMP_NUM_THREADS=x "))


def test_settings_of_the_page(tmp_path):
    (text,) = blocks("toml")
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    found = settings_file.defaults_of(path)
    assert found["views"] == [f"rna={tmp_path / 'rna.h5ad'}", f"adt={tmp_path / 'adt.h5ad'}"]
    assert found["modality"] == ["adt=protein"]
    assert settings_file.make_config("default", path, None).n_latent == 50


def test_commands_of_the_page():
    found = list(commands())
    assert len(found) >= 9
    for program, verb, *words in found:
        assert program == "crosstie"
        get_command(app).commands[verb].make_context(verb, words)  # raises at a word that there is not
