import shutil

import pandas as pd

from crosstie.report import write
from report.conftest import command, text_of


def test_map_of_fewer_cells(copied, tmp_path):
    command("report", copied, "--max-cells", 60, "--out", tmp_path / "few.html", "-q")
    assert "60 of 480 cells, drawn at random" in text_of((tmp_path / "few.html").read_text(), "map")


def test_a_map_of_other_cells_is_not_believed(copied):
    plane = pd.read_csv(copied / "umap.csv")
    plane["row"] += 1000
    plane.to_csv(copied / "umap.csv", index=False)
    assert "all 480 cells" in text_of(write(copied).read_text(), "map")
    shutil.rmtree(copied)
