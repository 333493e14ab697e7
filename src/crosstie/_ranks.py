"""Processes started by torchrun: the rank of this process, and a clear error when another rank is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crosstie._errors import message


class WorkerLostError(RuntimeError):
    """A worker process was lost; finished work stays in the resume folder."""


@dataclass
class Group:
    """A group of processes that work on one job.

    Parameters
    ----------
    rank
        Number of this process, from 0.
    n_ranks
        Number of processes in the group.
    """

    rank: int = 0
    n_ranks: int = 1


@contextmanager
def lost_means(n_ranks: int, rank: int | None = None) -> Iterator[None]:
    """Turn a failed exchange between ranks into an error that says which rank was lost."""
    try:
        yield
    except RuntimeError as error:
        who = "another rank" if rank is None else f"rank {rank}"
        raise WorkerLostError(
            message(
                f"{who} of {n_ranks} was lost, or lost this one.",
                found=str(error).splitlines()[0][:200],
                do="Run again with the same resume folder: what was finished stays.",
            )
        ) from error


def started_by_torchrun() -> bool:
    """Return whether this process is one of several that torchrun started."""
    return _told()[1] > 1


def rank_of_process() -> int:
    """Return the number of this process among those that torchrun started; 0 without torchrun."""
    return _told()[0]


def local_rank() -> int:
    """Return the number of this process among those that torchrun started on this machine; 0 without torchrun."""
    return _told()[2]


def _told() -> tuple[int, int, int]:
    """Return rank, number of processes and rank on this machine, as torchrun says.

    Single variables may be left over from elsewhere: they count only if all that torchrun sets are there and agree.
    """
    alone = 0, 1, 0
    if not os.environ.get("TORCHELASTIC_RUN_ID") or not os.environ.get("MASTER_ADDR"):
        return alone
    texts = [os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")]
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts):
        return alone
    rank, n_ranks, local, port = map(int, texts)
    return (rank, n_ranks, local) if local <= rank < n_ranks and 0 < port < 2**16 else alone
