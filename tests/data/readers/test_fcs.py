import logging

import numpy as np
import pytest

pytest.importorskip("flowio")

from crosstie._errors import InputError
from crosstie.data.readers.fcs import is_fcs, read_fcs
from crosstie.data.readers.request import Request
from made_files.fcs_files import write_fcs

NAMES = ["FSC-A", "B515-A", "R780-A", "V450-A", "Time"]
MARKERS = ["", "CD3", "CD19", "Live/Dead", ""]
SPILL = np.array([[1, 0.2, 0.05], [0.1, 1, 0], [0.02, 0.3, 1]])
ALL = Request()


@pytest.fixture
def events():
    return np.random.default_rng(0).gamma(1.0, 800.0, (50, len(NAMES))).round()


def spillover(names, matrix):
    return ",".join([str(len(names)), *names, *(f"{x:g}" for x in np.ravel(matrix))])


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1"])
@pytest.mark.parametrize(("datatype", "big_endian"), [("F", False), ("F", True), ("D", False), ("I", True)])
def test_every_version_and_number_type(tmp_path, events, version, datatype, big_endian):
    file = write_fcs(
        tmp_path / "a.fcs", events, NAMES, MARKERS, version=version, datatype=datatype, big_endian=big_endian
    )
    assert is_fcs(file)
    found = read_fcs(file, ALL)
    assert list(found.var_names) == ["CD3", "CD19"]
    assert list(found.var["channel"]) == ["B515-A", "R780-A"]
    assert found.X.dtype == np.float32
    np.testing.assert_array_equal(found.X, events[:, [1, 2]].astype(np.float32))
    assert list(found.obs) == ["FSC-A", "V450-A", "Time"]
    np.testing.assert_array_equal(found.obs["V450-A"], events[:, 3])
    assert found.obs_names[0] == "a_1"
    found.write_h5ad(tmp_path / "written.h5ad")


@pytest.mark.parametrize("key", ["$SPILLOVER", "SPILL", "$COMP"])
def test_spillover_is_undone(tmp_path, events, caplog, key):
    """Signals that are mixed by the matrix come back, those that are set aside included."""
    mixed = events.copy()
    mixed[:, 1:4] = events[:, 1:4] @ SPILL
    value = spillover([] if key == "$COMP" else NAMES[1:4], SPILL)
    value = value.replace("0,", "3,", 1) if key == "$COMP" else value
    file = write_fcs(tmp_path / "a.fcs", mixed, NAMES, MARKERS, datatype="D", keywords={key: value})
    with caplog.at_level(logging.INFO, "crosstie"):
        found = read_fcs(file, ALL)
    np.testing.assert_allclose(found.X, events[:, [1, 2]], rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(found.obs["V450-A"], events[:, 3], rtol=1e-4, atol=1e-2)
    assert "2 proteins of 5 channels, compensated (3 channels)." in caplog.text
    assert "set aside in obs (viability): 'Live/Dead'." in caplog.text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (spillover(["B515-A", "X"], np.array([[1, 0.1], [0, 1]])), "names channels that are not there: 'X'"),
        (spillover(NAMES[1:3], np.ones((2, 2))), "the spillover matrix cannot be inverted"),
        ("3,B515-A,R780-A,V450-A,1,0", "$SPILLOVER is not a matrix of 3 channels"),
        ("2,B515-A,R780-A,1,a,0,1", "$SPILLOVER holds text where numbers are expected"),
        (spillover(NAMES[1:3], np.array([[1, np.nan], [0, 1]])), "the spillover matrix cannot be inverted"),
    ],
)
def test_a_bad_spillover_matrix_is_said_and_not_applied(tmp_path, events, caplog, value, said):
    file = write_fcs(tmp_path / "a.fcs", events, NAMES, MARKERS, keywords={"$SPILLOVER": value})
    found = read_fcs(file, ALL)
    np.testing.assert_array_equal(found.X, events[:, [1, 2]].astype(np.float32))
    assert said in caplog.text


