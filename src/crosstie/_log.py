"""The logger of the package, and its one handler: warnings reach the user of Python on stderr, in every session.

Python's own last resort falls silent as soon as any package configures the root logger. This handler does not: it
prints unless another handler already prints the same record on the terminal. `logging` settings of `"crosstie"` change
it as usual: `setLevel("ERROR")` silences it, and `setLevel("INFO")` also shows what was guessed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator


class LastResort(logging.Handler):
    """Prints warnings on the current stderr, and less serious records only where a user set the level of the logger."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, unless it is printed elsewhere."""
        # The level of the root logger may be anybody's: it does not make this package talkative.
        asked = record.levelno >= logging.WARNING or log.level != logging.NOTSET
        if sys.stderr is None or not asked or any(_prints(other, record) for other in _others(self)):
            return
        level = "" if record.levelno <= logging.INFO else f" {record.levelname.lower()}"
        try:
            print(f"crosstie{level}: {self.format(record)}", file=sys.stderr, flush=True)
        except (OSError, ValueError):  # a closed stream
            self.handleError(record)


def _others(own: logging.Handler) -> Iterator[logging.Handler]:
    """Yield the handlers that get the records of this package, but for its own."""
    logger: logging.Logger | None = log
    while logger is not None:
        yield from (handler for handler in logger.handlers if handler is not own)
        logger = logger.parent if logger.propagate else None


def _prints(handler: logging.Handler, record: logging.LogRecord) -> bool:
    """Whether a handler shows a record on the terminal, as far as its kind tells."""
    if record.levelno < handler.level or isinstance(handler, logging.NullHandler):
        return False
    if isinstance(handler, logging.StreamHandler):  # files, too
        return handler.stream in (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    return type(handler).__module__.startswith("rich.")


log = logging.getLogger("crosstie")
log.addHandler(LastResort())
