"""The picture of the method is what its script draws, whole in itself, and inside its frame."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from xml.etree import ElementTree

import pytest

from crosstie import Config

DOCS = Path(__file__).resolve().parents[1] / "docs"
pytestmark = pytest.mark.skipif(not (DOCS / "draw_method.py").exists(), reason="not in a checkout")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("draw_method", DOCS / "draw_method.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_the_script_draws(script):
    assert script.OUT.read_bytes() == script.drawing().encode(), "run: python docs/draw_method.py"


def test_it_needs_nothing_from_outside(script):
    text = script.drawing()
    assert not re.search(r"@import|@font-face|href=|url\((?!#)|<script|<image", text)
    assert "prefers-color-scheme: dark" in text


def test_every_colour_has_a_dark_one(script):
    """What is coloured for light pages is coloured anew for dark ones."""
    light, dark = script.STYLE.split("@media")
    for rule in re.findall(r"(\.?[\w-]+) \{[^}]*(?:fill|stroke): #", light):
        assert re.search(rf"(^|\s){re.escape(rule)} \{{", dark), rule


def test_text_stays_inside(script):
    root = ElementTree.fromstring(script.drawing())
    words = [node.text for node in root.iter(f"{SVG}text")]
    assert "soft match" in words
    shift = 0.0
    for group in root.iter(f"{SVG}g"):
        shift = float(re.search(r"translate\((\d+)", group.get("transform")).group(1))
        for node in group.iter(f"{SVG}text"):
            x, width = float(node.get("x")) + shift, 7.4 * len(node.text)  # as wide fonts of 12.5 pixels are
            left = {"start": x, "middle": x - width / 2, "end": x - width}[node.get("text-anchor")]
            assert left > 5, node.text
            assert left + width < script.WIDTH - 5, node.text


def test_it_counts_rounds_as_the_settings_do(script):
    assert Config().n_rounds == 6
    assert "Six rounds" in script.drawing()
