"""The table of formats."""

import numpy as np
import pytest
from anndata import AnnData

from crosstie.data.readers.formats import recognise, whole
from crosstie.data.readers.request import Request


def test_what_is_of_no_format_is_refused_with_what_is_read(tmp_path):
    (tmp_path / "notes").write_text("hello")
    with pytest.raises(ValueError, match=r"notes is of no format.*\n.*AnnData \(\.h5ad\)"):
        recognise(tmp_path / "notes")
    with pytest.raises(ValueError, match=r"is a folder\.\n  found: in it: 'notes'"):
        recognise(tmp_path)


def test_a_reader_of_everything_ignores_requests(tmp_path):
    read = whole(lambda path: AnnData(np.ones((2, 3)), uns={"path": str(path)}))
    assert read(tmp_path, Request(only_features=True)).uns == {"path": str(tmp_path)}
