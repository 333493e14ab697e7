"""Downloads one file: resumes interrupted transfers, and verifies the file before it gets its name.

Not pooch: it deletes its temporary file at the first error, so that nothing can be resumed, and it does not verify a
file before it is in the cache.
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

from crosstie._errors import InputError, input_error, message, value_error
from crosstie._log import log
from crosstie.datasets.download.integrity import check_complete, is_page, web_page

Progress = Callable[[str, int, int | None], None]  # name of the file, bytes received, total bytes or None

ATTEMPTS = 5  # attempts in a row that receive nothing
TIMEOUT = 60.0  # seconds without data
LONGEST_WAIT = 30.0  # seconds between attempts
CHUNK = 2**18
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}


class FetchError(InputError, OSError):
    """A file could not be downloaded, or what the server sent is not the expected file."""


class _CutError(Exception):
    """The transfer stopped early; the part received so far can be kept."""


@dataclass(frozen=True)
class Received:
    """A file that was downloaded completely."""

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
    """Download a file, resuming an earlier attempt if there is one.

    Until it is complete, the file is `.NAME.part` beside `path`. It gets its name once its length is what the server
    announced, its checksum is right (if one is known), and its structure matches its ending. Interrupted or stalled
    downloads resume if the server confirms that the file has not changed.

    Parameters
    ----------
    url, path
        Address to download from, and path to write to.
    sha256
        Expected checksum; `None` if unknown.
    progress
        Function called with the name of the file, the bytes received, and the total bytes (`None` if unknown).
    attempts
        Number of attempts in a row that may fail without receiving any data.
    timeout
        Seconds to wait for a connection or for more data.
    wait
        Seconds before the second attempt; doubled after each further failure.

    Raises
    ------
    FetchError
        If the file cannot be downloaded, or is not the expected file.
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
                log.warning("%s: %s; resuming at %s.", path.name, last, amount(_size(part)))
                time.sleep(min(wait * 2**failures, LONGEST_WAIT))
        return _put(part, path, url, sha256)


def _transfer(url: str, part: Path, progress: Progress | None, name: str, timeout: float) -> None:
    """Append the missing bytes to `part`; if the transfer stops early, keep what came and raise `_CutError`."""
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
        raise FetchError(message(f"{url}: not a valid address.", expected="http:// or https://")) from None
    except requests.exceptions.SSLError as error:
        raise FetchError(message(f"{url}: the server's certificate is not trusted.", found=str(error)[:200])) from None
    except requests.exceptions.RequestException as error:
        raise _CutError(_why(error)) from None
    with response:
        if response.status_code == 416:
            if response.headers.get("Content-Range", "").strip() == f"bytes */{start}":
                return  # complete, but an earlier attempt ended before it was renamed
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
                why = f"no data for {timeout:g} s" if stalled else "the connection was lost"
                raise _CutError(f"{why} at {amount(done)}{'' if total is None else f' of {amount(total)}'}") from None
            except TimeoutError:
                raise _CutError(f"no data for {timeout:g} s at {amount(done)}") from None
    if total is not None and done < total:
        raise _CutError(f"the connection was lost at {amount(done)} of {amount(total)}")
    if total is not None and done > total:
        _discard(part)
        raise _CutError(f"received {done:,} bytes, but {total:,} were announced")
    if progress is not None:
        progress(name, done, done)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the bytes as the server stores them (without decompression), as soon as they arrive."""
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        yield chunk


def _check_answer(url: str, response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        kind = response.headers.get("Content-Type", "")
        if "html" in kind.lower():
            raise web_page(FetchError, url, response.raw.read(4096, decode_content=True) or b"")
        return
    if status in TEMPORARY:
        raise _CutError(f"the server answered {status} {response.reason}")
    words = {404: "there is no such file", 410: "the file is gone", 401: "access is denied", 403: "access is denied"}
    do = "Look up the new address on the source's page, or give files that you already have with "
    raise input_error(
        FetchError,
        f"{url}: {words.get(status, 'the server refused the request')}.",
        found=f"HTTP {status} {response.reason}",
        do=f"{do}source=FOLDER.",
        cli={"do": f"{do}--from FOLDER."},
    )


def _extent(response: requests.Response, start: int, part: Path) -> tuple[int, int | None]:
    """Return the position in the file where the answer begins, and the length of the file (`None` if unknown)."""
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        if not found or int(found[1]) != start:
            _discard(part)
            raise _CutError("the server sent another part of the file")
        return start, None if found[3] == "*" else int(found[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _validator(response: requests.Response) -> str:
    """Return what identifies the version of the file on the server: a strong ETag, or the date of its last change."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _state_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _state(part: Path, url: str) -> dict[str, str]:
    """Return the saved state of a partial download; empty if it cannot be resumed."""
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
    """Verify the file and give it its final name."""
    found = digest(part)
    if sha256 is not None and found != sha256:
        n_bytes = _size(part)
        with part.open("rb") as file:
            start = file.read(4096)
        _discard(part)
        if is_page(start):
            raise web_page(FetchError, url, start)
        do = "It was deleted; try again. If the source has replaced the file, use "
        raise input_error(
            FetchError,
            f"{url}: not the expected file.",
            found=f"SHA-256 {found}, {n_bytes:,} bytes",
            expected=f"SHA-256 {sha256}",
            do=f"{do}refresh=True.",
            cli={"do": f"{do}--refresh."},
        )
    try:
        check_complete(part, name=path.name, source=url)
    except InputError as error:
        _discard(part)
        raise FetchError(str(error), cli=error.cli) from None
    n_bytes = _size(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    _state_file(part).unlink(missing_ok=True)
    return Received(path, n_bytes, found)


def _gave_up(url: str, path: Path, part: Path, why: str) -> FetchError:
    kept = f" The next attempt resumes at {amount(_size(part))}." if _size(part) else ""
    do = f"Try again.{kept} Files that you already have can be given with "
    return input_error(
        FetchError,
        f"{path.name} could not be downloaded.",
        found=f"{why} ({url})",
        do=f"{do}source=FOLDER.",
        cli={"do": f"{do}--from FOLDER."},
    )


def _why(error: Exception) -> str:
    text = str(error)
    if "Name or service not known" in text or "getaddrinfo" in text or "NameResolution" in text:
        return "the server's name cannot be resolved: is there a network connection?"
    return "the server refused the connection" if "refused" in text else "the connection failed"


def digest(path: Path) -> str:
    """Return the SHA-256 checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def amount(n_bytes: int) -> str:
    """Return a number of bytes in words, such as `1.2 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes} bytes"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_room(folder: Path, needed: int | None) -> None:
    free = shutil.disk_usage(folder).free
    if needed is not None and needed > free:
        raise no_room(folder, f"{amount(needed)} needed, {amount(free)} free")


def no_room(folder: Path, found: str = "") -> InputError:
    """Return the error for a full disk."""
    do = "Free some space, or use another folder: {} or $CROSSTIE_CACHE."
    return value_error(
        f"{folder}: the disk is full.",
        found=found,
        do=do.format("cache=FOLDER"),
        cli={"do": do.format("--cache FOLDER")},
    )


@contextmanager
def writing(folder: Path) -> Iterator[Any]:
    """Turn write errors into a clear message: the folder is not writable, or the disk is full."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_room(folder) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            do = "Use another folder: {} or $CROSSTIE_CACHE."
            raise value_error(
                f"{folder} cannot be written to.",
                found=error.strerror or "",
                do=do.format("cache=FOLDER"),
                cli={"do": do.format("--cache FOLDER")},
            ) from None
        raise
