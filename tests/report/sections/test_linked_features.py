"""Subject: linked features side by side, as pictures inside of the page."""

import base64
import re
from dataclasses import replace

import pytest

from crosstie.report.sections.linked_features import linked_features
from crosstie.runs.read import read, read_model
from report.conftest import text_of


@pytest.fixture(scope="module")
def run(folder):
    return read(folder)


def test_a_picture_of_every_two_linked_views_is_inside_the_page(run):
    html = linked_features(run)
    found = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', html)
    assert len(found) == len({link.edge for link in run.model.linkage.links}) == 1
    png, said = base64.b64decode(found[0][0]), found[0][1]
    assert png.startswith(b"\x89PNG")
    assert 20_000 < len(png) < 600_000
    assert said.startswith("Linked features of rna and adt: ")
    assert said.count(", rna") == said.count(", adt") == 4
    assert linked_features(run) == html


def test_without_a_map_or_data_there_is_none(run, folder):
    assert "No pictures" in text_of(linked_features(replace(run, plane={})))
    without = replace(run, model=read_model(folder))
    assert "No pictures" in text_of(linked_features(without))
