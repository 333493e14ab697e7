"""Workers for large views other than threads of this process: dask workers, or ranks started by torchrun.

Every block is placed by the same single-threaded code: on machines of one kind, results are identical to the bit.
Workers read stored matrices themselves, so they need access to the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from crosstie._errors import message, sample, value_error
from crosstie._extras import require
from crosstie._log import log
from crosstie._ranks import Group, WorkerLostError
from crosstie._typing import Array
from crosstie._version import __version__
from crosstie.model.placement import Bound, Task, placed

if TYPE_CHECKING:
    from crosstie.model.latent_map import LatentMap

LOOK_EVERY = 2.0  # seconds between two looks at whether all workers are there


class Dask:
    """Workers of a dask cluster.

    Parameters
    ----------
    scheduler
        Its address, such as `"tcp://10.0.0.1:8786"`, or a `distributed.Client`.

    Raises
    ------
    ValueError
        If no scheduler answers at the address, or the cluster has no workers, or one with another version of crosstie
        or another major version of numpy.
    """

    def __init__(self, scheduler: Any) -> None:
        require("dask", "fit: placing cells on workers (scheduler)")
        from distributed import Client

        if isinstance(scheduler, str):
            try:
                self.client = Client(scheduler, timeout=10)
            except (OSError, ValueError) as error:
                do = "Start one: dask scheduler, then dask worker ADDRESS on each machine."
                raise value_error(f"no dask scheduler answers at {scheduler!r}.", found=str(error), do=do) from error
        else:
            self.client = scheduler
        if not self.workers():
            raise value_error("the dask cluster has no workers.", do="Start some: dask worker ADDRESS.")
        self._alike: set[str] = set()
        self._check_versions(self.workers())

    def agree(self, left: list[Bound]) -> list[Bound]:
        """Return the blocks unchanged."""
        return left

    def workers(self) -> set[str]:
        """Return the addresses of the current workers."""
        return set(self.client.scheduler_info(n_workers=-1)["workers"])

    def _check_versions(self, workers: set[str]) -> None:
        """Raise `ValueError` unless workers have our version of crosstie and our major version of numpy."""
        import numpy as np

        ours = {"crosstie": __version__, "numpy": np.__version__}
        others: dict[str, str] = {}
        new = sorted(workers - self._alike)
        for package, version in ours.items() if new else ():
            # A function of the standard library: any worker can answer.
            answers = self.client.run(resolve_name, f"{package}:__version__", workers=new, on_error="return")
            for worker, found in answers.items():
                if not isinstance(found, str):
                    others.setdefault(worker, f"{worker} answers {found!r:.200} for {package}")
                elif found != version and (package == "crosstie" or found.split(".")[0] != version.split(".")[0]):
                    others.setdefault(worker, f"{worker} has {package} {found:.50}")
        if others:
            raise value_error(
                "dask workers have other versions than this process.",
                found=sample(others.values(), 4),
                expected=f"crosstie {ours['crosstie']}, numpy {ours['numpy'].split('.')[0]}",
                do="Install the same versions on all workers.",
            )
        self._alike |= workers

    def run(self, encoder: LatentMap, tasks: Sequence[Task]) -> Iterator[tuple[int, Array]]:
        """Yield number and coordinates of every task as they finish; at most two per core are in progress.

        Raises
        ------
        ValueError
            If a worker joined that has other versions.
        WorkerLostError
            If a worker is lost; the message names it.
        """
        from distributed import TimeoutError as NotYet
        from distributed import wait

        there = self.workers()
        self._check_versions(there)
        log.info("placing %d blocks on %d dask workers.", len(tasks), len(there))
        shared = self.client.scatter(encoder, broadcast=True, hash=False)
        most = 2 * sum(self.client.nthreads().values())
        under_way: dict[Any, int] = {}
        left = iter(enumerate(tasks))
        try:
            while True:
                for i, (cells, bound, batch) in left:
                    part, inside = cells.part(*bound)
                    future = self.client.submit(placed, shared, (part, inside, batch), pure=False, retries=0)
                    under_way[future] = i
                    if len(under_way) >= most:
                        break
                if not under_way:
                    return
                try:
                    done = wait(list(under_way), timeout=LOOK_EVERY, return_when="FIRST_COMPLETED").done
                except NotYet:
                    done = set()
                if lost := there - self.workers():
                    raise WorkerLostError(
                        message(
                            f"dask workers were lost: {', '.join(sorted(lost))}.",
                            found=f"{len(there) - len(lost)} of {len(there)} workers left",
                            do="Look at their logs, then run again with the same resume folder: finished blocks stay.",
                        )
                    )
                for future in done:
                    yield under_way.pop(future), future.result()
        finally:
            self.client.cancel(list(under_way))


class Ranks(Group):
    """Processes started by torchrun, each with the same program and data; every process gets all coordinates.

    Training splits each minibatch among them (`crosstie.training.distributed`).
    """

    def __init__(self) -> None:
        require("train", "fit: sharing work among the ranks of torchrun")
        from crosstie.training import distributed

        group = distributed.join()
        super().__init__(group.rank, group.n_ranks)

    def agree(self, left: list[Bound]) -> list[Bound]:
        """Return the blocks that any rank lacks: all ranks place the same ones."""
        from crosstie.training import distributed

        return sorted({bound for one in distributed.of_all(left, self.n_ranks) for bound in one})

    def run(self, encoder: LatentMap, tasks: Sequence[Task]) -> Iterator[tuple[int, Array]]:
        """Yield number and coordinates of every task, in rounds of one task for each rank.

        Raises
        ------
        WorkerLostError
            If another rank is gone; the message says which one was waited for.
        """
        from crosstie.training import distributed

        for start in range(0, len(tasks), self.n_ranks):
            some = tasks[start : start + self.n_ranks]
            mine = placed(encoder, some[self.rank]) if self.rank < len(some) else None
            for rank, (_, (first, last), _) in enumerate(some):
                shape = last - first, encoder.n_latent
                z = mine if rank == self.rank else None
                yield start + rank, distributed.handed_on(z, shape, rank=rank, n_ranks=self.n_ranks)
