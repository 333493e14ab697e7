import pandas as pd

from crosstie.cli.score_table import print_scores


def test_a_line_for_every_metric_and_a_column_for_every_direction(capsys):
    rows = [("foscttm", "rna", "rna", 0.1), ("accuracy", "rna", "adt", 0.75), ("accuracy", "adt", "rna", float("nan"))]
    print_scores(pd.DataFrame(rows, columns=["metric", "source", "target", "value"]))
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.strip()]
    assert "all views" in lines[1]
    assert "rna → adt" in lines[1]
    assert any("0.100" in line for line in lines)
    assert any("0.750" in line for line in lines)
    assert "nan" not in said
