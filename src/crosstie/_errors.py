"""The one shape of an error about the user's input: what is wrong, what was found, what was expected, what to do.

The classes stay subclasses of `ValueError`, `KeyError`, `TypeError` and `ImportError`, so that callers need nothing of
ours to catch them; the common parent lets the command line tell a user's mistake (exit status 2) from a fault of ours
(1).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """The user's input cannot be used; the message says why and what to do."""

    def __str__(self) -> str:  # KeyError would print the repr of its message
        return str(self.args[0]) if self.args else ""


class InputValueError(InputError, ValueError):
    """A value is wrong."""


class InputKeyError(InputError, KeyError):
    """A name is unknown."""


class InputTypeError(InputError, TypeError):
    """A value is of the wrong kind."""


class InputImportError(InputError, ImportError):
    """What was asked for needs a package that is not installed."""


def message(what: str, *, found: str = "", expected: str = "", do: str = "") -> str:
    """Compose an error message of one headline and up to three indented lines."""
    parts = (("found: ", found), ("expected: ", expected), ("", do))
    return what + "".join(f"\n  {label}{text}" for label, text in parts if text)


def value_error(what: str, *, found: str = "", expected: str = "", do: str = "") -> InputValueError:
    """Return (not raise) the error for a wrong value."""
    return InputValueError(message(what, found=found, expected=expected, do=do))


def type_error(what: str, *, found: str = "", expected: str = "", do: str = "") -> InputTypeError:
    """Return (not raise) the error for a value of the wrong kind."""
    return InputTypeError(message(what, found=found, expected=expected, do=do))


def check_whole(what: str, value: object, *, least: int = 0, name: str = "") -> None:
    """Raise unless a value is a whole number, and not too small; `name` is that of the argument."""
    found = f"{name}={value!r}" if name else repr(value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        expected = f"at least {least}"
        raise type_error(f"{what} must be a whole number.", found=found, expected=expected)
    if value.__index__() < least:
        raise value_error(f"{what} must be at least {least}.", found=found, expected="a whole number")


def unknown_name(what: str, name: object, known: Iterable[object], *, do: str = "") -> InputKeyError:
    """Return (not raise) the error for a name that is not among the known ones, with the nearest as a hint."""
    names = [str(k) for k in known]
    near = get_close_matches(str(name), names, n=1)
    hint = f"Did you mean {near[0]!r}? {do}".strip() if near else do
    return InputKeyError(message(f"{what}: unknown name {name!r}.", expected="one of " + sample(names), do=hint))


def sample(names: Iterable[object], n: int = 8) -> str:
    """Show the first `n` names, quoted, and how many more there are."""
    listed = [str(name) for name in names]
    text = ", ".join(map(repr, listed[:n]))
    return (text or "(none)") + (f", … ({len(listed):,} in all)" if len(listed) > n else "")
