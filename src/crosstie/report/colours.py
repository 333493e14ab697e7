"""Colours of the map, for the light and the dark page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb

from crosstie.pl.palette import GREY, palette

DARK_GREY = "#5b646d"
LEAST_CONTRAST = 3.0  # contrast of a dot with the dark page
DARK_PAGE = "#11161b"


def of_classes(grey: Sequence[bool]) -> tuple[list[str], list[str]]:
    """Return the colours of classes for the light and the dark page; classes without knowledge are grey."""
    free = iter(palette(sum(not g for g in grey)))
    light = [GREY if g else next(free) for g in grey]
    return light, [DARK_GREY if g else lifted(colour) for colour, g in zip(light, grey, strict=True)]


@cache
def ramp() -> tuple[list[str], list[str]]:
    """Return 255 colours from low to high, and a grey for missing values, for the light and the dark page."""
    light = [to_hex(colormaps["viridis"](0.02 + 0.86 * i / 254)) for i in range(255)]
    dark = [to_hex(colormaps["viridis"](0.22 + 0.78 * i / 254)) for i in range(255)]
    return [*light, GREY], [*dark, DARK_GREY]


def lifted(colour: str) -> str:
    """Return the colour, lightened if its contrast with the dark page is too low."""
    red, green, blue = to_rgb(colour)
    for step in range(20):
        white = step / 20
        mixed = to_hex((red + (1 - red) * white, green + (1 - green) * white, blue + (1 - blue) * white))
        if contrast(mixed, DARK_PAGE) >= LEAST_CONTRAST:
            return mixed
    return "#ffffff"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21, as defined by WCAG 2."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
