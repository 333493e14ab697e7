"""The answer of a command: a table for people or, with --json, one JSON object for programs.

Commands `give` their results as they compute them, with or without --json. With it, everything that would go to stdout
goes to stderr, and at the end one object with what was given, or the error, goes to stdout.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from functools import wraps
from pathlib import PurePath
from typing import Annotated, Any

import typer

from crosstie._errors import message

_given: ContextVar[dict[str, Any] | None] = ContextVar("given", default=None)

CLOSED_PIPE = 141  # as in shells: 128 plus the number of the signal
JSON = "--json"
Json = Annotated[bool, typer.Option(JSON, help="Print the result as one JSON object; all else goes to stderr.")]


def give(**fields: Any) -> None:
    """Add fields to the answer; does nothing without --json."""
    given = _given.get()
    if given is not None:
        given.update(fields)


def give_error(text: str, status: int) -> None:
    """Replace the answer by an error."""
    given = _given.get()
    if given is not None:
        given.clear()
        given.update(error=text, status=status)


def offered(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the option --json, which the group evaluates, not the command."""
    signature = inspect.signature(command, eval_str=True)

    @wraps(command)
    def with_option(*, as_json: bool = False, **options: Any) -> None:
        del as_json
        command(**options)

    option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    parameters = [*signature.parameters.values(), option]
    del with_option.__wrapped__  # type: ignore[attr-defined]
    with_option.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_option.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_option


def wanted(words: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON; needed before it is parsed, for errors in it."""
    words = list(words)
    return JSON in words[: words.index("--")] if "--" in words else JSON in words


@contextmanager
def answered(*, as_json: bool) -> Iterator[None]:
    """Print at the end what was given, if JSON is wanted, even after an error."""
    if not as_json or _given.get() is not None:
        yield
        return
    out = sys.stdout
    given: dict[str, Any] = {}
    token = _given.set(given)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _given.reset(token)
        if given:  # help gives nothing
            try:
                out.write(json.dumps(plain({"status": 0} | given), indent=2, allow_nan=False) + "\n")
                out.flush()
            except BrokenPipeError:
                raise closed_pipe() from None
            except OSError as error:  # a full disk
                said = os.strerror(error.errno or 0)
                text = message("the answer cannot be written to standard output.", found=said, do="Write it elsewhere.")
                print(f"crosstie: error: {text}", file=sys.stderr)
                raise typer.Exit(2) from None


def closed_pipe() -> typer.Exit:
    """Return the exit of a command whose reader is gone, like `head`; further output is discarded."""
    with suppress(OSError, ValueError):  # a stream of a test has no file descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
    return typer.Exit(CLOSED_PIPE)


def plain(value: Any) -> Any:
    """Return a value as JSON: tables as lists of rows, paths with `/`, null for NaN and infinity."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [plain(part) for part in value]
    if hasattr(value, "to_dict"):  # pandas, which need not be imported for this
        return plain(value.to_dict("records") if hasattr(value, "columns") else value.to_dict())
    if hasattr(value, "tolist"):  # numpy, arrays and scalars
        return plain(value.tolist())
    return str(value)
