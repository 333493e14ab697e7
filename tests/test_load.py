"""Nothing piles up over 25 integrations in one process; `benchmarks/load.py` runs 500, and more command lines."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    if not Path("/proc/self/statm").exists():
        pytest.skip("counts what /proc tells")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import load

    yield load
    sys.modules.pop("load", None)


def test_25_integrations_hold_on_to_nothing(load):
    seen = load.piled_up(25)
    assert load.grown(seen) < 0.05
    for field in ("files", "threads", "children", "temporary"):
        assert len({getattr(held, field) for held in seen[5:]}) == 1, field


def test_what_piles_up_is_seen(load, monkeypatch, tmp_path):
    """The counting itself: files left open, memory that stays."""
    kept = []

    def leaks(data, folder):
        kept.append((open(tmp_path / "x", "a"), bytearray(4 * 2**20)))  # noqa: SIM115

    monkeypatch.setattr(load, "once", leaks)
    seen = load.piled_up(10)
    assert seen[-1].files == seen[0].files + 9
    assert seen[-1].mebibytes > seen[0].mebibytes + 30
    assert load.grown(seen) > 0.02
    for file, _ in kept:
        file.close()
