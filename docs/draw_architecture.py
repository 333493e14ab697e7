"""Draw docs/images/architecture.svg, the rooms and who imports whom: `python docs/draw_architecture.py`.

The order of the rooms is that of the import contract in pyproject.toml; arcs and the lists of users are the imports in
src; the words beside a room are the first sentence of its docstring. tests/test_drawings.py checks that the picture is
current.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

from draw_method import STYLE, box, text

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "crosstie"
OUT = ROOT / "docs" / "images" / "architecture.svg"
WIDTH, STEP, TOP = 1120, 62, 74
SPINE, ROOM, WORDS = 300, 118, 62  # left edge of the spine, width of a room, letters in a line beside it
STYLE += """
  .arc { stroke: #5a6575; stroke-width: 1.2; fill: none; opacity: 0.55; }
  .room { fill: #e9eef6; stroke: #6d87ad; stroke-width: 1.4; }
  .name { font-size: 14px; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .arc { stroke: #a3aebd; }
    .room { fill: #232c3a; stroke: #6f8bb5; }
  }
"""

Layer = tuple[str, ...]  # rooms beside each other


def layers() -> tuple[list[Layer], Layer]:
    """Return the rooms of the contract from top to bottom, and the modules of the ground."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c["type"] == "layers" and c["containers"] == ["crosstie"])
    found = [tuple(name.strip(" ()") for name in layer.replace(":", "|").split("|")) for layer in contract["layers"]]
    rooms = [layer for layer in found if not layer[0].startswith("_")]
    return rooms, tuple(sorted(name for layer in found if layer[0].startswith("_") for name in layer))


def aside(rooms: list[Layer]) -> list[str]:
    """Return the rooms in src that the spine leaves out."""
    known = {name for layer in rooms for name in layer}
    return sorted(p.parent.name for p in SOURCE.glob("*/__init__.py") if p.parent.name not in known)


def imports() -> set[tuple[str, str]]:
    """Return the pairs of a room and a room that it imports, for types included."""
    out = set()
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("crosstie."):
                out.add((room, node.module.split(".")[1]))
    return {(a, b) for a, b in out if a != b}


def sentence(room: str) -> str:
    """Return the first sentence of the docstring of a room, as SVG text."""
    path = SOURCE / room / "__init__.py"
    path = path if path.exists() else SOURCE / f"{room}.py"
    lines = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split()
    first = " ".join(lines).split(". ")[0].rstrip(".")
    return first.replace("`", "").replace("&", "&amp;").replace("<", "&lt;")


def place(n: int) -> float:
    """Return the top of a layer."""
    return TOP + STEP * n


def spine(rooms: list[Layer]) -> Iterator[str]:
    """Yield the rooms from top to bottom, and what they are for."""
    for n, layer in enumerate(rooms):
        y = place(n)
        for k, room in enumerate(layer):
            x = SPINE + k * (ROOM + 12)
            yield box(x, y, ROOM, 34, "room")
            yield text(x + ROOM / 2, y + 22, room, "name")
        x = SPINE + len(layer) * (ROOM + 12) + 8
        said = "; ".join(map(sentence, layer)) if len(layer) == 1 else " · ".join(map(sentence, layer))
        lines = textwrap.wrap(said, WORDS - 16 * (len(layer) - 1))
        for i, line in enumerate(lines[:2]):
            end = "…" if i == 1 and len(lines) > 2 else ""
            yield text(x, y + (22 if len(lines) == 1 else 14 + 16 * i), line + end, "quiet", "start")


def arcs(rooms: list[Layer]) -> Iterator[str]:
    """Yield an arc from each layer to each lower one that it imports; to the next one, a short line."""
    found = imports()
    for i, upper in enumerate(rooms):
        for j, lower in enumerate(rooms[i + 1 :], i + 1):
            if not any((a, b) in found for a in upper for b in lower):
                continue
            if j == i + 1:
                way = f"M {SPINE + ROOM / 2:g} {place(i) + 34:g} L {SPINE + ROOM / 2:g} {place(j) - 2:g}"
                yield f'<path d="{way}" class="line" marker-end="url(#tip)"/>'
                continue
            start, end, reach = place(i) + 13 + 2 * (j - i), place(j) + 14, SPINE - 26 * (j - i)
            way = f"M {SPINE} {start:g} C {reach:g} {start:g} {reach:g} {end:g} {SPINE - 2} {end:g}"
            yield f'<path d="{way}" class="arc" marker-end="url(#tip)"/>'


def beside(rooms: list[Layer]) -> Iterator[str]:
    """Yield the rooms that stand aside, and who uses them."""
    found, ground = imports(), layers()[1]
    for n, room in enumerate(aside(rooms)):
        x, y = 896, 74 + 168 * n
        yield box(x, y, 200, 152)
        yield text(x + 100, y + 24, room, "name")
        users = ", ".join(sorted(a for a, b in found if b == room and not a.startswith("_"))) or "nobody"
        used = ", ".join(sorted(b for a, b in found if a == room and b not in ground)) or "only the ground"
        lines = [*textwrap.wrap(sentence(room), 28), f"uses {used}", *textwrap.wrap(f"used by {users}", 28)]
        for i, line in enumerate(lines[:7]):
            yield text(x + 100, y + 44 + 16 * i, line, "quiet")


def height(rooms: list[Layer]) -> int:
    """Return the height of the picture."""
    return TOP + STEP * len(rooms) + 74


def drawing() -> str:
    """Return the picture as SVG."""
    rooms, ground = layers()
    y = place(len(rooms))
    names = ", ".join(name.lstrip("_") for name in ground)
    order = " > ".join(" and ".join(layer) for layer in rooms)
    said = f"Rooms from top to bottom, each of which may import those below it: {order} > ground."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height(rooms)}" width="{WIDTH}" '
        f'height="{height(rooms)}" role="img" aria-labelledby="title description">',
        '<title id="title">The rooms of crosstie</title>',
        f'<desc id="description">{said}</desc>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M 0 0 L 8 4 L 0 8 z" class="tip"/></marker></defs>',
        box(0.5, 0.5, WIDTH - 1, height(rooms) - 1, "page", 14),
        text(SPINE + ROOM / 2, 36, "The spine", "head"),
        text(SPINE + ROOM / 2, 54, "imports go down only", "quiet"),
        text(996, 36, "Standing aside", "head"),
        text(996, 54, "used by the rooms of the spine", "quiet"),
        *arcs(rooms),
        *spine(rooms),
        *beside(rooms),
        box(SPINE, y, 796, 46),
        text(SPINE + 398, y + 20, "ground", "name"),
        text(SPINE + 398, y + 37, names, "quiet"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    OUT.write_text(drawing(), encoding="utf-8", newline="\n")
