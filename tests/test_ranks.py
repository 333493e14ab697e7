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
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert not started_by_torchrun()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert started_by_torchrun()