def test_amplifiers_are_undone(tmp_path, events):
    """Four decades over 1,024 channels, as a FACSCalibur stores them; a gain is divided out."""
    stored = events.clip(0, 1023)
    file = write_fcs(
        tmp_path / "a.fcs", stored, NAMES, MARKERS, datatype="I", decades={"B515-A": 4}, gains={"R780-A": 8}
    )
    found = read_fcs(file, ALL)
    np.testing.assert_allclose(found.X[:, 0], 10 ** (4 * stored[:, 1] / 1024), rtol=1e-5)
    np.testing.assert_allclose(found.X[:, 1], stored[:, 2] / 8, rtol=1e-6)


def test_wrong_offsets_in_the_header_are_said(tmp_path, events, caplog):
    found = read_fcs(write_fcs(tmp_path / "a.fcs", events, NAMES, MARKERS, header_off=7), ALL)
    np.testing.assert_array_equal(found.X, events[:, [1, 2]].astype(np.float32))
    assert "has a discrepancy in the DATA start byte location" in caplog.text
    assert "read nevertheless" in caplog.text


def test_another_number_of_events_than_stated_is_said(tmp_path, events, caplog):
    write_fcs(tmp_path / "a.fcs", np.repeat(events, 2, axis=1)[:, :5], NAMES, MARKERS, keywords={"$TOT": "49"})
    assert read_fcs(tmp_path / "a.fcs", ALL).n_obs == 50
    assert "holds 50 events, and states 49" in caplog.text


def test_a_folder_is_samples(tmp_path, events, caplog):
    write_fcs(tmp_path / "donor1.fcs", events, NAMES, MARKERS)
    write_fcs(tmp_path / "donor2.fcs", events[:20, :4] + 1, NAMES[:4], ["", "CD3", "CD19", "CD4"])
    (tmp_path / "panel.csv").write_text("channel,marker\n")
    assert is_fcs(tmp_path)
    found = read_fcs(tmp_path, ALL)
    assert found.obs["sample"].value_counts().to_dict() == {"donor1": 50, "donor2": 20}
    assert list(found.var_names) == ["CD3", "CD19"]
    assert found.obs_names.is_unique
    np.testing.assert_array_equal(found.X[50:], events[:20, [1, 2]] + 1)
    assert "1 markers are not in all files, and left out: 'CD4'" in caplog.text
    found.write_h5ad(tmp_path / "written.h5ad")


def test_files_of_different_panels(tmp_path, events):
    write_fcs(tmp_path / "a.fcs", events, NAMES, MARKERS)
    write_fcs(tmp_path / "b.fcs", events, NAMES, ["", "CD8", "CD20", "", ""])
    with pytest.raises(InputError, match="its files share no marker"):
        read_fcs(tmp_path, ALL)


def test_features_without_events(tmp_path, events):
    found = read_fcs(write_fcs(tmp_path / "a.fcs", events, NAMES, MARKERS), Request(only_features=True))
    assert list(found.var_names) == ["CD3", "CD19"]
    assert found.n_obs == 0


def test_no_protein(tmp_path, events):
    file = write_fcs(tmp_path / "a.fcs", events[:, :2], ["FSC-A", "SSC-A"])
    with pytest.raises(InputError, match=r"holds no protein.\n  found: channels 'FSC-A', 'SSC-A'"):
        read_fcs(file, ALL)


def test_without_markers_it_is_said(tmp_path, events, caplog):
    found = read_fcs(write_fcs(tmp_path / "a.fcs", events, NAMES), ALL)
    assert list(found.var_names) == ["B515-A", "R780-A", "V450-A"]
    assert "no channel has a marker ($PnS)" in caplog.text


def test_what_is_no_fcs(tmp_path):
    (tmp_path / "a.fcs").write_text("no")
    assert not is_fcs(tmp_path / "a.fcs")
    assert not is_fcs(tmp_path / "missing.fcs")


def test_links_in_a_folder_are_not_followed(tmp_path, events):
    file = write_fcs(tmp_path / "outside.fcs", events, NAMES, MARKERS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.fcs").symlink_to(file)
    with pytest.raises(InputError, match=r"a\.fcs cannot be used.\n  found: a symbolic link"):
        read_fcs(tmp_path / "in", ALL)
