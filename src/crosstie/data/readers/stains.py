"""Tells what a channel measures by its name: a protein, or DNA, viability, controls and background."""

from __future__ import annotations

import re
from typing import Literal

Stain = Literal["protein", "DNA", "viability", "control"]

_DNA = re.compile(
    r"dna[ _-]?\d?(?![a-z])|dapi|hoechst|draq[ _-]?\d|intercalator|(?<!\d)19[13]ir(?![a-z])|\bir19[13]", re.I
)
_VIABILITY = re.compile(
    r"viab|live[ _./-]*(?:or[ _-]*)?dead|(?<![a-z])l[/_]d(?![a-z])|(?<![a-z])dead(?![a-z])|zombie|ghost[ _-]?(?:dye|\d)"
    r"|fvs[ _-]?\d|fixable|(?<![a-z])vivid(?![a-z])|7[ _-]?aad|propidium|(?<![a-z])pi(?![a-z0-9])|sytox|cis[ _-]?platin"
    r"|(?<![a-z])aqua(?![a-z])",
    re.I,
)
_CONTROL = re.compile(
    r"bead|barcod|(?<![a-z])bc[ _-]?\d|(?<![a-z])(?:bckg|bkg|background|blank|empty|dump|unstained|unused)(?![a-z])"
    r"|auto[ _-]?fluorescence|af(?:-[ahw])?$",
    re.I,
)
_ELEMENT = (
    "Ag|Al|Ar|As|Au|Ba|Bi|Br|Cd|Ce|Co|Cs|Cu|Dy|Er|Eu|Fe|Ga|Gd|Ge|Hf|Hg|Ho|I|In|Ir|La|Lu|Mo|Nb|Nd|Ni|Os|Pb|Pd|Pr|Pt|Rb"
    "|Re|Rh|Ru|Sb|Se|Sm|Sn|Sr|Ta|Tb|Te|Th|Tl|Tm|U|W|Xe|Y|Yb|Zn|Zr|ArAr"
)
# 140Ce, Ce140Di, (Ce140)Di: capitals as in chemistry, so that CD112 is a protein and Cd112 is cadmium.
_ISOTOPE = re.compile(rf"\(?(?:(?:{_ELEMENT})\d{{2,3}}|\d{{2,3}}(?:{_ELEMENT}))\)?(?:D[id])?")


def stain_of(label: str) -> Stain:
    """Return what a stain measures by its label: its marker, or the name of its channel."""
    kinds: tuple[tuple[re.Pattern[str], Stain], ...] = ((_DNA, "DNA"), (_VIABILITY, "viability"), (_CONTROL, "control"))
    return next((kind for pattern, kind in kinds if pattern.search(label)), "protein")


def is_isotope(label: str) -> bool:
    """Return whether a label is an isotope and nothing else, as of a mass channel without an antibody."""
    return _ISOTOPE.fullmatch(label) is not None
