"""Text from data made visible: what could steer a terminal, forge a line or turn text around is shown, not obeyed."""

from __future__ import annotations

import re

# Control characters could move the cursor, fill the clipboard (OSC 52) or forge lines; the others reverse text.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return text that may hold names from data with every control character shown, such as `\x1b`.

    Parameters
    ----------
    text
        The text.
    lines
        Whether line breaks are meant, and stay.
    """
    if text.isprintable():
        return text

    def shown(found: re.Match[str]) -> str:
        return "\n" if lines and found[0] == "\n" else found[0].encode("unicode_escape").decode("ascii")

    return _HIDDEN.sub(shown, text)
