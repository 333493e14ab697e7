"""Threads: small problems use one thread, whatever is set, and the setting is restored."""

import threading
from importlib import import_module

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import crosstie as xt
from crosstie import _threads
from crosstie._threads import SMALL, few_threads, leaving_a_core, side_by_side
from crosstie.model import closed_form_problem, fit_model


def counts():
    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}


@pytest.fixture(autouse=True)
def two_threads():
    import faiss  # noqa: F401 - its threads are among those that are set

    with threadpool_limits(2):
        assert set(counts().values()) == {2}
        yield


def test_small_work_runs_on_one_thread():
    with few_threads(SMALL - 1):
        assert set(counts().values()) == {1}
    assert set(counts().values()) == {2}


def test_large_work_runs_on_what_was_set():
    with few_threads(SMALL):
        assert set(counts().values()) == {2}
        with few_threads(10):
            assert set(counts().values()) == {1}
        assert set(counts().values()) == {2}


@pytest.mark.parametrize(("cores", "left"), [(1, 1), (2, 1), (8, 2)])
def test_a_core_is_left_to_another_process(monkeypatch, cores, left):
    """Never more threads than were set."""
    monkeypatch.setattr(_threads, "n_cores", lambda: cores)
    with leaving_a_core():
        assert set(counts().values()) == {left}
        with leaving_a_core():
            assert set(counts().values()) == {left}
    assert set(counts().values()) == {2}


def test_large_items_are_taken_one_after_the_other_with_all_threads():
    def seen(item):
        return item, threading.get_ident(), max(counts().values())

    here = threading.get_ident()
    assert side_by_side(seen, "ab", n_rows=SMALL) == [("a", here, 2), ("b", here, 2)]
    assert all(thread != here and n == 1 for _, thread, n in side_by_side(seen, "ab", n_rows=SMALL - 1))


def test_settings_come_back_after_an_error():
    with pytest.raises(ZeroDivisionError), few_threads(10):
        _ = 1 / 0
    assert set(counts().values()) == {2}


def test_a_small_fit_runs_on_one_thread(monkeypatch):
    seen = []
    for module, name in ((closed_form_problem, "fit_closed_form"), (fit_model, "find"), (fit_model, "linear_fit")):
        function = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, f=function, **k: (seen.append(set(counts().values())), f(*a, **k))[1]
        )
    data = dict(xt.datasets.simulate_citeseq(n_cells=40, n_genes=100, n_proteins=20).mod)
    model = xt.integrate(data, config=xt.Config(n_components=8, n_latent=4))
    assert seen == [{1}] * 4
    assert set(counts().values()) == {2}
    with threadpool_limits(1):
        other = xt.integrate(data, config=xt.Config(n_components=8, n_latent=4))
    np.testing.assert_array_equal(other.embed("rna"), model.embed("rna"))


def test_sketches_run_on_one_thread_whatever_the_size(monkeypatch):
    module = import_module("crosstie.anchors.fit_closed_form")
    seen, plan = [], module.composed_plan
    monkeypatch.setattr(
        module, "composed_plan", lambda *a, **k: (seen.append(set(counts().values())), plan(*a, **k))[1]
    )
    rng = np.random.default_rng(0)
    x = {view: rng.normal(size=(30, 4)).astype(np.float32) for view in "ab"}
    module.fit_closed_form(x, {("a", "b"): (np.eye(4), np.eye(4))}, module.Refinement(n_rounds=2))
    assert seen == [{1}] * 2


def test_side_by_side_keeps_order_and_uses_one_thread_each():
    before = counts()
    found = side_by_side(lambda i: (i, set(counts().values())), range(20))
    assert found == [(i, {1}) for i in range(20)]
    assert counts() == before


def test_an_error_of_one_piece_is_the_error():
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda i: 1 // i, range(3))
