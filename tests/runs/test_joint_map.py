"""Which cells are drawn, and the table of the map. UMAP itself: tests/pl/test_embedding.py."""

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from crosstie.runs import background
from crosstie.runs.joint_map import as_plane, begin_map, drawn_rows, plane_of, plane_of_table, plane_table
from crosstie.runs.write import write


def test_all_cells_or_an_equal_share():
    sizes = {"a": 300, "b": 100}
    assert {name: len(rows) for name, rows in drawn_rows(sizes, 400, seed=0).items()} == sizes
    found = drawn_rows(sizes, 40, seed=0)
    assert {name: len(rows) for name, rows in found.items()} == {"a": 30, "b": 10}
    assert all((np.diff(rows) > 0).all() for rows in found.values())
    again = drawn_rows(sizes, 40, seed=0)
    assert all((found[name] == again[name]).all() for name in sizes)
    assert len(drawn_rows({"a": 1000, "b": 1}, 10, seed=0)["b"]) == 1, "every view is on the map"


def test_a_table_gives_the_map_back(run, model):
    found = plane_of_table(plane_table(run.plane, model), model)
    for name, part in run.plane.items():
        np.testing.assert_array_equal(found[name].to_numpy(), part.to_numpy())


def test_a_table_of_other_cells(run, model):
    table = plane_table(run.plane, model)
    assert plane_of_table(table.assign(row=table["row"] + 1000), model) is None
    assert plane_of_table(table[table["view"] == "rna"], model) is None


def test_a_map_begun_is_the_one_that_is_drawn_at_once(model, monkeypatch):
    def two(z, seed):
        return {name: x[:, :2] + seed for name, x in z.items()}

    monkeypatch.setattr("crosstie.pl.joint_umap", two)
    monkeypatch.setattr(import_module("crosstie.pl.joint_umap"), "joint_umap", two)
    expected = plane_of(model.latents, 240, seed=2)
    for name, part in begin_map(model, seed=2).wait().items():
        np.testing.assert_array_equal(part.to_numpy(), expected[name].to_numpy())
        np.testing.assert_array_equal(part[["x", "y"]], model.latents[name][:, :2] + 2)


def test_planes_are_tables():
    plane = as_plane({"a": np.array([3, 5])}, {"a": np.array([[0.0, 1.0], [2.0, 3.0]])})
    assert plane["a"].to_dict("list") == {"row": [3, 5], "x": [0.0, 2.0], "y": [1.0, 3.0]}


def end():
    os.kill(os.getpid(), signal.SIGKILL)


def drawn_by_two(run, model, data, folder, monkeypatch, killed=False):
    monkeypatch.setattr(background, "FEW_CELLS", 0)
    monkeypatch.setattr(background, "n_cores", lambda: 2)
    with background.beside(data, plots=True) as submit:
        plane = begin_map(model, seed=0, submit=submit)
        found = plane.wait()
        assert plane.is_ready()
        if killed:
            plane.submit(end).exception()
        write(replace(run, plane={}), folder, plane=plane)
        assert (folder / "umap.csv").is_file()
    return found


def test_the_process_that_made_the_map_draws_the_same_pictures(run, model, data, tmp_path, monkeypatch):
    here, there, lost = (tmp_path / name for name in ("here", "there", "lost"))
    for folder in (here, there, lost):
        folder.mkdir()
    plane = drawn_by_two(run, model, data, there, monkeypatch)
    write(replace(run, plane=plane), here)
    if sys.platform != "win32":
        drawn_by_two(run, model, data, lost, monkeypatch, killed=True)  # after the map: the pictures are drawn here
    pictures = sorted(p.name for p in here.glob("*.png"))
    assert len(pictures) > 4
    for folder in (there, lost) if sys.platform != "win32" else (there,):
        assert sorted(p.name for p in folder.glob("*.png")) == pictures
        assert all((folder / name).read_bytes() == (here / name).read_bytes() for name in pictures)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("when", ["before", "while"])
def test_the_process_that_draws_is_killed(run, model, data, tmp_path, monkeypatch, caplog, when):
    """As by an out-of-memory killer: all but map and pictures is written, and a warning says so."""
    submitted = background.second_process

    @contextmanager
    def killed(first):
        with submitted(first) as submit:
            lost = submit(end)
            if when == "before":
                lost.exception()
            yield submit

    monkeypatch.setattr(background, "FEW_CELLS", 0)
    monkeypatch.setattr(background, "n_cores", lambda: 2)
    monkeypatch.setattr(background, "second_process", killed)
    with background.beside(data, plots=True) as submit:
        plane = begin_map(model, seed=0, submit=submit)
        write(replace(run, plane={}), tmp_path, plane=plane, report=pytest.fail)
    assert "the process that draws the map ended early" in caplog.text
    assert {"run.json", "integrated.h5mu", "model", "scores.csv"} <= {p.name for p in tmp_path.iterdir()}
    assert not list(tmp_path.glob("umap*"))


@pytest.mark.parametrize("row", [-5, 1.5, 10**12, float("nan"), 1])
def test_rows_that_are_not_of_cells(run, model, row):
    table = plane_table(run.plane, model).reset_index(drop=True)
    table["row"] = table["row"].astype(float)
    table.loc[0, "row"] = table.loc[1, "row"] if row == 1 else row
    assert plane_of_table(table, model) is None
