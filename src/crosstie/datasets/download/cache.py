"""Where fetched files are kept, and what is known of them: a folder per data set, with a ledger of checksums in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from crosstie._log import log
from crosstie.datasets.download.download import Received, digest, writing

LEDGER = "checksums.json"
LOCK = ".lock"


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the folder of all data sets: as given, else `$CROSSTIE_CACHE`, else the system's folder for caches."""
    chosen = cache or os.environ.get("CROSSTIE_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("crosstie")).expanduser()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a data set's folder against other processes; the lock of one that dies is free at once."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            log.info("%s: another process is fetching this data set; waiting for it.", folder)
            lock.acquire()
    try:
        # Of processes that were killed; a download, which has no number, is gone on with.
        for path in folder.glob(".*.part"):
            if re.fullmatch(r"\..+\.\d+\.part", path.name):
                path.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


class Ledger:
    """Checksums of the files of a folder, as they were when they came.

    Parameters
    ----------
    folder
        Of one data set.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self.files: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            try:
                self.files = dict(json.loads(self.path.read_text(encoding="utf-8")))
            except (ValueError, TypeError):
                log.warning("%s cannot be read; its files are fetched anew.", self.path)

    def known(self, name: str) -> str | None:
        """Return the checksum that was recorded for a file."""
        return self.files.get(name, {}).get("sha256")

    def record(self, name: str, received: Received, origin: str) -> None:
        """Write down what a file is now."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"sha256": received.sha256, "n_bytes": received.n_bytes, "from": origin, "recorded": when}
        self.files[name] = entry
        part = self.path.with_name(f".{LEDGER}.{os.getpid()}.part")
        with writing(self.path.parent):
            part.write_text(json.dumps(self.files, indent=2) + "\n", encoding="utf-8")
            part.replace(self.path)

    def holds(self, path: Path) -> bool:
        """Whether a file is there and is still what was recorded."""
        entry = self.files.get(path.name)
        if entry is None or not path.exists():
            return False
        return bool(path.stat().st_size == entry["n_bytes"] and digest(path) == entry["sha256"])
