"""Subject: drawings of the documentation. They are what their scripts draw, self-contained, and inside their frame."""

import re
import sys
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

from crosstie import Config

DOCS = Path(__file__).resolve().parents[1] / "docs"
pytestmark = pytest.mark.skipif(not (DOCS / "draw_method.py").exists(), reason="not in a checkout")
SVG = "{http://www.w3.org/2000/svg}"
SCRIPTS = ("draw_method", "draw_architecture")


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(DOCS))
    try:
        yield {name: import_module(name) for name in SCRIPTS}
    finally:
        sys.path.remove(str(DOCS))
        for name in SCRIPTS:
            sys.modules.pop(name, None)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_picture_is_what_the_script_draws(scripts, name):
    script = scripts[name]
    assert script.OUT.read_bytes() == script.drawing().encode(), f"run: python docs/{name}.py"


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_needs_nothing_from_outside(scripts, name):
    text = scripts[name].drawing()
    assert not re.search(r"@import|@font-face|href=|url\((?!#)|<script|<image", text)
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_colour_has_a_dark_one(scripts, name):
    rules, dark = [], ""
    for part in re.split(r"(?=@media)|(?<=\}\n  \}\n)", scripts[name].STYLE):
        if part.startswith("@media"):
            dark += part
        else:
            rules += re.findall(r"(\.?[\w-]+) \{[^}]*(?:fill|stroke): #", part)
    assert len(rules) > 8
    for rule in rules:
        assert re.search(rf"(^|\s){re.escape(rule)} \{{", dark), rule


@pytest.mark.parametrize("name", SCRIPTS)
def test_text_stays_inside(scripts, name):
    script = scripts[name]
    root = ElementTree.fromstring(script.drawing())
    shifts = dict.fromkeys(root.iter(f"{SVG}text"), 0.0)
    for group in root.iter(f"{SVG}g"):
        shift = float(re.search(r"translate\((\d+)", group.get("transform")).group(1))
        shifts |= dict.fromkeys(group.iter(f"{SVG}text"), shift)
    assert len(shifts) > 20
    for node, shift in shifts.items():
        x, width = float(node.get("x")) + shift, 7.4 * len(node.text)  # as wide fonts of 12.5 pixels are
        left = {"start": x, "middle": x - width / 2, "end": x - width}[node.get("text-anchor")]
        assert left > 5, node.text
        assert left + width < script.WIDTH - 5, node.text


def test_it_counts_rounds_as_the_settings_do(scripts):
    assert Config().n_rounds == 6
    assert "Six rounds" in scripts["draw_method"].drawing()


def test_it_shows_every_room(scripts):
    script = scripts["draw_architecture"]
    rooms = {path.parent.name for path in script.SOURCE.glob("*/__init__.py")}
    layers, _ = script.layers()
    assert rooms <= {name for layer in layers for name in layer} | set(script.aside(layers))
    words = [node.text for node in ElementTree.fromstring(script.drawing()).iter(f"{SVG}text")]
    assert rooms <= set(words)


def test_it_sees_imports(scripts):
    found = scripts["draw_architecture"].imports()
    assert ("model", "links") in found
    assert ("data", "model") not in found
