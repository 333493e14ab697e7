import crosstie as xt
from crosstie.report import write
from report.conftest import text_of


def test_means_are_in_the_units_of_the_recipe(tmp_path):
    views = dict(xt.datasets.simulate_citeseq(n_cells=150, n_genes=300, n_proteins=30, seed=3).mod)
    model = xt.Model(views, modality={"adt": "cytometry"}, links=[xt.links.by_table(views, "rna", "adt")],
                     config=xt.Config(n_rounds=2, n_sketches=1)).fit()  # fmt: skip
    said = text_of(write(model, tmp_path / "report.html").read_text(encoding="utf-8"), "imputation")
    assert "Mean (log units)" in said
    assert "Mean (arcsinh units)" in said
