"""Arrays of a saved model are checked as they are taken; damage of whole models is in test_load.py."""

import hashlib

import numpy as np
import pytest
from safetensors.numpy import save

from crosstie.model.saved_arrays import SavedArrays


def arrays(folder, **given):
    data = save(given)
    (folder / "weights.safetensors").write_bytes(data)
    return SavedArrays(folder, {"weights_sha256": hashlib.sha256(data).hexdigest()}, 10_000)


def test_axes_of_one_name_must_agree(tmp_path):
    found = arrays(tmp_path, a=np.zeros((3, 2)), b=np.zeros((4, 2)))
    assert found.take("a", "cells", "axes").shape == (3, 2)
    assert found.sizes == {"cells": 3, "axes": 2}
    with pytest.raises(ValueError, match=r"does not fit the others.*\n.*'b' of shape \(4, 2\)"):
        found.take("b", "cells", "axes")


def test_row_numbers_stay_inside_and_nothing_is_left_over(tmp_path):
    found = arrays(tmp_path, rows=np.array([0, 5]), more=np.zeros(1))
    with pytest.raises(ValueError, match="unknown"):
        found.check_all_taken()
    with pytest.raises(ValueError, match=r"point outside.\n  found: 0 to 5\n  expected: 0 to 4"):
        found.rows("rows", "cells", 5)
