"""One file from the network to its place: resumed where it was cut, checked before it gets its name, or not there.

Not pooch: it deletes its temporary file at the first error, so that nothing can be resumed, and does not look at what
the server sent before it is in the cache.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3

from crosstie._errors import InputError, message, value_error
from crosstie._log import log
from crosstie.datasets.download.integrity import check_whole, is_page, web_page

Progress = Callable[[str, int, int | None], None]  # name of the file, bytes that are there, bytes in all if known

ATTEMPTS = 5  # in a row without a byte gained
TIMEOUT = 60.0  # seconds without a byte
LONGEST_WAIT = 30.0  # seconds between attempts
CHUNK = 2**18
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}


class FetchError(InputError, OSError):
    """A file could not be had: the network, the server, or what it sent."""


class _CutError(Exception):
    """The transfer stopped early; what came can be kept."""


@dataclass(frozen=True)
class Received:
    """A file that is whole and in its place."""

    path: Path
    n_bytes: int
    sha256: str


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    attempts: int = ATTEMPTS,
    timeout: float = TIMEOUT,
    wait: float = 1.0,
) -> Received:
    """Download a file; go on with what an earlier attempt left.

    What has come lies beside `path` as `.NAME.part`, and takes the name only when it has the length that the server
    announced, the checksum if one is known, and the structure that its ending promises. A connection that breaks or
    stalls is taken up where it stopped, if the server says that the file is still the same.

    Parameters
    ----------
    url, path
        From where, and to where.
    sha256
        Checksum that the file must have, if known.
    progress
        Called with the file's name, the bytes that are there, and the bytes in all (`None` if unknown).
    attempts
        Failures in a row, without a byte gained between them, after which to give up.
    timeout
        Seconds to wait for a connection or the next byte.
    wait
        Seconds before the second attempt; doubled each time.

    Raises
    ------
    FetchError
        If the file cannot be had, or is not what it should be.
    ValueError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    failures, last = 0, ""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            before = _size(part)
            try:
                _transfer(url, part, progress, path.name, timeout)
                break
            except _CutError as cut:
                last = str(cut)
                failures = 0 if _size(part) > before else failures + 1
                if failures >= attempts or attempts == 1:
                    raise _gave_up(url, path, part, last) from None
                log.warning("%s: %s; going on at %s.", path.name, last, amount(_size(part)))
                time.sleep(min(wait * 2**failures, LONGEST_WAIT))
        return _put(part, path, url, sha256)


