"""A run's folder appears whole or not at all, and nothing of the user's is replaced."""

import json
from contextlib import nullcontext

import pytest

from crosstie._files import new_folder
from crosstie._ranks import local_rank, rank_of_process, started_by_torchrun
from crosstie.cli.out_folder import check_out, progress_folder, run_folder
from crosstie.runs.folder import RUN_FILE

OURS = json.dumps({"crosstie": "0", "coordinates": {}})
TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
TORCHRUN |= {"TORCHELASTIC_RUN_ID": "none"}


def written(out):
    with run_folder(out, overwrite=True) as out, new_folder(out, last=RUN_FILE) as folder:
        (folder / RUN_FILE).write_text(OURS)
        (folder / "model").mkdir()
    return out


def test_one_process_removes_the_progress_of_ranks(tmp_path, monkeypatch):
    for name in (".run.progress", ".run.progress.1", ".run.progress.x", ".run.progress.2"):
        (tmp_path / name).mkdir()
        if name != ".run.progress.2":
            (tmp_path / name / "progress.json").write_text(
                json.dumps(dict.fromkeys(["version", "seed", "settings", "links", "data"]))
            )
    assert progress_folder(tmp_path / "run", resume=True) == tmp_path / ".run.progress"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".run.progress", ".run.progress.2", ".run.progress.x"]


def half_done(out, error):
    with run_folder(out, overwrite=True) as out, new_folder(out) as folder:
        (folder / "half.csv").write_text("")
        raise error("went wrong")


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("out", ["run", "some/where/run"])
def test_it_appears(tmp_path, out):
    out = written(tmp_path / out)
    assert names(out) == ["model", RUN_FILE]
    assert names(out.parent) == ["run"]


def test_an_empty_folder_is_filled(tmp_path):
    out = tmp_path / "run"
    out.mkdir(mode=0o750)
    assert names(written(out)) == ["model", RUN_FILE]
    assert out.stat().st_mode & 0o777 == 0o750
    assert names(tmp_path) == ["run"]


def test_an_earlier_run_is_replaced_whole(tmp_path):
    out = written(tmp_path / "run")
    (out / "scores.csv").write_text("")
    with pytest.raises(ValueError, match="is not empty"):
        check_out(out, overwrite=False)
    assert names(written(out)) == ["model", RUN_FILE]
    assert names(tmp_path) == ["run"]


def test_a_folder_of_the_users_is_not_replaced(tmp_path):
    (tmp_path / "thesis.doc").write_text("")
    with pytest.raises(ValueError, match="not the folder of an earlier run"):
        check_out(tmp_path, overwrite=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (RUN_FILE, "{}"),
        (RUN_FILE, "["),
        (RUN_FILE, "[" * 100_000),
        (RUN_FILE, '["crosstie", "coordinates"]'),
        (RUN_FILE, '{"crosstie": 1, "coordinates": {}}'),
        ("thesis.doc", ""),
        ("model/thesis.doc", ""),
        ("scores.csv/thesis.doc", ""),
    ],
)
def test_a_folder_of_another_tool_is_not_replaced(tmp_path, name, text):
    out = written(tmp_path / "run")
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text(text)
    with pytest.raises(ValueError, match="not the folder of an earlier run"), run_folder(out, overwrite=True):
        pytest.fail("it would be replaced")
    assert (out / name).read_text() == text


def test_a_link_to_a_record_is_not_a_record(tmp_path):
    out = written(tmp_path / "run")
    (out / RUN_FILE).rename(tmp_path / "elsewhere")
    (out / RUN_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="not the folder of an earlier run"):
        check_out(out, overwrite=True)


def test_inputs_are_not_replaced(tmp_path):
    out = written(tmp_path / "run")
    with pytest.raises(ValueError, match="contains an input"), run_folder(out, overwrite=True, inputs=[out / "x"]):
        pytest.fail("it would be replaced")


@pytest.mark.parametrize("name", [".run.20241128.old", ".run.bad.old", ".run.12.part"])
def test_folders_of_the_users_beside_a_run_stay(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.doc").write_text("")
    written(tmp_path / "run")
    assert names(tmp_path / name) == ["thesis.doc"]


@pytest.mark.parametrize("lost", [None, *TORCHRUN])
def test_torchrun_is_believed_only_if_all_of_it_is_there(monkeypatch, lost):
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    if lost is not None:
        monkeypatch.delenv(lost)
    assert started_by_torchrun() is (lost is None)
    assert rank_of_process() == local_rank() == (lost is None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("RANK", "2"), ("RANK", "-1"), ("RANK", "x"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "2"), ("MASTER_PORT", "0")],
)
def test_what_does_not_agree_is_not_believed(monkeypatch, name, value):
    for key, text in (TORCHRUN | {name: value}).items():
        monkeypatch.setenv(key, text)
    assert not started_by_torchrun()
    assert rank_of_process() == 0


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ValueError, match=r"is a file|cannot be made"):
            check_out(out, overwrite=True)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("out", ["run", "some/where/run"])
def test_nothing_is_left_of_what_went_wrong(tmp_path, error, out):
    with pytest.raises(error, match="went wrong"):
        half_done(tmp_path / out, error)
    assert names(tmp_path) == []


def test_an_earlier_run_survives_what_went_wrong(tmp_path):
    out = written(tmp_path / "run")
    with pytest.raises(OSError, match="went wrong"):
        half_done(out, OSError)
    assert names(out) == ["model", RUN_FILE]
    assert names(tmp_path) == ["run"]


def test_one_process_writes_a_run(tmp_path):
    out = tmp_path / "new" / "run"
    with run_folder(out, overwrite=False):
        with (
            pytest.raises(ValueError, match="is being written by another process"),
            run_folder(out, overwrite=True),
        ):
            pytest.fail("both may write")
        assert names(out.parent) == [".run.lock"]
    assert names(tmp_path) == []


def test_who_comes_second_does_not_replace(tmp_path, monkeypatch):
    out, other = tmp_path / "run", written(tmp_path / "other")

    def claimed(path):
        other.rename(path)  # another process finishes after this one has looked
        return nullcontext()

    monkeypatch.setattr("crosstie.cli.out_folder.claimed", claimed)
    with pytest.raises(ValueError, match="is not empty"), run_folder(out, overwrite=False):
        pytest.fail("it would be replaced")


def test_other_ranks_of_torchrun_hold_nothing(tmp_path, monkeypatch):
    with run_folder(tmp_path / "run", overwrite=False):
        for name, value in TORCHRUN.items():
            monkeypatch.setenv(name, value)
        with run_folder(tmp_path / "run", overwrite=False) as out:
            assert out == tmp_path / "run"
