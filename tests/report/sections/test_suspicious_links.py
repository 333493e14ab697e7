"""Suspicious links: what moves with what, and what to do; nothing to show is said."""

from dataclasses import replace

import pandas as pd
import pytest

from crosstie.report.sections.suspicious_links import suspicious_links
from crosstie.runs.read import read

FOUND = pd.DataFrame(
    {
        "edge": ["adt – rna"] * 2,
        "source": ["CD8a<b>", "CD4"],
        "target": ["CD8A", "CD4"],
        "moves_with": ["CD4", "CD8A"],
        "own": [-0.2, 0.05],
        "other": [0.5, 0.4],
        "contrast": [-0.4, -0.4],
    }
)


@pytest.fixture(scope="module")
def run(folder):
    return read(folder)


def test_each_link_is_shown_with_both_correlations(run):
    html = str(suspicious_links(replace(run, suspicious=FOUND, level="care")))
    assert html.count("<svg") == 2
    assert "CD8a&lt;b&gt;" in html
    assert "-0.20, +0.50" in html
    assert "--drop-suspicious" in html


def test_none_is_said(run):
    assert "None: no two links" in str(suspicious_links(replace(run, suspicious=FOUND[:0], level="ok")))
    assert "not judged" in str(suspicious_links(replace(run, suspicious=FOUND[:0], level=None)))
