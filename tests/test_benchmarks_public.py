"""Subject: rows for public benchmarks. Files of exactly their layout are read, and their metrics are ours."""

import json
import sys
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

import crosstie as xt

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = ROOT / "benchmarks" / "public"
OURS = ("published", "scmmib_row", "multibench_row", "run")


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(PUBLIC))
    yield
    for name in OURS:
        sys.modules.pop(name, None)


def latents(seed, noise):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 6, 300)
    x = (rng.normal(size=(6, 12)) * 1.2)[label] + rng.normal(size=(300, 12))
    return x, x + noise * rng.normal(size=(300, 12)), np.array([f"t{k}" for k in label])


@pytest.mark.parametrize(
    ("seed", "noise", "expected"),
    [  # what scmmib/metrics.py of bm2-lab/SCMMI_Benchmark at 5341740 returns for the same latents
        (0, 0.6, (0.00017777777777777776, 0.9616666666666667, 0.995)),
        (1, 1.5, (0.029183333333333332, 0.25666666666666665, 0.8266666666666667)),
        (2, 3.0, (0.1955, 0.05666666666666667, 0.47)),
    ],
)
def test_our_metrics_are_theirs(seed, noise, expected):
    from scmmib_row import score

    x, y, label = latents(seed, noise)
    found = score(x, y, {"nearest cell type": label})
    assert tuple(found) == ("foscttm", "nearest cell", "nearest cell type")
    np.testing.assert_allclose(tuple(found.values()), expected, atol=5e-5)


@pytest.fixture(scope="module")
def multiome():
    """RNA, peaks, gene activity and proteins of the same cells, with donors."""
    tea = xt.datasets.simulate_teaseq(n_cells=300, n_genes=300, n_proteins=30, peaks=True, seed=0)
    cells = {name: np.argsort(adata.obs["true_cell"].to_numpy()) for name, adata in tea.mod.items()}
    views = {name: tea[name][order].copy() for name, order in cells.items()}
    assert all((a.obs["true_cell"].to_numpy() == np.arange(a.n_obs)).all() for a in views.values())
    genes = xt.datasets.gene_table()
    views["gam"] = xt.data.gene_activity(views["atac"], genes)
    for adata in views.values():
        adata.obs_names = [f"CELL{i}-1" for i in range(adata.n_obs)]
    return views


def scmmib_folder(folder, views, kinds, batches):
    """A data set as SCMMIB distributes it."""
    names = {"rna": "RNA-counts", "atac": "ATAC-peaks", "gam": "ATAC-gam", "adt": "ADT-counts"}
    config = {f"{kind}_h5ad_filename": f"made-{names[kind]}.h5ad" for kind in kinds}
    config |= {"metadata": "metadata.csv", "barcode_key": "barcode", "celltype_key": "cell_type", "batch_key": "batch"}
    for kind in kinds:
        views[kind].write_h5ad(folder / config[f"{kind}_h5ad_filename"])
    table = pd.DataFrame({"barcode": views["rna"].obs_names, "batch": batches})
    table["cell_type"] = views["rna"].obs["cell_type"].astype(str).to_numpy()
    table.sample(frac=1, random_state=0).to_csv(folder / "metadata.csv", index=False)
    (folder / "made.json").write_text(json.dumps(config | {"output_prefix": "made-task"}))
    return folder


