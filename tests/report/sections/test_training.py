import re

import pytest

import crosstie as xt
from crosstie.report import write
from report.conftest import text_of


@pytest.mark.trains
def test_training_is_drawn(tmp_path):
    data = xt.datasets.simulate_citeseq(n_cells=150, n_genes=300, n_proteins=30, seed=3)
    config = xt.Config(n_rounds=2, n_sketches=1, training="full", n_steps=20, batch_size=64, keep="best")
    trained = xt.Model(data, config=config).fit(device="cpu")
    html = write(trained, tmp_path / "report.html", diagnosis=xt.trust.diagnose(trained)).read_text()
    assert len(re.findall("<polyline", html)) == len(trained.history.select_dtypes("number").columns) - 1
    assert "Encoders and decoders were trained for 20 steps" in text_of(html, "methods")
    best = trained.history.set_index("step")["link_rank"].idxmin()
    assert f"The weights of step {best} were kept" in text_of(html, "training")
    assert "scMODAL" in text_of(html, "methods")
    assert "n_steps" in text_of(html, "settings")
