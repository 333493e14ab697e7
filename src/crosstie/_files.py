"""Atomic writes: a file or folder appears complete or not at all, and one process at a time may write a path.

Nothing is written through a symbolic link, and only temporary files and folders of our own are removed.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crosstie._errors import value_error
from crosstie._log import log

if TYPE_CHECKING:
    import filelock

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # file systems without locks
MARK = "crosstie.temporary"  # a file in every temporary folder of ours
NEW, OLD, GONE = "new", "old", "gone"  # in it: the unfinished folder, the previous one, and what is being removed


def beside(path: Path) -> Path:
    """Return a fresh name beside `path`, with its ending, for something temporary."""
    return path.with_name(f".{path.stem}.crosstie-{secrets.token_hex(8)}.part{path.suffix}")


def is_temporary(name: str, path: Path) -> bool:
    """Return whether a name is one that `beside` gives for `path`."""
    ours = rf"\.{re.escape(path.stem)}\.crosstie-[0-9a-f]{{16}}\.part{re.escape(path.suffix)}"
    return re.fullmatch(ours, name) is not None


def fresh_file(path: Path) -> Path:
    """Make an empty file beside `path` under a fresh name; it never is a file or link that was there before."""
    part = beside(path)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a fresh file that replaces the entry at `path` on success; on failure nothing is left. Takes no lock."""
    part = fresh_file(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def entry_of(path: Path) -> Path:
    """Return the absolute path of an entry: its folder is resolved, the entry itself is not, so a link stays one."""
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def check_not_input(out: Path, inputs: Iterable[Path], *, option: str = "--out") -> None:
    """Raise if writing to `out` would replace an input or write into one.

    Raises
    ------
    ValueError
        If `out` is an input, contains one or lies inside one, whatever links lead there.
    """
    for path in inputs:
        for o in _places(out):
            for i in _places(path):
                how = "is" if _same(o, i) else "contains" if _holds(o, i) else "lies inside" if _holds(i, o) else ""
                if how:
                    raise value_error(
                        f"{option} {out} {how} an input.",
                        found=str(path),
                        expected="a place apart from all inputs",
                        do="Write elsewhere; nothing was changed.",
                    )


def _places(path: Path) -> set[Path]:
    """Return the place of an entry and where links lead from it; links in a ring lead nowhere."""
    try:
        return {entry_of(path), path.resolve()}
    except (OSError, RuntimeError):
        return {path.absolute()}


def _same(a: Path, b: Path) -> bool:
    return a == b or (a.exists() and b.exists() and a.samefile(b))


def _holds(folder: Path, path: Path) -> bool:
    return not folder.is_file() and any(_same(folder, parent) for parent in path.parents)


@contextmanager
def claimed(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock `path` for writing, so that no other process writes it. The lock of a process that dies is released at once.

    Leftovers of killed processes beside it are removed, and a previous version that one of them moved aside is
    restored; both are recognised by their names and a mark inside. Missing parent folders are created, and removed
    again if they stay empty.

    Parameters
    ----------
    path
        The file or folder to write; it need not exist.
    wait
        Wait until another process has finished; otherwise raise an error.

    Raises
    ------
    ValueError
        If another process holds the lock and `wait` is false, or something else is at the place of the lock.
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


def lock_at(file: Path) -> filelock.FileLock:
    """Return the lock in a file, not yet held. Locking empties the file, so it must be ours: missing, or empty.

    Raises
    ------
    ValueError
        If something else is there, such as a link.
    """
    import filelock

    with suppress(FileNotFoundError):
        there = file.lstat()
        kind = "a link" if stat.S_ISLNK(there.st_mode) else "not a file"
        if not stat.S_ISREG(there.st_mode) or there.st_size:
            raise value_error(
                f"{file} is not a lock of crosstie.",
                found="a file with content" if stat.S_ISREG(there.st_mode) else kind,
                expected="no such file, or an empty one",
                do="Move it away, or write elsewhere; it was not changed.",
            )
    return filelock.FileLock(file)


@contextmanager
def _locked(file: Path, path: Path, *, wait: bool) -> Iterator[None]:
    import filelock

    lock = lock_at(file)
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
                if error.filename is not None:  # the folder cannot be written, which needs no other words
                    raise
                with suppress(OSError):  # ours: it was missing or empty
                    file.unlink(missing_ok=True)
                raise value_error(
                    f"{path} cannot be locked.",
                    found=f"{error.strerror} ({errno.errorcode.get(error.errno or 0, error.errno)}) for {file}",
                    expected="a folder in which files can be created and locked",
                    do="Check its permissions and its disk, or write elsewhere.",
                ) from error
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
    with os.scandir(path.parent) as entries:
        left = [entry for entry in entries if is_temporary(entry.name, path)]
    for entry in left:
        found = path.with_name(entry.name)
        if entry.is_dir(follow_symlinks=False) and _is_marked(found):
            _close(found, path)
        elif entry.is_file(follow_symlinks=False):
            found.unlink(missing_ok=True)


def _is_marked(folder: Path) -> bool:
    """Whether a folder is a temporary one of ours: nothing in it, or the mark and what we put beside it."""
    inside = {entry.name for entry in folder.iterdir()}
    return not inside or (MARK in inside and inside <= {MARK, NEW, OLD, GONE})


def _close(holder: Path, path: Path) -> None:
    """Remove a temporary folder of ours; the previous version in it comes back if nothing is at its place."""
    if (holder / OLD).exists() and not path.exists():
        log.warning("%s was restored: a process was killed while replacing it.", path)
        (holder / OLD).replace(path)
    elif (holder / OLD).exists():  # from here on it is incomplete, and must not be restored
        remove(holder / GONE)
        (holder / OLD).replace(holder / GONE)
    for name in (NEW, GONE, MARK):  # the mark last
        remove(holder / name)
    with suppress(OSError):
        holder.rmdir()


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        for _ in range(3):  # another process may have written one more file into it meanwhile
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                break
    else:
        path.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, *, wait: bool = False, streams: bool = True) -> Iterator[Path]:
    """Yield a temporary file, with the same ending, that becomes `path` on success.

    On failure nothing is left behind. An existing file is replaced. If `path` is a symbolic link, the link is replaced
    and the file that it leads to stays as it is.

    Parameters
    ----------
    path
        The file to write.
    wait
        As of `claimed`, which also says what errors there are.
    streams
        Write into a pipe or terminal at this place, `/dev/stdout` included; otherwise it is replaced, too.
    """
    path = entry_of(path)
    if path.is_symlink() and path.is_relative_to("/dev") | path.is_relative_to("/proc"):  # links of the system
        path = path.resolve() if path.is_file() else path
    elif path.is_symlink():
        streams = False
    if (path.is_dir() and not path.is_symlink()) or (streams and path.exists() and not path.is_file()):
        yield path
        return
    with claimed(path, wait=wait), replacing(path) as part:
        yield part


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
    holder = beside(path)
    holder.mkdir()
    try:
        (holder / MARK).touch()
        (holder / NEW).mkdir()
        yield holder / NEW
        _put(holder, path, last)
    finally:
        _close(holder, path)


def _put(holder: Path, path: Path, last: str) -> None:
    part, old = holder / NEW, holder / OLD
    if path.is_dir() and not any(path.iterdir()):
        shutil.copymode(path, part)
        if os.path.ismount(path) or os.name == "nt":
            _fill(path, part, last)
        else:
            part.replace(path)  # atomic, over an empty folder
        return
    try:
        if path.exists():
            path.replace(old)
        part.replace(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.replace(path)
        raise


def _fill(path: Path, part: Path, last: str) -> None:
    try:
        for entry in sorted(part.iterdir(), key=lambda e: e.name == last):
            shutil.move(entry, path / entry.name)
    except BaseException:
        for entry in path.iterdir():
            remove(entry)
        raise
    part.rmdir()
