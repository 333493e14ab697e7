"""The settings of the closed form stand once, and all of them are passed on."""

import dataclasses

from crosstie.anchors import Refinement
from crosstie.model import Config


def test_defaults_agree():
    assert Config().refinement == Refinement()


def test_every_setting_is_passed_on():
    changed = {field.name: 12 for field in dataclasses.fields(Refinement)}
    changed |= dict.fromkeys(("balance", "link_shrinkage", "smoothing", "pull"), 0.25)
    assert dataclasses.asdict(Config(**changed).refinement) == changed
