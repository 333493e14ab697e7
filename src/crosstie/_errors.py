"""Errors about the user's input, all of one form: what is wrong, what was found, what was expected, what to do.

The classes are subclasses of `ValueError`, `KeyError`, `TypeError` and `ImportError`, so that callers can catch them as
usual. Their common parent lets the command line tell a user's mistake (exit status 2) from a bug (exit status 1).

Messages name arguments of functions. Where the command line has an option instead, the error also has those parts of
its message in the words of the command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypedDict, TypeVar


class Parts(TypedDict, total=False):
    """Parts of a message, as `message` takes them."""

    what: str
    found: str
    expected: str
    do: str


class InputError(Exception):
    """The user's input cannot be used; the message says why and what to do.

    Parameters
    ----------
    text
        The message.
    cli
        The message in the words of the command line, if these differ.
    """

    def __init__(self, text: object = "", *, cli: str = "") -> None:
        super().__init__(text)
        self.cli = cli or str(text)

    def __str__(self) -> str:  # KeyError would print the repr of its message
        return str(self.args[0]) if self.args else ""


class InputValueError(InputError, ValueError):
    """A value is wrong."""


class InputKeyError(InputError, KeyError):
    """A name is unknown."""


class InputTypeError(InputError, TypeError):
    """A value has the wrong type."""


class InputImportError(InputError, ImportError):
    """What was asked for needs a package that is not installed."""


def message(what: str, *, found: str = "", expected: str = "", do: str = "") -> str:
    """Compose an error message of one headline and up to three indented lines."""
    parts = (("found: ", found), ("expected: ", expected), ("", do))
    return what + "".join(f"\n  {label}{text}" for label, text in parts if text)


E = TypeVar("E", bound=InputError)


def input_error(
    kind: type[E], what: str, *, found: str = "", expected: str = "", do: str = "", cli: Parts | None = None
) -> E:
    """Return (not raise) an error of a kind.

    Parameters
    ----------
    kind
        Its class.
    what, found, expected, do
        Parts of the message.
    cli
        The parts that read differently on the command line.
    """
    text = message(what, found=found, expected=expected, do=do)
    if not cli:
        return kind(text)
    words = {"found": found, "expected": expected, "do": do} | {name: str(part) for name, part in cli.items()}
    return kind(text, cli=message(words.pop("what", what), **words))


def value_error(
    what: str, *, found: str = "", expected: str = "", do: str = "", cli: Parts | None = None
) -> InputValueError:
    """Return (not raise) the error for a wrong value; parameters as in `input_error`."""
    return input_error(InputValueError, what, found=found, expected=expected, do=do, cli=cli)


def type_error(
    what: str, *, found: str = "", expected: str = "", do: str = "", cli: Parts | None = None
) -> InputTypeError:
    """Return (not raise) the error for a value of the wrong type; parameters as in `input_error`."""
    return input_error(InputTypeError, what, found=found, expected=expected, do=do, cli=cli)


def check_integer(what: str, value: object, *, least: int = 0, name: str = "") -> None:
    """Raise unless a value is a whole number of at least `least`; `name` is the argument's name in the message."""
    found = f"{name}={value!r}" if name else repr(value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        expected = f"at least {least}"
        raise type_error(f"{what} must be a whole number.", found=found, expected=expected)
    if value.__index__() < least:
        raise value_error(f"{what} must be at least {least}.", found=found, expected="a whole number")


def unknown_name(
    what: str, name: object, known: Iterable[object], *, do: str = "", what_cli: str = ""
) -> InputKeyError:
    """Return (not raise) the error for an unknown name, with the most similar known name as a hint.

    `what_cli` is what the command line calls `what`.
    """
    names = [str(k) for k in known]
    near = get_close_matches(str(name), names, n=1)
    hint = f"Did you mean {near[0]!r}? {do}".strip() if near else do
    said, said_cli = (f"{words}: unknown name {name!r}." for words in (what, what_cli or what))
    return input_error(InputKeyError, said, expected="one of " + sample(names), do=hint, cli={"what": said_cli})


def sample(names: Iterable[object], n: int = 8) -> str:
    """Return the first `n` names, quoted, and the total number if there are more."""
    listed = [str(name) for name in names]
    text = ", ".join(map(repr, listed[:n]))
    return (text or "(none)") + (f", … ({len(listed):,} in all)" if len(listed) > n else "")
