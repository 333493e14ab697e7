import base64
import json
import zlib
from dataclasses import replace

import numpy as np

from crosstie.report.sections.map_points import points
from crosstie.runs.read import read
from crosstie.space import Positions


def unpacked(text):
    return zlib.decompress(base64.b64decode(text))


def test_every_cell_has_a_place_a_name_and_a_label(folder):
    run = read(folder)
    made = points(run)
    names = [str(cell) for name, part in run.plane.items() for cell in run.model.cells[name][part["row"].to_numpy(int)]]
    assert json.loads(unpacked(made["names"])) == names
    x, y = np.frombuffer(unpacked(made["xy"]), "<u2").reshape(2, -1)
    assert len(x) == len(y) == len(names)
    assert max(np.ptp(x), np.ptp(y)) == 65535
    label = made["fields"][made["start"]]
    codes = np.frombuffer(unpacked(label["codes"]), "u1")
    truth = np.concatenate([run.truth[name][part["row"].to_numpy(int)] for name, part in run.plane.items()])
    assert [label["classes"][code] for code in codes] == list(truth)


def test_cells_have_their_place_in_the_tissue_section_beside_section(folder):
    run = read(folder)
    assert "tissue" not in points(run)
    name, n = next((name, len(z)) for name, z in run.model.latents.items())
    xy = np.random.default_rng(0).random((n, 2)) * [300, 100]
    section = np.arange(n) % 4
    here = Positions(xy, section, ("a", "b", "c", "d"))
    inputs = replace(run.model.inputs, positions={name: here})
    made = points(replace(run, model=type(run.model).of(inputs, run.model.fitted)))["tissue"]
    there = np.frombuffer(unpacked(made["there"]), "u1").astype(bool)
    rows = run.plane[name]["row"].to_numpy(int)
    assert there.sum() == len(rows)
    x, y = np.frombuffer(unpacked(made["xy"]), "<u2").reshape(2, -1)[:, there].astype(float)
    scale = np.ptp(x) / 65535
    assert 0.9 < scale <= 1
    boxes = [(x[section[rows] == k].min(), x[section[rows] == k].max(), y[section[rows] == k].min()) for k in range(4)]
    assert boxes[0][1] < boxes[1][0]  # side by side
    assert boxes[0][2] < boxes[2][2]  # below each other
    one = section[rows] == 0
    assert np.corrcoef(x[one], xy[rows][one, 0])[0, 1] > 0.9999
    assert [name for name, _, _ in made["sections"]] == ["a", "b", "c", "d"]
    for k, (_, at, above) in enumerate(made["sections"]):
        assert boxes[k][0] < at * 65535 < boxes[k][1]
        assert above * 65535 < boxes[k][2]


def test_views_with_positions_lie_beside_each_other_in_the_tissue(folder):
    run = read(folder)
    rng = np.random.default_rng(0)
    positions = {
        name: Positions(rng.random((len(z), 2)) * 10**i, np.zeros(len(z), np.int64), (name,))
        for i, (name, z) in enumerate(run.model.latents.items())
    }
    model = type(run.model).of(replace(run.model.inputs, positions=positions), run.model.fitted)
    made = points(replace(run, model=model))["tissue"]
    x = np.frombuffer(unpacked(made["xy"]), "<u2").reshape(2, -1)[0].astype(float)
    n_first = len(run.plane[next(iter(run.plane))])
    assert x[:n_first].max() < x[n_first:].min()
    assert [name for name, _, _ in made["sections"]] == list(run.plane)
