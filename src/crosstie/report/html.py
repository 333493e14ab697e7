"""HTML from elements: everything not made here is text and is escaped, so that names never become markup."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from crosstie._visible import visible

VOID = ("br", "img", "input", "link", "meta")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = str | int | Iterable["Child"] | None


def el(tag: str, *children: Child, **attributes: str | int | bool | None) -> Html:
    """Make an element.

    Parameters
    ----------
    tag
        Name of the element.
    children
        `Html` is inserted unchanged and other text escaped; lists are flattened, and `None` is skipped.
    attributes
        `class_` means `class`, and `_` means `-`; `True` is an attribute without a value; `None` and `False` are
        skipped.
    """
    words = [tag]
    for name, value in attributes.items():
        if value is not None and value is not False:
            key = name.rstrip("_").replace("_", "-")
            words.append(key if value is True else f'{key}="{_text(value)}"')
    start = f"<{' '.join(words)}>"
    return Html(start if tag in VOID else f"{start}{joined(children)}</{tag}>")


def joined(children: Child) -> Html:
    """Return children as one piece of HTML."""
    if children is None:
        return Html()
    if isinstance(children, Html):
        return children
    if isinstance(children, (str, int)):
        return Html(_text(children))
    return Html("".join(joined(child) for child in children))


def _text(value: object) -> str:
    """Return escaped text in which nothing can turn the direction of reading around."""
    return escape(visible(str(value), lines=True))


def _all_visible(content: object) -> object:
    """Return content of JSON with its text made visible, keys included."""
    if isinstance(content, str):
        return visible(content, lines=True)
    if isinstance(content, dict):
        return {_all_visible(key): _all_visible(value) for key, value in content.items()}
    return [_all_visible(part) for part in content] if isinstance(content, list | tuple) else content


def data_block(content: object) -> Html:
    """Return JSON in a script element that is never executed and that its content cannot close."""
    text = json.dumps(_all_visible(content), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(f'<script type="application/json">{text}</script>')


def pack(content: bytes) -> str:
    """Return bytes compressed by zlib, as base64, which browsers can unpack."""
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def table(
    heads: Iterable[Child],
    rows: Iterable[Iterable[Child]],
    *,
    numbers: Iterable[int] = (),
    class_: str | None = None,
    caption: str | None = None,
) -> Html:
    """Return a table with a heading row; columns in `numbers` are aligned right."""
    right = set(numbers)
    head = el("tr", [el("th", h, scope="col", class_="number" if i in right else None) for i, h in enumerate(heads)])
    lines = [
        el("tr", [el("td", cell, class_="number" if i in right else None) for i, cell in enumerate(row)])
        for row in rows
    ]
    title = el("caption", caption) if caption else None
    made = el("table", title, el("thead", head), el("tbody", lines), class_=class_)
    return el("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption or "Table")


def none(text: str) -> Html:
    """Return the text of a section that has nothing to show."""
    return el("p", text, class_="none")


def section(name: str, title: str, *children: Child) -> Html:
    """Return a section with its heading."""
    return el("section", el("h2", title, id=f"{name}-title"), *children, id=name, aria_labelledby=f"{name}-title")
