import logging
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crosstie import metrics
from crosstie._errors import InputKeyError, InputValueError
from crosstie.metrics import evaluate

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_TRUTH = {"mixing", "alignment"}
WITH_LABELS = {"accuracy", "balanced_accuracy", "macro_f1", "ari", "knn_accuracy", "silhouette"}
WITH_PAIRS = {"foscttm", "matching_accuracy"}


def simulate(n_cells=120, views=("rna", "adt", "atac"), seed=0):
    """The same cells in every view, shuffled."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["T", "B", "NK"], size=n_cells, p=[0.5, 0.3, 0.2])
    z = pd.Series(y).map({"T": 0, "B": 2, "NK": 4}).to_numpy()[:, None] + rng.normal(size=(n_cells, 5))
    pairs = {view: rng.permutation(n_cells) for view in views}
    latents = {view: z[cell] + 0.5 * rng.normal(size=z.shape) for view, cell in pairs.items()}
    return latents, {view: y[cell] for view, cell in pairs.items()}, pairs


def value(table, metric, source, target):
    return table.set_index(["metric", "source", "target"])["value"].loc[(metric, source, target)]


@pytest.mark.parametrize("views", [("rna", "adt"), ("rna", "adt", "atac")])
def test_every_ordered_pair_of_views_is_scored(views):
    table = evaluate(*simulate(views=views)[:2], pairs=simulate(views=views)[2])
    n = len(views)
    counts = table["metric"].value_counts().to_dict()
    assert list(table.columns) == ["metric", "source", "target", "value"]
    assert counts == {
        metric: 1 if metric in ("alignment", "silhouette") else n * (n - 1)
        for metric in WITHOUT_TRUTH | WITH_LABELS | WITH_PAIRS
    }
    assert not table.duplicated(["metric", "source", "target"]).any()
    assert table["value"].notna().all()


def test_table_equals_the_single_functions():
    latents, labels, pairs = simulate()
    labels["adt"] = labels["adt"].copy()
    labels["adt"][:15] = "unknown"
    table = evaluate(latents, labels, pairs=pairs, k=7)
    keep = labels["adt"] != "unknown"
    reference, y = latents["adt"][keep], labels["adt"][keep]
    for k, metric in ((1, "accuracy"), (7, "knn_accuracy")):
        predicted = metrics.nearest_labels(reference, y, latents["rna"], k=k)
        assert value(table, metric, "adt", "rna") == metrics.transfer_accuracy(labels["rna"], predicted)
    predicted = metrics.nearest_labels(latents["rna"], labels["rna"], latents["adt"])
    for score in (metrics.balanced_accuracy, metrics.macro_f1, metrics.ari):
        expected = score(labels["adt"], predicted, exclude=("unknown",))
        assert value(table, score.__name__, "rna", "adt") == pytest.approx(expected)
    joint, joint_y = np.vstack(list(latents.values())), np.concatenate(list(labels.values()))
    assert value(table, "silhouette", "all", "all") == pytest.approx(
        metrics.silhouette(joint, joint_y, exclude=("unknown",))
    )
    order = {view: np.argsort(cell) for view, cell in pairs.items()}
    x, y = latents["rna"][order["rna"]], latents["atac"][order["atac"]]
    both = [value(table, "foscttm", *p) for p in (("rna", "atac"), ("atac", "rna"))]
    assert np.mean(both) == pytest.approx(metrics.foscttm(x, y))
    nearest = metrics.neighbours(y, x, 1).index[:, 0]
    assert value(table, "matching_accuracy", "rna", "atac") == (nearest == np.arange(len(x))).mean()
    assert value(table, "alignment", "all", "all") == pytest.approx(metrics.alignment(latents))
    two = {view: latents[view] for view in ("rna", "adt")}
    both = [value(table, "mixing", *p) for p in (("rna", "adt"), ("adt", "rna"))]
    assert np.mean(both) == pytest.approx(metrics.mixing(two))


def test_scores_do_not_depend_on_order_names_or_rotation():
    latents, labels, pairs = simulate()
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    order = {view: rng.permutation(len(z)) for view, z in latents.items()}
    moved = evaluate(
        {view: 3 * latents[view][i] @ turn + 1 for view, i in order.items()},
        {view: pd.Series(labels[view][i]).map({"T": 1, "B": 2, "NK": 3}) for view, i in order.items()},
        pairs={view: [f"cell {cell:04d}" for cell in pairs[view][i]] for view, i in order.items()},
    )
    original = evaluate(latents, labels, pairs=pairs)
    pd.testing.assert_frame_equal(moved, original, check_exact=False, atol=1e-9)


def test_what_the_truth_does_not_allow_is_left_out():
    latents, labels, pairs = simulate()
    assert set(evaluate(latents)["metric"]) == WITHOUT_TRUTH
    assert set(evaluate(latents, labels)["metric"]) == WITHOUT_TRUTH | WITH_LABELS
    assert set(evaluate(latents, pairs=pairs)["metric"]) == WITHOUT_TRUTH | WITH_PAIRS
    part = evaluate(latents, {view: labels[view] for view in ("rna", "adt")})
    accuracy = part[part["metric"] == "accuracy"]
    assert set(accuracy["source"]) == set(accuracy["target"]) == {"rna", "adt"}
    one_class = evaluate(latents, {view: np.full(len(y), "T") for view, y in labels.items()})
    assert "silhouette" not in set(one_class["metric"])
    assert value(one_class, "accuracy", "rna", "adt") == 1


def test_cells_without_partner_are_left_out_of_pairing():
    latents, _, pairs = simulate(views=("rna", "adt"))
    whole = evaluate(latents, pairs=pairs)
    more = {view: np.vstack([z, 50 + np.arange(50.0).reshape(10, 5)]) for view, z in latents.items()}
    marked = {"rna": np.r_[pairs["rna"], np.full(10, -1)], "adt": np.r_[pairs["adt"], 1000 + np.arange(10)]}
    pd.testing.assert_frame_equal(
        evaluate(more, pairs=marked).query("metric in @WITH_PAIRS", local_dict={"WITH_PAIRS": list(WITH_PAIRS)}),
        whole.query("metric in @WITH_PAIRS", local_dict={"WITH_PAIRS": list(WITH_PAIRS)}),
    )
    strangers = {"rna": pairs["rna"], "adt": pairs["adt"] + 1000}
    assert set(evaluate(latents, pairs=strangers)["metric"]) == WITHOUT_TRUTH


def test_draws_estimate_the_whole():
    latents, labels, pairs = simulate(n_cells=900, views=("rna", "adt"))
    whole = evaluate(latents, labels, pairs=pairs)
    part = evaluate(latents, labels, pairs=pairs, max_cells=300, max_queries=500, seed=1)
    pd.testing.assert_frame_equal(part.drop(columns="value"), whole.drop(columns="value"))
    np.testing.assert_allclose(part["value"], whole["value"], atol=0.06)
    pd.testing.assert_frame_equal(part, evaluate(latents, labels, pairs=pairs, max_cells=300, max_queries=500, seed=1))


def test_excluded_cells_are_counted_in_the_log(caplog):
    latents, labels, _ = simulate()
    labels["rna"] = np.where(np.arange(120) < 4, "unknown", labels["rna"])
    with caplog.at_level(logging.INFO, logger="crosstie"):
        evaluate(latents, labels)
    assert "rna: 4 of 120 cells have an excluded label" in caplog.text


def test_a_class_that_the_source_lacks_counts_as_wrong():
    z = np.arange(4.0)[:, None]
    table = evaluate({"a": z, "b": z}, {"a": ["x", "x", "y", "y"], "b": ["x", "x", "y", "new"]})
    assert value(table, "accuracy", "a", "b") == 0.75


def test_one_cell_per_view():
    table = evaluate({"a": [[0.0]], "b": [[1.0]]}, {"a": ["x"], "b": ["x"]}, pairs={"a": [3], "b": [3]})
    assert value(table, "accuracy", "a", "b") == 1
    assert value(table, "foscttm", "a", "b") == 0
    assert value(table, "matching_accuracy", "b", "a") == 1


def test_wrong_input_is_explained():
    latents, labels, pairs = simulate()
    with pytest.raises(InputValueError, match="at least two views"):
        evaluate({"rna": latents["rna"]})
    with pytest.raises(InputValueError, match=r"evaluate: the number of neighbours must be at least 1(.|\n)*k=0"):
        evaluate(latents, labels, k=0)
    with pytest.raises(InputKeyError, match=r"labels: unknown name 'rnaa'(.|\n)*Did you mean 'rna'"):
        evaluate(latents, {"rnaa": labels["rna"]})
    with pytest.raises(InputValueError, match=r"labels of 'adt': labels have the wrong shape(.|\n)*\(119,\)"):
        evaluate(latents, labels | {"adt": labels["adt"][1:]})
    with pytest.raises(InputValueError, match=r"labels of 'adt': 1 of 120 labels are missing"):
        evaluate(latents, labels | {"adt": [None, *labels["adt"][1:]]})
    with pytest.raises(InputValueError, match=r"pairs of 'rna': 1 cell identities occur more than once"):
        evaluate(latents, pairs=pairs | {"rna": np.r_[pairs["rna"][1], pairs["rna"][1:]]})
    with pytest.raises(InputValueError, match=r"view 'adt': latent coordinates are not finite"):
        evaluate(latents | {"adt": np.full((120, 5), np.nan)})


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "method"), [("pbmc_wnn", "random"), ("pbmc_wnn", "paired CCA"), ("pbmc10k", "random")]
)
def test_scores_agree_with_the_referee(name, method, monkeypatch):
    bench = ROOT.parent / "shared" / "bench"
    data = Path(os.environ.get("CROSSTIE_DATA", ROOT.parent / "shared" / "data"))
    if not (bench / "referee.py").exists() or not (data / name).exists():
        pytest.skip("no referee or no real data here")
    monkeypatch.syspath_prepend(str(bench))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    referee = pytest.importorskip("referee")
    task = referee.load_task(name, data=data)
    if method == "random":
        rng = np.random.default_rng(0)
        latents = {view: rng.normal(size=(adata.n_obs, 20)) for view, adata in task.views.items()}
    else:
        latents = referee.paired_cca(task)
    expected = task.score(latents)
    labels = {view: task._label[cell] for view, cell in task._cell.items()}
    table = evaluate(latents, labels, pairs=task._cell)
    a, b = latents
    ordered = {view: z[np.argsort(task._cell[view])] for view, z in latents.items()}
    ours = {
        "foscttm": table.loc[table["metric"] == "foscttm", "value"].mean(),
        f"accuracy {a}->{b}": value(table, "accuracy", a, b),
        f"accuracy {b}->{a}": value(table, "accuracy", b, a),
        f"balanced {a}->{b}": value(table, "balanced_accuracy", a, b),
        f"balanced {b}->{a}": value(table, "balanced_accuracy", b, a),
        "mixing": metrics.mixing(ordered, max_cells=1000, seed=1),  # the referee's draw, from cells in its order
    }
    assert metrics.foscttm(ordered[a], ordered[b], max_cells=4000) == pytest.approx(expected["foscttm"], abs=6e-5)
    assert ours == pytest.approx(expected, abs=6e-5)
