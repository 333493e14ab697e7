"""`crosstie check`: what Python finds, printed, as JSON and as csv."""

import json

import pandas as pd

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")


def test_check(run, tmp_path, mdata):
    result = run("check", *VIEWS, "--out", "found.csv")
    assert result.exit_code == 0, result.output
    assert "values: counts" in result.stdout
    assert "independent links" in result.stdout
    table = pd.read_csv(tmp_path / "found.csv")
    assert {"rna", "adt"} <= set(table["about"])
    answer = json.loads(run("check", *VIEWS, "--quick", "--json").stdout)
    assert answer["worst"] in ("fine", "note")
    assert "doublets" not in {f["id"] for f in answer["findings"]}


def test_check_wrong(run):
    assert run("check", VIEWS[0], "adt=none.h5ad").exit_code == 2
    assert run("check", *VIEWS, "--modality", "adt=prtein").exit_code == 2
