"""Paths appear complete or not at all, one process writes each, and leftovers of killed processes are removed."""

import errno
import os

import pytest

from crosstie import _files
from crosstie._files import claimed, new_file, new_folder


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def write(path, text="new"):
    with new_file(path) as part:
        assert part.suffix == path.suffix
        part.write_text(text)


def fill(path, *entries, **options):
    with new_folder(path, **options) as part:
        for entry in entries:
            (part / entry).write_text("")


def test_a_file_appears_and_replaces(tmp_path):
    for text in ("one", "two"):
        write(tmp_path / "a.csv", text)
        assert (tmp_path / "a.csv").read_text() == text
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_file_that_fails_leaves_the_old_one(tmp_path, error):
    write(tmp_path / "a.csv", "old")

    def half(part):
        part.write_text("half")
        raise error

    with pytest.raises(error), new_file(tmp_path / "a.csv") as part:
        half(part)
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    write(tmp_path / "b.csv")
    assert (tmp_path / "b.csv").is_symlink()
    assert (tmp_path / "a.csv").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    end = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write(tmp_path / "pipe")
    assert os.read(end, 9) == b"new"
    os.close(end)
    assert (tmp_path / "pipe").is_fifo()


def test_a_second_writer_is_told_or_waits(tmp_path):
    with claimed(tmp_path / "a"):
        with pytest.raises(ValueError, match="is being written by another process"), claimed(tmp_path / "a"):
            pytest.fail("both may write")
        with claimed(tmp_path / "b"):
            pass
    with claimed(tmp_path / "a", wait=True):
        assert names(tmp_path) == [".a.lock"]
    assert names(tmp_path) == []


def test_what_killed_processes_left_goes_and_nothing_else(tmp_path):
    stay = [".a.progress", ".b.12.part", ".a.12.part.csv", "a.12.part", ".a.xy.part"]
    for name in (*stay, ".a.12.part", ".a.ff.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("")
    with claimed(tmp_path / "a"):
        pass
    assert names(tmp_path) == sorted(stay)


@pytest.mark.parametrize("there", [True, False])
def test_what_was_moved_aside_comes_back_if_nothing_took_its_place(tmp_path, there, caplog):
    fill(tmp_path / ".a.12.old", "old")
    if there:
        fill(tmp_path / "a", "new")
    with claimed(tmp_path / "a"):
        pass
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["new" if there else "old"]
    assert ("was restored" in caplog.text) is not there


@pytest.mark.parametrize("broken", ["first", "second"])
def test_an_older_folder_survives_wherever_replacing_breaks(tmp_path, monkeypatch, broken):
    fill(tmp_path / "a", "old")
    replace, calls = type(tmp_path).replace, []

    def breaks(self, target):
        calls.append(target)
        if len(calls) == (1 if broken == "first" else 2):
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", breaks)
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "a", "new")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["old"]


def test_a_mount_point_is_filled_and_its_mark_comes_last(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: True)
    move, moved = _files.shutil.move, []

    def seen(source, target):
        moved.append(target.name)
        return move(source, target)

    monkeypatch.setattr(_files.shutil, "move", seen)
    fill(tmp_path / "a", "a.json", "b.csv", "c.csv", last="a.json")
    assert moved == ["b.csv", "c.csv", "a.json"] or moved == ["c.csv", "b.csv", "a.json"]
    assert names(tmp_path) == ["a"]


def test_a_mount_point_that_cannot_be_filled_is_emptied(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: True)
    move = _files.shutil.move

    def full(source, target):
        if target.name == "b":
            raise OSError(errno.ENOSPC, "No space left on device")
        return move(source, target)

    monkeypatch.setattr(_files.shutil, "move", full)
    with pytest.raises(OSError, match="No space"):
        fill(tmp_path / "a", "a", "b", "c", last="b")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == []


def test_without_locks_one_writes_all_the_same(tmp_path, monkeypatch):
    import filelock

    def refused(self, timeout):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    write(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"]


def test_a_signal_right_after_the_lock_is_taken_leaves_no_lock(tmp_path, monkeypatch):
    import filelock

    acquire = filelock.FileLock.acquire

    def stopped(self, timeout):
        acquire(self, timeout=timeout)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(filelock.FileLock, "acquire", stopped)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "a.csv")
    assert names(tmp_path) == []
    write(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"]
