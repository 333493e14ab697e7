"""`crosstie learn`, and what `--reference` does with what it writes."""

import json

import numpy as np

from crosstie.links import LearnedLinks
from made_files.references import reference_of


def test_learned_links_and_paired_data_as_references(run, mdata, tmp_path):
    reference_of(mdata).write_h5mu(tmp_path / "pbmc.h5mu")
    done = run("learn", "pbmc.h5mu", "--out", "pbmc.npz", "--json")
    assert done.exit_code == 0, done.output
    learned, said = LearnedLinks.load(tmp_path / "pbmc.npz"), json.loads(done.stdout)
    assert said["n_cells"] == learned.n_cells == mdata["rna"].n_obs
    assert np.isclose(said["r"][str(learned.predicted[0])], learned.r[0])

    words = ["integrate", "rna=rna.h5ad", "adt=adt.h5ad", "--no-plots", "--no-verdict", "--out", "out"]
    done = run(*words, "--reference", "pbmc.h5mu", "--reference", "pbmc.npz")
    assert done.exit_code == 0, done.output
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [about["files"][f"reference {n}"]["path"] for n in (1, 2)] == [
        str(tmp_path / name) for name in ("pbmc.h5mu", "pbmc.npz")
    ]
    done = run("rerun", "out", "--out", "again")
    assert done.exit_code == 0, done.output
    assert "different" not in done.stdout


def test_a_reference_stands_in_a_file_of_settings(run, mdata, tmp_path):
    reference_of(mdata).write_h5mu(tmp_path / "pbmc.h5mu")
    words = ["integrate", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "out", "--reference", "pbmc.h5mu"]
    assert run(*words, "--write-config", "settings.toml").exit_code == 0
    text = (tmp_path / "settings.toml").read_text()
    assert 'reference = ["pbmc.h5mu"]' in text
    done = run("integrate", "--config", "settings.toml", "--no-plots", "--no-verdict")
    assert done.exit_code == 0, done.output


def test_what_cannot_be_a_reference_is_one_clear_error(run, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK nonsense")
    words = ["integrate", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "out", "--reference"]
    done = run(*words, "bad.npz")
    assert done.exit_code == 2
    assert "bad.npz cannot be read" in done.output
    done = run("learn", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "learned.npz")  # cells are named apart
    assert done.exit_code == 2
    assert "share too few cells" in done.output
    done = run("learn", "both.h5mu", "--out", "learned.txt")
    assert done.exit_code == 2
    assert "'.npz'" in done.output
