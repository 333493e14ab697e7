"""Map: the interactive UMAP of all views."""

from __future__ import annotations

from crosstie.report.html import Html, data_block, el, none, section
from crosstie.report.sections.map_points import points
from crosstie.runs.run import Run

BUTTON = {"type": "button"}

TISSUE = "Drawn cells at their positions in the tissue: sections beside each other, those of one view to one scale."


def joint_map(run: Run) -> Html:
    """Return the interactive map."""
    drawn, n_cells = sum(map(len, run.plane.values())), sum(map(len, run.model.latents.values()))
    which = (
        f"{drawn:,} of {n_cells:,} cells, drawn at random from every view"
        if drawn < n_cells
        else f"all {n_cells:,} cells"
    )
    tissue = any(name in run.model.positions for name in run.plane)
    hint = (
        "Click a cell to select it; drag to move; hold Shift and drag (or use Lasso) to select several; click the map "
        "once to zoom with the wheel."
    )
    return section(
        "map",
        "The joint map",
        el(
            "p",
            f"UMAP of the common coordinates of all views, {which}. "
            "Distances between distant groups have little meaning.",
            data_about="latent",
        ),
        el("p", TISSUE, data_about="tissue", hidden=True) if tissue else [],
        el(
            "div",
            _bar(tissue=tissue),
            _stage(drawn),
            _legend(),
            _selection(),
            data_block(points(run)),
            id="map-root",
        ),
        el("p", hint, class_="quiet screen-only"),
        el("noscript", none("The map needs JavaScript; the rest of this page does not.")),
    )


def _bar(*, tissue: bool) -> Html:
    """Return what is above the map: latent space or tissue, colour, mode of dragging, zoom, names."""
    places = [el("option", "latent space", value="latent"), el("option", "tissue", value="tissue")]
    return el(
        "div",
        [el("label", "Cells in ", el("select", places, class_="where"))] if tissue else [],
        el("label", "Colour by ", el("select", class_="field")),
        el("label", "Show ", el("select", class_="only-view")),
        el(
            "div",
            el("button", "Move", data_mode_to="move", aria_pressed="true", **BUTTON),
            el("button", "Lasso", data_mode_to="lasso", aria_pressed="false", **BUTTON),
            class_="group",
            role="group",
            aria_label="Dragging mode",
        ),
        el(
            "div",
            el("button", "+", class_="zoom-in", aria_label="Zoom in", **BUTTON),
            el("button", "−", class_="zoom-out", aria_label="Zoom out", **BUTTON),
            el("button", "Reset", class_="reset", **BUTTON),
            class_="group",
            role="group",
            aria_label="Zoom",
        ),
        el("label", el("input", type="checkbox", checked=True, class_="names-toggle"), " Names"),
        class_="map-bar",
    )


def _stage(drawn: int) -> Html:
    """Return the map itself."""
    return el(
        "div",
        el("canvas", class_="points", aria_hidden="true"),
        el(
            "canvas",
            class_="over",
            tabindex=0,
            role="application",
            aria_label=f"Map of {drawn:,} cells. Arrow keys move it, plus and minus zoom, 0 shows all, Enter "
            "lists the cells in the frame, Escape clears.",
        ),
        el("div", class_="tip", hidden=True),
        class_="stage",
    )


def _selection() -> Html:
    """Return the list of selected cells."""
    return el(
        "div",
        el("h3", "Selected cells"),
        el("div", class_="counts"),
        el("label", "View and name of each cell", el("textarea", rows=7, readonly=True, spellcheck="false")),
        el(
            "div",
            el("button", "Copy the list", class_="copy", **BUTTON),
            el("button", "Save as file", class_="save", **BUTTON),
            el("button", "Clear", class_="clear", **BUTTON),
            class_="group",
        ),
        class_="picked",
        hidden=True,
    )


def _legend() -> Html:
    """Return what is beside the map."""
    return el(
        "div",
        el("div", class_="legend", aria_label="Legend", role="group"),
        el("button", "List the cells shown", class_="list-shown", **BUTTON),
        el("p", class_="map-status", role="status"),
        class_="beside",
    )
