from report.conftest import command, text_of


def test_map_of_fewer_cells(copied, tmp_path):
    command("report", copied, "--max-cells", 60, "--out", tmp_path / "few.html", "-q")
    assert "60 of 480 cells, drawn at random" in text_of((tmp_path / "few.html").read_text(), "map")
