"""Processes started together: a failed exchange says which one was lost."""

import pytest

from crosstie._ranks import WorkerLostError, lost_means, started_by_torchrun


@pytest.mark.parametrize(("rank", "who"), [(None, "another rank"), (1, "rank 1")])
def test_a_failed_exchange_names_the_rank(rank, who):
    with (
        pytest.raises(WorkerLostError, match=rf"^{who} of 2 was lost(.|\n)*found: closed\n  Run again"),
        lost_means(2, rank),
    ):
        raise RuntimeError("closed\nmore")


def test_other_errors_are_left_as_they_are():
    with pytest.raises(ValueError, match="mine"), lost_means(2):
        raise ValueError("mine")


def test_torchrun_starts_several(monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not started_by_torchrun()  # left over from elsewhere
    told = {
        "TORCHELASTIC_RUN_ID": "1",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "29500",
        "RANK": "0",
        "LOCAL_RANK": "0",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert started_by_torchrun()
