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
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
