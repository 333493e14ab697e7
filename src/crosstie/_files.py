"""Atomic writes: a file or folder appears complete or not at all, and one process at a time may write a path."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crosstie._errors import value_error
from crosstie._log import log

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # file systems without locks


def beside(path: Path, kind: str) -> Path:
    """Return a name beside `path`, with its ending, for an unfinished (`"part"`) or previous (`"old"`) version."""
    return path.with_name(f".{path.stem}.{os.getpid()}.{kind}{path.suffix}")


@contextmanager
def claimed(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock `path` for writing, so that no other process writes it. The lock of a process that dies is released at once.

    Leftovers of killed processes beside it are removed, and a previous version that one of them moved aside is
    restored. Missing parent folders are created, and removed again if they stay empty.

    Parameters
    ----------
    path
        The file or folder to write; it need not exist.
    wait
        Wait until another process has finished; otherwise raise an error.

    Raises
    ------
    ValueError
        If another process holds the lock and `wait` is false.
    """
    made = [p for p in path.parents if not p.exists()]  # innermost first
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(path.with_name(f".{path.name}.lock"), path, wait=wait):
            sweep(path)
            yield
    finally:
        with suppress(OSError):  # not empty
            for parent in made:
                parent.rmdir()


@contextmanager
def _locked(file: Path, path: Path, *, wait: bool) -> Iterator[None]:
    import filelock

    lock = filelock.FileLock(file)
    try:
        try:
            while not lock.is_locked:
                lock.acquire(timeout=-1 if wait else 0)
                if not file.exists():  # its previous holder removed it meanwhile: others would create a new one
                    lock.release()
        except filelock.Timeout:
            what = f"{path} is being written by another process."
            do = "Wait until it has finished, or write elsewhere."
            raise value_error(what, found=f"a lock on {file}", do=do) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.debug("%s: no locks on this file system (%s).", file, error)
            file.unlink(missing_ok=True)
        yield
    finally:  # also covers the acquisition: a signal may arrive right after it
        if lock.is_locked:
            with suppress(OSError):  # Windows cannot remove an open file
                file.unlink(missing_ok=True)
            lock.release()


def sweep(path: Path) -> None:
    """Remove what killed processes left of `path`; only the process that holds the lock may do so."""
    name = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]+\.(part|old){re.escape(path.suffix)}")
    with os.scandir(path.parent) as entries:
        left = [(path.with_name(entry.name), kind[1]) for entry in entries if (kind := name.fullmatch(entry.name))]
    for found, word in sorted(left, key=lambda pair: pair[1]):  # what is old first
        if word == "old" and not path.exists():
            log.warning("%s was restored: a process was killed while replacing it.", path)
            found.replace(path)
        else:
            remove(found)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, *, wait: bool = False) -> Iterator[Path]:
    """Yield a temporary name, with the same ending, for a file that becomes `path` on success.

    On failure nothing is left behind. An existing file is replaced. Parameters and errors are those of `claimed`.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():  # a pipe, a terminal
        yield path
        return
    with claimed(path, wait=wait):
        part = beside(path, "part")
        try:
            yield part
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, last: str = "") -> Iterator[Path]:
    """Yield an empty folder that becomes `path` on success; on failure nothing is left behind.

    An existing folder of this name is replaced, so check first, and hold the lock with `claimed`.

    Parameters
    ----------
    path
        The folder to write.
    last
        Name of the entry that marks the folder as complete. It is moved last where `path` cannot be replaced as a
        whole, such as a mount point.
    """
    part = beside(path, "part")
    part.mkdir()
    try:
        yield part
        _put(part, path, last)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _put(part: Path, path: Path, last: str) -> None:
    if path.is_dir() and not any(path.iterdir()):
        shutil.copymode(path, part)
        if os.path.ismount(path) or os.name == "nt":
            _fill(path, part, last)
        else:
            part.replace(path)  # atomic, over an empty folder
        return
    old = beside(path, "old")
    try:
        if path.exists():
            path.replace(old)
        part.replace(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.replace(path)
        raise
    if old.exists():
        gone = beside(path, "part")  # from here on it is incomplete, and must not be restored
        old.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _fill(path: Path, part: Path, last: str) -> None:
    try:
        for entry in sorted(part.iterdir(), key=lambda e: e.name == last):
            shutil.move(entry, path / entry.name)
    except BaseException:
        for entry in path.iterdir():
            remove(entry)
        raise
    part.rmdir()
