"""Small charts as SVG without script; the stylesheet colours them for light and dark pages and for print."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from crosstie.report.html import Html, el

MAX_POINTS = 400  # of a curve
N_COLOURS = 6  # classes c0 to c5 of the stylesheet


def histogram(values: np.ndarray, *, low: float = 0, high: float = 1, n_bins: int = 40, label: str) -> Html:
    """Return a histogram of values, with its range and median as text."""
    known = values[np.isfinite(values)]
    counts = np.histogram(np.clip(known, low, high), bins=n_bins, range=(low, high))[0]
    top, width, height = max(int(counts.max()), 1), 320, 70
    step = width / n_bins
    bars = [
        el("rect", x=f"{i * step + 0.5:.2f}", y=f"{height - h:.2f}", width=f"{step - 1:.2f}", height=f"{h:.2f}")
        for i, c in enumerate(counts)
        if (h := max(height * c / top, 1.2 * (c > 0)))
    ]
    middle = float(np.median(known)) if len(known) else low
    x = width * (min(max(middle, low), high) - low) / max(high - low, 1e-12)
    anchor = "start" if x < 0.2 * width else "end" if x > 0.8 * width else "middle"
    marks = [
        el("line", x1=0, x2=width, y1=height, y2=height, class_="axis"),
        el("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=-4, y2=height, class_="median"),
        el("text", f"median {middle:.2f}", x=f"{x:.1f}", y=-8, text_anchor=anchor, class_="strong"),
        el("text", f"{low:g}", x=0, y=height + 15),
        el("text", f"{high:g}", x=width, y=height + 15, text_anchor="end"),
    ]
    words = f"{label}: {len(known):,} values, median {middle:.2f}"
    return el(
        "svg",
        el("g", bars, class_="bars"),
        marks,
        viewBox=f"-2 -22 {width + 4} {height + 42}",
        role="img",
        aria_label=words,
        class_="histogram",
    )


def curves(history: pd.DataFrame) -> Html:
    """Return the terms of an objective against the step, on a log scale if all are positive and span a wide range."""
    terms = [c for c in history.columns if c != "step" and pd.api.types.is_numeric_dtype(history[c])]
    smooth = {t: history[["step", t]].dropna() for t in terms}
    smooth = {
        t: part.assign(**{t: part[t].ewm(span=max(1.0, len(part) / 50)).mean()})
        for t, part in smooth.items()
        if len(part)
    }
    every = np.concatenate([part[t].to_numpy(float) for t, part in smooth.items()])
    every = every[np.isfinite(every)]
    log = bool(every.min() > 0 and every.max() / every.min() > 30)
    scale = np.log10 if log else np.asarray
    low, high = float(scale(every.min())), float(scale(every.max()))
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    first, last = float(history["step"].min()), float(history["step"].max())
    width, height = 640, 260

    def at(step: np.ndarray, value: np.ndarray) -> str:
        x = width * (step - first) / max(last - first, 1e-9)
        y = height * (1 - (scale(value) - low) / (high - low))
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    lines, legend = [], []
    for i, (term, part) in enumerate(smooth.items()):
        part = part.iloc[:: max(1, -(-len(part) // MAX_POINTS))]
        kind = "total" if term == "total" else f"c{i % N_COLOURS}" + (" dashed" if i >= N_COLOURS else "")
        lines.append(
            el("polyline", points=at(part["step"].to_numpy(float), part[term].to_numpy(float)), class_=f"curve {kind}")
        )
        mark = el(
            "svg",
            el("line", x1=0, x2=22, y1=5, y2=5, class_=f"curve {kind}"),
            viewBox="0 0 22 10",
            class_="key",
            aria_hidden="true",
        )
        legend.append(
            el("li", mark, el("span", term), el("span", f"{float(smooth[term][term].iloc[-1]):.4g}", class_="number"))
        )
    grid = []
    for tick in _ticks(low, high, log=log):
        y = height * (1 - (tick - low) / (high - low))
        grid.append(el("line", x1=0, x2=width, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid"))
        grid.append(el("text", f"{10**tick if log else tick:.3g}", x=-8, y=f"{y + 4:.1f}", text_anchor="end"))
    ends = [
        el("text", f"step {first:,.0f}", x=0, y=height + 20),
        el("text", f"{last:,.0f}", x=width, y=height + 20, text_anchor="end"),
    ]
    picture = el(
        "svg",
        grid,
        lines,
        ends,
        viewBox=f"-58 -10 {width + 68} {height + 36}",
        role="img",
        class_="curves",
        aria_label=f"Loss against step, {len(lines)} curves" + (", logarithmic" if log else ""),
    )
    return el("figure", picture, el("ul", legend, class_="key-list"), class_="training")


def heat(counts: pd.DataFrame, *, rows: str, columns: str) -> Html:
    """Return a table of label pairs, with each row coloured by shares."""
    number = counts.to_numpy(int)
    size = number.sum(axis=1)
    few = counts.shape[1] <= 16
    head = el(
        "tr",
        el("th", f"{rows} ↓  {columns} →", scope="col", class_="corner"),
        [el("th", el("span", c), scope="col") for c in counts.columns],
    )
    body = []
    for name, line, total in zip(counts.index, number, size, strict=True):
        cells = []
        for column, n in zip(counts.columns, line, strict=True):
            value = n / max(total, 1)
            text = "" if not n else "<.01" if value < 0.005 else "1" if value > 0.995 else f"{value:.2f}".lstrip("0")
            kind = f"q{min(10, math.ceil(value * 10))}" + (" same" if name == column else "")
            words = f"{n:,} of {total:,} {name} → {column}"
            cells.append(el("td", text if few else "", class_=kind, title=words))
        body.append(el("tr", el("th", str(name), el("small", f" {total:,}"), scope="row"), cells))
    made = el(
        "table",
        el("thead", head),
        el("tbody", body),
        class_="heat" + ("" if few else " fine" if counts.shape[1] <= 30 else " fine finest"),
    )
    return el("div", made, class_="scroll", tabindex=0, role="region", aria_label=f"{rows} against {columns}")


def _ticks(low: float, high: float, *, log: bool) -> list[float]:
    if log:
        whole = list(range(math.ceil(low), math.floor(high) + 1))
        return [float(t) for t in whole[:: max(1, len(whole) // 5)]] or [low, high]
    raw = (high - low) / 4
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= raw)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def shares(parts: Mapping[str, float]) -> Html:
    """Return shares of a whole as one bar, with a legend below."""
    total, x, rects, legend = sum(parts.values()), 0.0, [], []
    for i, (name, value) in enumerate(parts.items()):
        width = 100 * value / max(total, 1e-12)
        rects.append(el("rect", x=f"{x:.2f}", y=0, width=f"{width:.2f}", height=10, class_=f"part p{i % 4}"))
        dot = el(
            "svg",
            el("rect", width=10, height=10, class_=f"part p{i % 4}"),
            viewBox="0 0 10 10",
            class_="chip",
            aria_hidden="true",
        )
        legend.append(el("li", dot, f"{name} ", el("b", f"{value:,.0f}")))
        x += width
    bar = el("svg", rects, viewBox="0 0 100 10", preserveAspectRatio="none", class_="shares", aria_hidden="true")
    return el("div", bar, el("ul", legend, class_="chips"), class_="share-chart")


def gauge(value: float, bound: float, *, below: bool, label: str) -> Html:
    """Return a figure on a scale on which the range expected of it is shaded; the scale ends at twice the bound.

    Parameters
    ----------
    value, bound
        The figure and the bound of its range, at least 0; what lies off the scale is drawn at its end.
    below
        Whether the range is below the bound; above it otherwise.
    label
        What the figure is, for readers who cannot see it.
    """
    width, height = 120, 14
    end = 2 * bound if bound > 0 else max(2 * value, 1.0)
    at, edge = (width * min(max(x / end, 0), 1) for x in (value, bound))
    start, stop = (0.0, edge) if below else (edge, float(width))
    inside = value <= bound if below else value >= bound
    parts = [
        el("rect", x=0, y=5, width=width, height=4, class_="scale"),
        el("rect", x=f"{start:.1f}", y=3, width=f"{max(stop - start, 1):.1f}", height=8, class_="expected"),
        el("circle", cx=f"{min(max(at, 5), width - 5):.1f}", cy=7, r=5, class_="found in" if inside else "found out"),
    ]
    said = f"{label}: {value:.3g}, expected {'at most' if below else 'at least'} {bound:g}"
    return el("svg", parts, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img", aria_label=said)
