"""Long tables: the first rows as HTML, and all rows as data that the script of the page sorts and filters."""

from __future__ import annotations

from typing import Any

from crosstie.report.html import Child, Html, data_block, el, table

PAGE = 25  # rows of a long table that are in the HTML; all rows are in the data


def packed_table(
    heads: list[str],
    columns: list[dict[str, Any]],
    *,
    name: str,
    kind: int | None = None,
    sorted_by: int = 0,
    down: bool = True,
) -> Html:
    """Return a table that readers can sort and filter; without script it shows its first rows.

    Parameters
    ----------
    heads
        Headings of the columns.
    columns
        `{"type": "text" | "number", "values": [...]}`; numbers also have `digits` and optionally `bar`.
    name
        Title of the table.
    kind
        Number of the text column whose values readers can filter by; `None` for no filter.
    sorted_by, down
        Number of the column that the rows are sorted by, and whether in descending order.
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
        el(
            "p",
            f"The first {PAGE} of {n:,} rows; open the page to see, sort and filter all of them.",
            class_="print-only",
        )
        if n > PAGE
        else None
    )
    return el("div", tools, made, left, more, block, class_="packed-table", data_page=PAGE)


def _shown(column: dict[str, Any], i: int) -> str:
    value = column["values"][i]
    return str(value) if column["type"] == "text" else "–" if value is None else f"{value:.{column['digits']}f}"
