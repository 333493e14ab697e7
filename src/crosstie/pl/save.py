"""Pictures as files, at the size they are printed in: PDF and SVG with text as text, in sane fonts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.legend import Legend
from matplotlib.text import Text

from crosstie._errors import type_error, value_error
from crosstie._visible import visible

MM = 1 / 25.4  # inches
WIDTHS = {"single": 89.0, "double": 183.0}  # mm of columns in most journals
FORMATS = ("png", "pdf", "svg")
SMALLEST, LARGEST = 5.0, 8.0  # points that journals allow for text
_FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
_TEXT_AS_TEXT: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "crosstie"}

Width = Literal["single", "double"] | float


def save(
    drawn: Axes | Figure | Iterable[Axes] | Mapping[str, Axes],
    path: str | Path,
    *,
    width: Width | None = None,
    dpi: int = 300,
) -> Path:
    """Save a plot as PNG, PDF or SVG, at the size it will be printed in.

    Text stays text that can be searched and edited, in Arial or Helvetica where there is one. Dots of maps are pixels
    in PDF and SVG as well, so that files of many cells stay small.

    Parameters
    ----------
    drawn
        What a function of `crosstie.pl` returned, or a figure.
    path
        File that ends in .png, .pdf or .svg.
    width
        Width in mm, or of a "single" (89 mm) or "double" (183 mm) column of a journal; the height follows. Text is
        5 to 8 points then. `None` keeps the size of the figure.
    dpi
        Pixels per inch, of PNG and of dots.

    Returns
    -------
    The path.

    Raises
    ------
    TypeError
        If there is no figure in `drawn`.
    ValueError
        If the ending or the width cannot be used.
    """
    figure, file = _figure_of(drawn), Path(path)
    if file.suffix.lower().lstrip(".") not in FORMATS:
        raise value_error("save: the file has another ending.", found=file.name, expected=".png, .pdf or .svg")
    inches = None if width is None else width_in_mm(width) * MM
    metadata = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(file.suffix.lower())
    for text in figure.findobj(Text):
        if (shown := visible(text.get_text(), lines=True)) != text.get_text():  # XML cannot hold control characters
            text.set_text(shown)
    with mpl.rc_context(_TEXT_AS_TEXT), _at_width(figure, inches):
        figure.savefig(file, dpi=dpi, metadata=metadata)
    return file


def width_in_mm(width: Width) -> float:
    """Return a width in mm; raises `ValueError` if it is none, or out of what is printed (30 to 400 mm)."""
    found = WIDTHS.get(width) if isinstance(width, str) else width
    if isinstance(found, bool) or not isinstance(found, (int, float, np.number)) or not 30 <= found <= 400:
        what, expected = "the width of a picture cannot be used.", '"single", "double", or 30 to 400 mm'
        raise value_error(what, found=repr(width), expected=expected, cli={"expected": "single, double, or 30 to 400"})
    return float(found)


def _figure_of(drawn: Any) -> Figure:
    if isinstance(drawn, Figure):
        return drawn
    if isinstance(drawn, Mapping):
        drawn = list(drawn.values())
    elif isinstance(drawn, np.ndarray):
        drawn = list(drawn.flat)
    first = drawn if isinstance(drawn, Axes) else next(iter(drawn), None) if isinstance(drawn, Iterable) else None
    if not isinstance(first, Axes):
        raise type_error("save: nothing drawn.", found=type(drawn).__name__, expected="axes, or a figure")
    figure: Figure = first.figure.canvas.figure
    return figure


@contextmanager
def _at_width(figure: Figure, inches: float | None) -> Iterator[None]:
    """Give a figure a width, with text of the sizes that journals allow; then put everything back."""
    size: tuple[float, float] = tuple(figure.get_size_inches())
    fonts = [font for font in _FONTS if font in get_font_names()]
    texts = [(text, text.get_fontsize(), text.get_fontfamily()) for text in figure.findobj(Text)]
    drawn: list[Any] = figure.findobj(PathCollection)
    dots = [(part, part.get_sizes(), part.get_linewidths()) for part in drawn]
    legends = list(figure.legends)
    beside = max((_extent(legend)[0] for legend in legends), default=0.0)
    for text, *_ in texts:
        text.set_fontfamily(fonts)
    try:
        if inches is not None:
            factor = inches / size[0]
            for text, points, _ in texts:
                text.set_fontsize(float(np.clip(float(points) * factor, SMALLEST, LARGEST)))
            height = size[1] / (size[0] - beside)  # of what is not the legend, for a width of 1
            wide, high = _legend_moved(figure, inches)
            figure.set_size_inches(inches, max((inches - wide) * height + high, 1.2))
            factor = (inches - wide) / (size[0] - beside)
            for part, areas, lines in dots:
                part.set_sizes(areas * factor**2)
                part.set_linewidths(np.asarray(lines) * factor)
        yield
    finally:
        figure.legends[:] = legends
        figure.set_size_inches(size)
        for text, points, family in texts:
            text.set_fontsize(points)
            text.set_fontfamily(family)
        for part, areas, lines in dots:
            part.set_sizes(areas)
            part.set_linewidths(lines)


def _extent(legend: Legend) -> tuple[float, float]:
    """Return width and height of a legend, in inches."""
    figure = legend.figure.canvas.figure
    box = legend.get_window_extent()
    return box.width / figure.dpi, box.height / figure.dpi


def _legend_moved(figure: Figure, inches: float) -> tuple[float, float]:
    """Put the legend of a narrow figure below, and return the width and height that it takes, in inches."""
    if not figure.legends:
        return 0.0, 0.0
    (legend,) = figure.legends
    wide = _extent(legend)[0]
    if wide < 0.38 * inches:
        return wide, 0.0
    points = float(legend.get_texts()[0].get_fontsize())
    words = [text.get_text() for text in legend.get_texts()]
    n_columns = max(1, int(inches * 72 / (0.62 * points * (max(map(len, words)) + 3))))
    below = figure.legend(
        [handle for handle in legend.legend_handles if handle is not None],
        words,
        loc="outside lower center",
        ncols=min(n_columns, len(words)),
        frameon=False,
        handletextpad=0.2,
        columnspacing=0.6,
        labelspacing=0.3,
        prop=legend.get_texts()[0].get_fontproperties(),  # type: ignore[arg-type]
    )
    figure.legends[:] = [below]
    return 0.0, _extent(below)[1]
