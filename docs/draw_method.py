"""Draw docs/images/method.svg, the method in one picture: `python docs/draw_method.py`.

Plain shapes and text, fonts of the reader's system, colours for light and dark pages. The output is the same on every
machine; tests/test_drawings.py checks that the picture is current.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

WIDTH, HEIGHT = 1120, 470
OUT = Path(__file__).parent / "images" / "method.svg"
VIEWS = (("RNA", "a", 11), ("proteins", "b", 5), ("peaks, …", "c", 9))  # name, colour, columns drawn
STYLE = """
  text { font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #1c2430; }
  .page { fill: #ffffff; stroke: #d5dae1; }
  .box { fill: #f4f6f9; stroke: #c3cad4; }
  .head { font-size: 15px; font-weight: 600; }
  .text { font-size: 12.5px; }
  .quiet { font-size: 12px; fill: #5a6575; }
  .line { stroke: #5a6575; stroke-width: 1.6; fill: none; }
  .tip { fill: #5a6575; }
  .a { fill: #2f6fb7; } .b { fill: #c4592b; } .c { fill: #2d8a5b; }
  .tie { stroke: #8a94a3; stroke-width: 1.2; stroke-dasharray: 3 3; }
  .soft { fill: #7a4fb0; }
  .use { fill: #e9eef6; stroke: #a9b8cf; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8ecf2; }
    .page { fill: #12161c; stroke: #323a46; }
    .box { fill: #1b212a; stroke: #3c4654; }
    .quiet { fill: #a3aebd; }
    .line { stroke: #a3aebd; }
    .tip { fill: #a3aebd; }
    .a { fill: #6aa9ee; } .b { fill: #ee8c5f; } .c { fill: #5fc794; }
    .tie { stroke: #7b8696; }
    .soft { fill: #b48be8; }
    .use { fill: #232c3a; stroke: #49597a; }
  }
"""


def text(x: float, y: float, words: str, kind: str = "text", anchor: str = "middle") -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def box(x: float, y: float, width: float, height: float, kind: str = "box", radius: float = 10) -> str:
    """Return a rectangle with round corners."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" class="{kind}"/>'


def arrow(path: str) -> str:
    """Return an arrow."""
    return f'<path d="{path}" class="line" marker-end="url(#tip)"/>'


def dot(x: float, y: float, radius: float, kind: str) -> str:
    """Return a circle, which stands for a cell."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}"/>'


def matrix(x: float, y: float, rows: int, columns: int, kind: str, step: float = 7.5) -> Iterator[str]:
    """Yield the cells of a matrix, with opacities in a fixed pattern that looks random."""
    for i in range(rows):
        for j in range(columns):
            strength = 0.15 + 0.85 * (math.sin(12.9898 * (i + 1) + 78.233 * (j + 1)) * 0.5 + 0.5) ** 2
            place = f'x="{x + j * step:g}" y="{y + i * step:g}" width="{step - 1:g}" height="{step - 1:g}"'
            yield f'<rect {place} class="{kind}" opacity="{strength:.2f}"/>'


def views() -> Iterator[str]:
    """Yield the views, and the ties between their features."""
    yield text(106, 46, "Two or more views", "head")
    yield text(106, 64, "cells × features, different cells", "quiet")
    for n, (name, kind, columns) in enumerate(VIEWS):
        y = 86 + 96 * n
        yield from matrix(62, y, 8, columns, kind)
        yield text(52, y + 35, name, "text", "end")
        yield arrow(f"M {70 + 7.5 * columns:g} {y + 30} L 228 {y + 30}")


def recipes() -> Iterator[str]:
    """Yield the recipe of each view."""
    yield text(268, 46, "Recipes, fitted", "head")
    yield text(268, 64, "normalise, select, scale", "quiet")
    for n, (_, kind, _) in enumerate(VIEWS):
        y = 86 + 96 * n
        yield box(198, y - 6, 140, 72)
        yield from matrix(210, y, 8, 4, kind)
        yield text(288, y + 27, "principal", "quiet")
        yield text(288, y + 42, "components", "quiet")
        yield arrow(f"M 341 {y + 30} C 366 {y + 30} 352 {202 + 14 * (n - 1)} 386 {202 + 14 * (n - 1)}")


def links() -> Iterator[str]:
    """Yield the links: features that are known to vary together."""
    yield box(196, 382, 196, 66)
    yield text(294, 404, "Links", "head")
    for n, (left, right) in enumerate((("CD3D", "CD3"), ("MS4A1", "CD20"))):
        y = 422 + 16 * n
        yield text(268, y, left, "quiet", "end")
        yield f'<path d="M 276 {y - 4} L 312 {y - 4}" class="tie"/>'
        yield text(320, y, right, "quiet", "start")
    yield arrow("M 392 415 C 440 415 458 360 458 332")
    yield text(468, 372, "the first match", "quiet", "start")


def rounds() -> Iterator[str]:
    """Yield the loop: match, directions, match."""
    yield box(388, 86, 296, 246, radius=16)
    yield text(537, 46, "Six rounds", "head")
    yield text(537, 64, "no training, never cells × cells", "quiet")
    for i in range(9):  # a plan of transport: soft, about the diagonal
        for j in range(9):
            strength = math.exp(-((i - j + 0.9 * math.sin(2.1 * i)) ** 2) / 2.4)
            place = f'x="{418 + 9 * j}" y="{222 + 9 * i}" width="8" height="8"'
            yield f'<rect {place} class="soft" opacity="{0.08 + 0.9 * strength:.2f}"/>'
    yield text(462, 196, "soft match", "text")
    yield text(462, 212, "by optimal transport", "quiet")
    for n, (kind, angle) in enumerate((("a", 8), ("b", 22), ("c", 36))):  # directions that vary together
        x, y = 616, 282
        for turn in (0, 72):
            a = math.radians(angle + turn + 180)
            yield (
                f'<path d="M {x - 40 * math.cos(a):.1f} {y - 34 * math.sin(a):.1f} L {x + 40 * math.cos(a):.1f} '
                f'{y + 34 * math.sin(a):.1f}" stroke-width="{3.4 - 1.4 * (turn > 0):g}" class="line" '
                f'opacity="{0.9 - 0.22 * n:.2f}"/>'
            )
        a = math.radians(angle)
        yield dot(x + 40 * math.cos(a), y + 34 * math.sin(a), 4.5, kind)
    yield text(614, 196, "shared directions", "text")
    yield text(614, 212, "of all features", "quiet")
    yield arrow("M 462 178 C 474 118 598 118 612 176")
    yield text(537, 118, "matched cells give directions", "quiet")
    yield arrow("M 566 288 L 508 288") + text(537, 279, "a better", "quiet") + text(537, 305, "match", "quiet")


def one_map() -> Iterator[str]:
    """Yield the map: groups of cells, with cells of all views in each."""
    yield arrow("M 686 209 L 716 209")
    yield text(822, 46, "One map", "head")
    yield text(822, 64, "all cells, the same coordinates", "quiet")
    yield box(722, 86, 200, 246, radius=16)
    for at, (x, y, n, wide) in enumerate(
        ((776, 142, 27, 30), (868, 152, 24, 26), (782, 262, 24, 25), (866, 266, 30, 32))
    ):
        for k in range(n):
            r, a = wide * math.sqrt((k + 0.5) / n), 2.399963 * k + at
            kind = "abc"[(k * 2 + at) % 3]
            yield dot(x + r * math.cos(a), y + 1.15 * r * math.sin(a), 3.4, kind)


def uses() -> Iterator[str]:
    """Yield what the map is used for."""
    names = (
        "transfer labels",
        "match cells",
        "impute features",
        "relate features",
        "map new cells",
        "diagnose the run",
    )
    yield arrow("M 822 334 L 822 364")
    for n, name in enumerate(names):
        x, y = 596 + 142 * (n % 3), 372 + 40 * (n // 3)
        yield box(x, y, 132, 30, "use", 15)
        yield text(x + 66, y + 20, name)


def drawing() -> str:
    """Return the picture as SVG."""
    said = (
        "Views go through recipes of their own; links give a first match; six rounds of soft matching by optimal "
        "transport and shared directions give one map, from which labels, matches, imputed features, relations, "
        "places of new cells and a verdict are taken."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" aria-labelledby="title description">',
        '<title id="title">How crosstie works</title>',
        f'<desc id="description">{said}</desc>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M 0 0 L 8 4 L 0 8 z" class="tip"/></marker></defs>',
        box(0.5, 0.5, WIDTH - 1, HEIGHT - 1, "page", 14),
        '<g transform="translate(36 0)">',
        *views(),
        '</g><g transform="translate(74 0)">',
        *recipes(),
        *links(),
        *rounds(),
        *one_map(),
        *uses(),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    OUT.write_text(drawing(), encoding="utf-8", newline="\n")
