"""The cache of downloaded files: one folder per data set, with a ledger of checksums."""

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

from crosstie._files import lock_at
from crosstie._log import log
from crosstie.datasets.download.download import Received, digest, writing

LEDGER = "checksums.json"
LOCK = ".lock"


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the cache folder: `cache` if given, else `$CROSSTIE_CACHE`, else the user's cache folder."""
    chosen = cache or os.environ.get("CROSSTIE_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("crosstie")).expanduser()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder of a data set against other processes; the lock of a process that dies is released."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = lock_at(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            log.info("%s: waiting for another process that is fetching this data set.", folder)
            lock.acquire()
    try:
        # Leftovers of killed processes. Interrupted downloads have no process number; they stay and resume.
        for path in folder.glob(".*.part"):
            if re.fullmatch(r"\..+\.\d+\.part", path.name):
                path.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


class Ledger:
    """Checksums of the files in a folder, recorded when they were downloaded.

    Parameters
    ----------
    folder
        Folder of one data set.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self.files: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            try:
                self.files = dict(json.loads(self.path.read_text(encoding="utf-8")))
            except (ValueError, TypeError):
                log.warning("%s cannot be read; the files are downloaded again.", self.path)

    def known(self, name: str) -> str | None:
        """Return the recorded checksum of a file, or `None`."""
        return self.files.get(name, {}).get("sha256")

    def record(self, name: str, received: Received, origin: str) -> None:
        """Record the checksum, size and origin of a file."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"sha256": received.sha256, "n_bytes": received.n_bytes, "from": origin, "recorded": when}
        self.files[name] = entry
        part = self.path.with_name(f".{LEDGER}.{os.getpid()}.part")
        with writing(self.path.parent):
            part.write_text(json.dumps(self.files, indent=2) + "\n", encoding="utf-8")
            part.replace(self.path)

    def holds(self, path: Path) -> bool:
        """Return whether a file exists and still matches its record."""
        entry = self.files.get(path.name)
        if entry is None or not path.exists():
            return False
        return bool(path.stat().st_size == entry["n_bytes"] and digest(path) == entry["sha256"])
