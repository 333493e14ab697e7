"""A long table of the page: its first rows in HTML, all of them as data that the script sorts and filters."""

from __future__ import annotations

from typing import Any

from crosstie.report.html import Child, Html, data_block, el, table

PAGE = 25  # rows of a long table that stand in the page; the others are packed


def packed_table(
    heads: list[str],
    columns: list[dict[str, Any]],
    *,
    name: str,
    kind: int | None = None,
    sorted_by: int = 0,
    down: bool = True,
) -> Html:
    """Return a table that sorts and filters; without script, and until then, its first rows stand in it.

    Parameters
    ----------
    heads
        Of the columns.
    columns
        `{"type": "text" | "number", "values": [...]}`, numbers with `digits` and optionally `bar`.
    name
        What it is.
    kind
        Number of the text column by whose values rows can be chosen.
    sorted_by, down
        Its first order, in which the rows are given.
    """
    n = len(columns[0]["values"])
    rows = [[_shown(c, i) for c in columns] for i in range(min(PAGE, n))]
    numbers = [i for i, c in enumerate(columns) if c["type"] == "number"]
    made = table([el("button", h, type="button") for h in heads], rows, numbers=numbers, caption=name)
    choice: Child = None
    if kind is not None:
        kinds = list(dict.fromkeys(columns[kind]["values"]))
        if len(kinds) > 1:
            options = [el("option", "all", value=""), [el("option", k, value=k) for k in kinds]]
            choice = el("label", f"{heads[kind]} ", el("select", options))
    tools = el(
        "div",
        el("label", "Find ", el("input", type="search", autocomplete="off")),
        choice,
        el("span", class_="rows-said", role="status"),
        class_="tools",
        hidden=True,
    )
    more = el("button", "Show more rows", type="button", class_="more", hidden=True)
    block = data_block({"columns": columns, "kind": kind, "sorted": sorted_by, "down": down})
    left = (
        el("p", f"The first {PAGE} of {n:,} rows; sort and find in the page itself.", class_="print-only")
        if n > PAGE
        else None
    )
    return el("div", tools, made, left, more, block, class_="packed-table", data_page=PAGE)


def _shown(column: dict[str, Any], i: int) -> str:
    value = column["values"][i]
    return str(value) if column["type"] == "text" else "–" if value is None else f"{value:.{column['digits']}f}"
