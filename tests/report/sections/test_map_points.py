import base64
import json
import zlib

import numpy as np

from crosstie.report.sections.map_points import points
from crosstie.runs.read import read


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
