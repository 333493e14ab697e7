"""`crosstie links`: the pairs that Python finds, and what could not be linked."""

import numpy as np
import pandas as pd
from anndata import AnnData

from crosstie.links import by_table

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")


def test_links(run, tmp_path, mdata):
    result = run("links", *VIEWS, "--out", "links.csv", "--report", "report.csv")
    assert result.exit_code == 0, result.output
    link = by_table(mdata, "rna", "adt")
    written = pd.read_csv(tmp_path / "links.csv")
    assert list(zip(written["source"], written["target"], strict=True)) == list(
        zip(link.pairs["source"], link.pairs["target"], strict=True)
    )
    report = pd.read_csv(tmp_path / "report.csv")
    assert list(report["feature"]) == list(mdata["adt"].var_names)
    assert f"rna – adt: {link.n_columns} independent links" in result.stdout
    assert "… and" in result.stdout  # a long list is folded
    assert set(mdata["adt"].var_names) - set(result.stdout.split())


def test_links_of_one_kind(run, mdata):
    linked, unlinked, every = (run("links", *VIEWS, "-q", "--only", x).stdout for x in ("linked", "unlinked", "all"))
    report = by_table(mdata, "rna", "adt").report
    assert (report["status"] != "linked").any()
    for feature, status in zip(report["feature"], report["status"], strict=True):
        lists = {"linked": linked, "unlinked": unlinked}
        shown = {
            name: any(line.strip().startswith(feature) for line in text.splitlines()) for name, text in lists.items()
        }
        assert shown["linked" if status == "linked" else "unlinked"], feature
        assert feature in every
    assert "it does not measure a protein" in unlinked
    assert "it does not measure a protein" not in linked


def test_links_reads_names_only(run, tmp_path, write):
    """Values that could not be integrated do not matter."""
    adt = write("adt", lambda a: AnnData(np.full(a.shape, np.nan), obs=a.obs, var=a.var))
    assert run("links", VIEWS[0], f"adt={adt}").exit_code == 0
    assert run("links", "both.h5mu").exit_code == 0


def test_links_wrong(run, tmp_path, write):
    def renamed(adata):
        adata.var["symbol"], adata.var["alias"] = adata.var_names, adata.var_names[::-1]  # which of them?
        adata.var_names = [f"ENSG{i:011d}" for i in range(adata.n_vars)]
        return adata

    rna = write("rna", renamed)
    result = run("links", f"rna={rna}", VIEWS[1], "-q")
    assert result.exit_code == 2
    assert "Pass --names rna=symbol" in result.stderr
    assert run("links", f"rna={rna}", VIEWS[1], "--names", "rna=symbol").exit_code == 0
    assert run("links", *VIEWS, "--only", "unlinkt").exit_code == 2
    assert run("links", *VIEWS, "--out", "no/where.csv").exit_code == 2
