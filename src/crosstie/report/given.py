"""What went in and how: the inputs, the links, the settings, the versions."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

import pandas as pd

from crosstie.config import Config
from crosstie.data import Recipe
from crosstie.report import svg
from crosstie.report.html import Child, Html, data_block, el, none, section, table
from crosstie.runs.run import Run

PAGE = 25  # rows of a long table that stand in the page; the others are packed
NORMALISED = {
    "library": "total, then log",
    "binary": "seen or not, total, then log",
    "clr": "centred log ratio",
    "arcsinh": "arcsinh",
    "none": "as given",
}


def inputs(run: Run) -> Html:
    """Return a line for every view."""
    model, rows = run.model, []
    files = run.about.get("inputs") or {}
    for name, recipe in model.recipes.items():
        file = files.get(name) or files.get("all") or {}
        batches = model.offsets.names.get(name, ()) if model.offsets and name not in model.like else ()
        path = (
            el("small", PurePath(str(file["path"])).name + f", {file['n_bytes'] / 1e6:,.1f} MB")
            if "path" in file
            else None
        )
        rows.append(
            [
                [el("b", name), path],
                model.modalities[name] + (f" (like {model.like[name]})" if name in model.like else ""),
                f"{len(model.latents[name]):,}",
                f"{len(recipe.features):,}",
                f"{len(recipe.kept):,}",
                str(recipe.n_components),
                f"{recipe.values}, {model.slots[name]}",
                _normalised(recipe),
                f"{len(batches)} of {model.batch_keys[name]}" if len(batches) > 1 and name in model.batch_keys else "–",
            ]
        )
    heads = ["View", "Modality", "Cells", "Features", "Used", "Components", "Values", "Normalised by", "Batches"]
    simulated = files.get("simulated")
    note = (
        el("p", f"Simulated by crosstie: {', '.join(f'{k} {v}' for k, v in simulated.items())}.") if simulated else None
    )
    return section("inputs", "What was integrated", note, table(heads, rows, numbers=(2, 3, 4, 5), caption="Views"))


def _normalised(recipe: Recipe) -> str:
    how = recipe.steps.normalize
    return NORMALISED.get(how, how) if recipe.values == "counts" or how == "arcsinh" else "as given"


def links(run: Run) -> Html:
    """Return what was linked, and what was looked up and not linked."""
    linkage = run.model.linkage
    parts: list[Child] = []
    parts += [
        el("p", el("b", f"{tie.source} – {tie.target}"), f": {len(tie.cells):,} cells are in both views and tie them.")
        for tie in linkage.paired
    ]
    for link in linkage.links:
        report = link.report.copy()
        n_linked = int((report["status"] == "linked").sum()) if len(report) else 0
        sides = [link.pairs[side].nunique() for side in ("source", "target")]
        parts.append(el("h3", f"{link.source} – {link.target}"))
        parts.append(
            el(
                "p",
                f"{link.n_columns:,} linked columns: {len(link.pairs):,} pairs of {sides[0]:,} "
                f"features of {link.source} and "
                f"{sides[1]:,} of {link.target}. Features of one column, such as the genes of one "
                "protein complex, count once. ",
                f"{len(report):,} features were looked up, {n_linked:,} linked." if len(report) else None,
            )
        )
        if not len(report):
            parts.append(none("No list of what was looked up: these links were given as they are."))
            continue
        parts.append(svg.shares({str(k): float(v) for k, v in _by_count(report["status"]).items()}))
        text = report.reindex(columns=["feature", "status", "targets", "entry", "reason"]).fillna("").astype(str)
        text["targets"] = text["targets"].str.replace("/", ", ")
        # What was missed first: that is what a reader looks for.
        text = text.sort_values("status", key=lambda s: s == "linked", kind="stable")
        columns = [{"type": "text", "values": text[c].tolist()} for c in text]
        heads = ["Feature", "Became", "Linked to", "Known as", "Why"]
        parts.append(
            packed_table(
                heads,
                columns,
                kind=1,
                sorted_by=1,
                down=next(iter(text["status"])) > "linked",
                name=f"Links {link.source} – {link.target}",
            )
        )
    if not parts:
        parts.append(none("No links are kept in this run."))
    return section("links", "Links found and missed", *parts)


def _by_count(status: pd.Series) -> dict[str, int]:
    count = status.astype(str).value_counts()
    order = sorted(count.index, key=lambda s: (s != "linked", -count[s], s))
    return {s: int(count[s]) for s in order}


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


def settings(run: Run) -> Html:
    """Return the settings, those that differ from the default first."""
    now, usual = asdict(run.model.config), asdict(Config())
    changed = {k: v for k, v in now.items() if v != usual[k]}
    preset = "All settings are at their defaults."
    if changed:
        preset = (
            "These are the settings of Config.scmodal()."
            if run.model.config == Config.scmodal()
            else f"{len(changed)} of {len(now)} settings are not at their defaults."
        )
    parts: list[Child] = [el("p", preset)]
    if changed:
        parts.append(
            table(
                ["Setting", "Here", "By default"],
                [[el("code", k), _word(v), _word(usual[k])] for k, v in changed.items()],
                caption="Changed settings",
            )
        )
    whole = el(
        "dl", [el("div", el("dt", el("code", k)), el("dd", _word(v))) for k, v in now.items()], class_="settings"
    )
    parts.append(el("details", el("summary", "All settings"), whole))
    return section("settings", "Settings", *parts)


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def again(run: Run) -> Html:
    """Return how the run is repeated, how it is used on, and with which versions it was made."""
    about = run.about
    parts: list[Child] = []
    if command := about.get("command"):
        parts += [el("h3", "Run it again"), _code("again-command", shlex.join(map(str, command)))]
    else:
        parts.append(none("Made in Python: there is no command line to repeat."))
    if "seed" in about:
        parts.append(
            el("p", f"Seed {about['seed']}. The same seed, versions and machine give the same result to the bit.")
        )
    source, target = run.model.linkage.edges[0]
    use = [
        "import crosstie as xt",
        "",
        'model = xt.Model.load("run/model")  # in the folder of this run',
        f"z = model.embed({source!r})  # cells × {next(iter(run.model.latents.values())).shape[1]}",
        f"features = model.translate({source!r}, {target!r})",
    ]
    if run.about:
        parts += [el("h3", "Use it in Python"), _code("again-python", "\n".join(use))]
    versions = {"crosstie": about.get("crosstie"), "python": about.get("python"), **(about.get("versions") or {})}
    known = [[el("code", k), str(v)] for k, v in versions.items() if v]
    parts.append(el("h3", "Versions"))
    parts.append(
        table(["Package", "Version"], known, caption="Versions", class_="narrow")
        if known
        else none("No versions were written down.")
    )
    where = [str(about[k]) for k in ("platform", "finished") if k in about]
    if "seconds" in about:
        where.append(f"{about['seconds']} s")
    if where:
        parts.append(el("p", " · ".join(where), class_="quiet"))
    return section("again", "How to run it again", *parts)


def _code(name: str, text: str) -> Html:
    button = el("button", "Copy", type="button", data_copies=name, hidden=True)
    return el("div", el("pre", el("code", text, id=name), tabindex=0), button, class_="code")
