"""The seeds of every target, what fuzzing found before, and five seconds of coverage-guided fuzzing of each target."""

import subprocess
import sys
from pathlib import Path

import pytest
from targets import CORPUS, TARGETS

SEEDS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_seed_does_no_wrong(seed: Path):
    TARGETS[seed.parent.name].run(seed.read_bytes())


def test_every_target_has_seeds():
    assert {path.parent.name for path in SEEDS} == set(TARGETS)


@pytest.mark.slow
def test_five_seconds_of_fuzzing_find_nothing(tmp_path):
    pytest.importorskip("atheris", reason="coverage-guided fuzzing needs atheris")
    words = [sys.executable, Path(__file__).with_name("run_atheris.py"), "--seconds", "5", "--jobs", "2"]
    done = subprocess.run([*words, "--found", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(TARGETS)
    assert all(int(line.split()[1]) > len(list((CORPUS / line.split()[0]).iterdir())) for line in lines), done.stdout
