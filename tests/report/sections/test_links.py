import re

import pandas as pd

from report.conftest import text_of


def test_links_found_and_missed(folder):
    html = (folder / "report.html").read_text()
    found = pd.read_csv(folder / "links_report.csv")
    said = text_of(html, "links")
    for status, n in found["status"].value_counts().items():
        assert re.search(rf"{status}\s+{n}\b", said), f"{n} {status}"


def test_shared_cells_are_counted(mosaic):
    assert "40 cells are in both views and link them" in text_of(mosaic, "links")