def _transfer(url: str, part: Path, progress: Progress | None, name: str, timeout: float) -> None:
    """Add to `part` what is missing, or raise `_CutError` with what came kept."""
    state = _state(part, url)
    start = _size(part) if state else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": state["validator"]}
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=timeout)
    except requests.exceptions.Timeout:
        raise _CutError(f"no answer for {timeout:g} s") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
        raise FetchError(message(f"{url}: not an address.", expected="http:// or https://")) from None
    except requests.exceptions.SSLError as error:
        raise FetchError(message(f"{url}: the server's certificate is not trusted.", found=str(error)[:200])) from None
    except requests.exceptions.RequestException as error:
        raise _CutError(_why(error)) from None
    with response:
        if response.status_code == 416:
            if response.headers.get("Content-Range", "").strip() == f"bytes */{start}":
                return  # all of it came, but an earlier attempt ended before it got its name
            _discard(part)
            raise _CutError("the file on the server has changed")
        _check_answer(url, response)
        start, total = _extent(response, start, part)
        validator = _validator(response)
        _write_state(part, url, validator)
        _check_room(part.parent, None if total is None else total - start)
        done = start
        with part.open("r+b" if start else "wb") as file:
            file.truncate(start)
            file.seek(start)
            try:
                for chunk in _chunks(response):
                    file.write(chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(name, done, total)
            except (urllib3.exceptions.HTTPError, requests.exceptions.RequestException, ConnectionError) as error:
                stalled = isinstance(error, urllib3.exceptions.ReadTimeoutError | requests.exceptions.ReadTimeout)
                why = f"no byte for {timeout:g} s" if stalled else "the connection was cut"
                raise _CutError(f"{why} at {amount(done)}{'' if total is None else f' of {amount(total)}'}") from None
            except TimeoutError:
                raise _CutError(f"no byte for {timeout:g} s at {amount(done)}") from None
    if total is not None and done < total:
        raise _CutError(f"the connection was cut at {amount(done)} of {amount(total)}")
    if total is not None and done > total:
        _discard(part)
        raise _CutError(f"{done:,} bytes came, of {total:,} announced")
    if progress is not None:
        progress(name, done, done)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the bytes as the server has them (a .gz stays one, whatever it calls it), as soon as they are there."""
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        yield chunk


def _check_answer(url: str, response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        kind = response.headers.get("Content-Type", "")
        if "html" in kind.lower():
            raise FetchError(web_page(url, response.raw.read(4096, decode_content=True) or b""))
        return
    if status in TEMPORARY:
        raise _CutError(f"the server answers {status} {response.reason}")
    words = {404: "there is no such file", 410: "the file is gone", 401: "access is denied", 403: "access is denied"}
    raise FetchError(
        message(
            f"{url}: {words.get(status, 'the server refuses')}.",
            found=f"HTTP {status} {response.reason}",
            do="Look at the source's page for where it is now; files that are already at hand can be given with "
            "source=FOLDER.",
        )
    )


def _extent(response: requests.Response, start: int, part: Path) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and how long the file is."""
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        if not found or int(found[1]) != start:
            _discard(part)
            raise _CutError("the server answered with another part of the file")
        return start, None if found[3] == "*" else int(found[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _validator(response: requests.Response) -> str:
    """Return what proves that the file on the server is the same: a strong ETag, or the date of its last change."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _state_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _state(part: Path, url: str) -> dict[str, str]:
    """Return what is known of a part that can be gone on with; nothing if it cannot."""
    try:
        state = json.loads(_state_file(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if state.get("url") == url and state.get("validator") and part.exists() else {}


def _write_state(part: Path, url: str, validator: str) -> None:
    _state_file(part).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


def _put(part: Path, path: Path, url: str, sha256: str | None) -> Received:
    """Give the file its name, if it is what it should be."""
    found = digest(part)
    if sha256 is not None and found != sha256:
        n_bytes = _size(part)
        with part.open("rb") as file:
            start = file.read(4096)
        _discard(part)
        if is_page(start):
            raise FetchError(web_page(url, start))
        raise FetchError(
            message(
                f"{url}: what came is not the file that is expected.",
                found=f"SHA-256 {found}, {n_bytes:,} bytes",
                expected=f"SHA-256 {sha256}",
                do="It was thrown away; try again. If the source has changed the file for good, say refresh=True.",
            )
        )
    try:
        check_whole(part, name=path.name, source=url)
    except InputError as error:
        _discard(part)
        raise FetchError(str(error)) from None
    n_bytes = _size(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    _state_file(part).unlink(missing_ok=True)
    return Received(path, n_bytes, found)


def _gave_up(url: str, path: Path, part: Path, why: str) -> FetchError:
    kept = f" {amount(_size(part))} are kept, and the next attempt goes on from there." if _size(part) else ""
    return FetchError(
        message(
            f"{path.name} could not be downloaded.",
            found=f"{why} ({url})",
            do=f"Try again.{kept} Files that are already at hand can be given with source=FOLDER.",
        )
    )


def _why(error: Exception) -> str:
    text = str(error)
    if "Name or service not known" in text or "getaddrinfo" in text or "NameResolution" in text:
        return "the server's name is not known here: is there a network?"
    return "the server refuses the connection" if "refused" in text else "the connection failed"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def amount(n_bytes: int) -> str:
    """Return a number of bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes} bytes"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_room(folder: Path, needed: int | None) -> None:
    free = shutil.disk_usage(folder).free
    if needed is not None and needed > free:
        raise no_room(folder, f"{amount(needed)} are needed, {amount(free)} are free")


def no_room(folder: Path, found: str = "") -> InputError:
    """Return the error for a full disk."""
    do = "Make room, or take another folder: cache=FOLDER or $CROSSTIE_CACHE."
    return value_error(f"{folder}: the disk is full.", found=found, do=do)


@contextmanager
def writing(folder: Path) -> Iterator[Any]:
    """Say in one message that a folder cannot be written to, or that the disk is full."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_room(folder) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            do = "Take another folder: cache=FOLDER or $CROSSTIE_CACHE."
            raise value_error(f"{folder} cannot be written to.", found=error.strerror or "", do=do) from None
        raise
