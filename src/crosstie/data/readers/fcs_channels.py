"""Tells the channels of an FCS file apart: proteins, and what an instrument records besides them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crosstie.data.readers.stains import is_isotope, stain_of

Kind = Literal["protein", "scatter", "time", "pulse", "DNA", "viability", "control", "unlabelled"]

# What each kind is called when channels are set aside.
KINDS: dict[Kind, str] = {
    "scatter": "light scatter",
    "time": "time and shape of the event",
    "pulse": "height and width of a signal",
    "DNA": "DNA",
    "viability": "viability",
    "control": "beads, barcodes, dump and background",
    "unlabelled": "no marker",
}
_SCATTER = re.compile(r"(?:[fs]sc|[fs]s|fals|rals|[fs]sclin)(?![a-z0-9])", re.I)
_TIME = re.compile(
    r"(?:hdr-?t|h?time|tlsw|tmsw)\b.*|event[ _.-]?(?:length|#|number|count|id)|cell[ _.-]?length|center|offset|width"
    r"|residual|amplitude|(?:file|sample)[ _.-]?(?:num(?:ber)?|no|id)|bead[ _.-]?dist(?:ance)?",
    re.I,
)
_PULSE = re.compile(r"(?P<detector>.*?)[ _-]?(?P<part>[AHW])", re.S)
_ORDER = "AH"


@dataclass(frozen=True)
class Channel:
    """A channel of an FCS file.

    Parameters
    ----------
    name
        `$PnN`: the detector, such as `B515-A` or `Ce140Di`.
    marker
        `$PnS`: what was stained, such as `CD4 FITC`; may be empty.
    kind
        What it measures.
    """

    name: str
    marker: str
    kind: Kind = "protein"

    @property
    def label(self) -> str:
        """The marker, or the detector where there is none."""
        return self.marker or self.name


def channels_of(names: Sequence[str], markers: Sequence[str]) -> list[Channel]:
    """Tell what each channel of a file measures.

    A detector's area is preferred to its height, unless only the height is labelled with a marker; widths are never
    used. Where some channels have a marker, those without one were not stained. Where none has, all are kept under
    the names of their detectors.

    Parameters
    ----------
    names, markers
        `$PnN` and `$PnS` of each channel.
    """
    marked = [_marker(name.strip(), marker.strip()) for name, marker in zip(names, markers, strict=True)]
    found = [
        Channel(name.strip(), marker, _kind(name.strip(), marker)) for name, marker in zip(names, marked, strict=True)
    ]
    used = _one_of_each_detector([c for c in found if c.kind == "protein"])
    some = any(c.marker for c in used)

    def settled(channel: Channel) -> Channel:
        if channel.kind != "protein":
            return channel
        if channel not in used:
            return Channel(channel.name, channel.marker, "pulse")
        unlabelled = not channel.marker and (some or is_isotope(channel.name))
        return Channel(channel.name, channel.marker, "unlabelled") if unlabelled else channel

    return [settled(channel) for channel in found]


def _marker(name: str, marker: str) -> str:
    """Return the marker, or nothing if it only repeats the detector or names an isotope."""
    return "" if marker.casefold() == name.casefold() or is_isotope(marker) else marker


def _kind(name: str, marker: str) -> Kind:
    if any(_SCATTER.match(word) for word in (name, marker)):
        return "scatter"
    if _TIME.fullmatch(name) or _TIME.fullmatch(marker):
        return "time"
    return stain_of(marker or name)


def _one_of_each_detector(channels: Sequence[Channel]) -> list[Channel]:
    """Leave one of the area, height and width of each detector: a labelled one, and of these the area."""
    by_detector: dict[str, list[tuple[bool, int, int]]] = {}
    for i, channel in enumerate(channels):
        match = _PULSE.fullmatch(channel.name)
        detector, part = (match["detector"], match["part"]) if match else (channel.name, "A")
        if part in _ORDER:
            by_detector.setdefault(detector, []).append((not channel.marker, _ORDER.index(part), i))
    return [channels[i] for i in sorted(min(ranked)[2] for ranked in by_detector.values())]
