"""Files and folders that appear whole: one process writes a path at a time, and takes away what killed ones left."""

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

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # file systems that know none


def beside(path: Path, kind: str) -> Path:
    """Return a name beside `path`, with its ending, for what is not whole yet (`"part"`), or was there (`"old"`)."""
    return path.with_name(f".{path.stem}.{os.getpid()}.{kind}{path.suffix}")


@contextmanager
def claimed(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the right to write `path` against other processes; the claim of one that dies is free at once.

    What killed processes left beside it is removed; an older `path` that one of them had moved aside is put back.
    Folders above it are made, and taken away again if they stay empty.

    Parameters
    ----------
    path
        A file or folder, which need not be there.
    wait
        Wait for another process to finish.

    Raises
    ------
    ValueError
        If another process holds the claim, and is not waited for.
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
                if not file.exists():  # its last holder removed it while this one took it: others would make a new one
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
    finally:  # of the acquisition, too: a signal may come right after it
        if lock.is_locked:
            with suppress(OSError):  # Windows removes no open file
                file.unlink(missing_ok=True)
            lock.release()


def sweep(path: Path) -> None:
    """Take away what killed processes left of `path`; only who has claimed it may do so."""
    name = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]+\.(part|old){re.escape(path.suffix)}")
    with os.scandir(path.parent) as entries:
        left = [(path.with_name(entry.name), kind[1]) for entry in entries if (kind := name.fullmatch(entry.name))]
    for found, word in sorted(left, key=lambda pair: pair[1]):  # what is old first
        if word == "old" and not path.exists():
            log.warning("%s is put back: a process was killed while replacing it.", path)
            found.replace(path)
        else:
            remove(found)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, *, wait: bool = False) -> Iterator[Path]:
    """Yield a name for a file that becomes `path` at the end; if anything goes wrong, nothing is left.

    The name has the same ending. An older file is replaced. Parameters and errors as in `claimed`.
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
    """Yield an empty folder that becomes `path` at the end; if anything goes wrong, nothing is left.

    An older folder of this name is replaced, so check first; and claim it.

    Parameters
    ----------
    path
        The folder.
    last
        The entry that says that the folder is whole: the last to come where `path` is a mount point, which is filled.
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
            part.replace(path)  # over an empty folder, at once
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
        gone = beside(path, "part")  # from here on it is not whole, and must not be put back
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