def run_main(module, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
    module.main()


def test_a_row_for_rna_and_atac(multiome, tmp_path, monkeypatch, capsys):
    import scmmib_row

    folder = scmmib_folder(tmp_path, multiome, ("rna", "atac", "gam"), "s3d10")
    task = ("--task", "diagonal_scRNA+scATAC", "--data", "BMMC_s3d10", "--out", tmp_path / "out")
    run_main(scmmib_row, monkeypatch, folder, folder / "made.json", *task)
    table = capsys.readouterr().out
    assert "GLUE" in table
    row = next(line.split() for line in table.splitlines() if line.startswith("crosstie"))
    written = [
        pd.read_csv(tmp_path / "out" / f"made-task-crosstie-{m}-latent.csv", index_col=0) for m in ("RNA", "ATAC")
    ]
    for z in written:
        assert list(z.index) == list(multiome["rna"].obs_names), "rows under the barcodes of the data"
    assert xt.metrics.foscttm(*written) == pytest.approx(float(row[1]), abs=1e-4)
    assert float(row[1]) < 0.2
    assert float(row[2]) > 0.6


def test_a_row_for_a_mosaic(multiome, tmp_path, monkeypatch, capsys):
    import scmmib_row

    batches = np.where(np.arange(300) < 150, "s3d6", "s2d1")
    folder = scmmib_folder(tmp_path, multiome, ("rna", "adt"), batches)
    task = ("--task", "mosaic_scRNA+ADT", "--data", "BMMC_s2d1_s3d6", "--out", tmp_path / "out")
    run_main(scmmib_row, monkeypatch, folder, folder / "made.json", *task)
    row = next(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("crosstie"))
    z = pd.read_csv(tmp_path / "out" / "made-task-crosstie-ADT-latent.csv", index_col=0)
    assert list(z.index) == [f"CELL{i}-1" for i in range(150, 300)], "only cells whose pairs were not told are scored"
    assert float(row[1]) < 0.2


def multibench_folder(folder, **views):
    """A data set of the category "diagonal" as `multibench.io.export_dataset` 0.4.0 writes it."""
    for name, adata in views.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["matrix/data"] = adata.X.toarray().T.astype(np.float64)
            file["matrix/features"] = np.array(adata.var_names, dtype="S")
            file["matrix/barcodes"] = np.array(adata.obs_names, dtype="S")
    return folder


@pytest.mark.parametrize("kinds", [("atac_gas",), ("atac_gas", "atac_peak")])
def test_coordinates_for_scmultibench(multiome, tmp_path, monkeypatch, kinds):
    import multibench_row

    atac = {"atac_gas": multiome["gam"][100:], "atac_peak": multiome["atac"][100:]}
    multibench_folder(tmp_path, rna=multiome["rna"][:250], **{kind: atac[kind] for kind in kinds})
    read = multibench_row.read(tmp_path / "rna.h5")
    assert isinstance(read, ad.AnnData)
    np.testing.assert_array_equal(read.X.toarray(), multiome["rna"][:250].X.toarray())
    run_main(multibench_row, monkeypatch, tmp_path, tmp_path / "z.csv")
    z = pd.read_csv(tmp_path / "z.csv", index_col=0)
    assert list(z.index) == [*multiome["rna"].obs_names[:250], *multiome["atac"].obs_names[100:]]
    assert xt.metrics.foscttm(z.to_numpy()[100:250], z.to_numpy()[250:400]) < 0.2, "both views have cells 100 to 249"


def test_what_is_not_there_is_said(tmp_path, monkeypatch, capsys):
    import run

    monkeypatch.setenv("SCMMIB_DATA", str(tmp_path))
    run_main(run, monkeypatch, "--out", tmp_path, "--multibench")
    said = capsys.readouterr().out
    assert said.count("figshare.27161451") == 7
    assert "GLUE" in said


def test_every_published_figure_has_a_source():
    import published

    rows = published.figures()
    keys = ["source", "task", "data", "n_cells", "method", "score"]
    assert not rows.duplicated(keys).any()
    assert rows.drop(columns="n_cells").notna().all(axis=None)
    assert published.PAGE.read_text(encoding="utf-8") == published.page(), "python benchmarks/public/published.py"
    # as the text of the issue of these figures has them
    glue = published.of("diagonal RNA+ATAC", "BMMC_s3d10").loc["GLUE"]
    assert (round(glue["foscttm"], 3), round(glue["nearest cell type"], 3)) == (0.034, 0.826)
