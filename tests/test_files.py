"""Paths appear complete or not at all, one process writes each, and leftovers of killed processes are removed."""

import errno
import os
from pathlib import Path

import pytest

from crosstie import _files
from crosstie._files import check_not_input, claimed, new_file, new_folder


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


def test_a_folder_goes_though_another_process_writes_into_it_meanwhile(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    late, removed = [folder / "late.png"], _files.shutil.rmtree

    def with_one_more(path, **options):
        removed(path, **options)
        if late:
            path.mkdir()
            late.pop().write_text("drawn")

    monkeypatch.setattr(_files.shutil, "rmtree", with_one_more)
    _files.remove(folder)
    assert names(tmp_path) == []


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


@pytest.mark.parametrize("target", ["a.csv", "none.csv", "folder", "pipe"])
def test_a_link_is_replaced_and_its_target_stays(tmp_path, target):
    (tmp_path / "a.csv").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "b.csv").symlink_to(tmp_path / target)
    write(tmp_path / "b.csv")
    assert not (tmp_path / "b.csv").is_symlink()
    assert (tmp_path / "b.csv").read_text() == "new"
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert names(tmp_path) == ["a.csv", "b.csv", "folder", "pipe"]


def test_a_link_to_a_folder_on_the_way_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    write(tmp_path / "link" / "a.csv")
    assert names(tmp_path / "folder") == ["a.csv"]


def test_the_file_under_way_is_new(tmp_path):
    with new_file(tmp_path / "a.csv") as one:
        assert one.is_file()
        with pytest.raises(FileExistsError):
            os.open(one, os.O_CREAT | os.O_EXCL)
        one.write_text("")


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "text"])
def test_only_our_own_locks_are_opened(tmp_path, kind):
    lock, mine = tmp_path / ".a.csv.lock", tmp_path / "mine"
    mine.write_text("mine")
    if kind == "pipe":
        os.mkfifo(lock)
    elif kind == "text":
        lock.write_text("mine")
    else:
        lock.symlink_to(mine if kind == "link" else tmp_path / "none")
    before = names(tmp_path)
    with pytest.raises(ValueError, match="is not a lock of crosstie"):
        write(tmp_path / "a.csv")
    assert mine.read_text() == "mine"
    assert kind != "text" or lock.read_text() == "mine"
    assert names(tmp_path) == before


def test_an_empty_lock_of_a_killed_process_is_taken(tmp_path):
    (tmp_path / ".a.csv.lock").write_text("")
    write(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    end = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write(tmp_path / "pipe")
    assert os.read(end, 9) == b"new"
    os.close(end)
    assert (tmp_path / "pipe").is_fifo()
    with new_file(tmp_path / "pipe", streams=False) as part:
        part.write_text("")
    assert (tmp_path / "pipe").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="no files for open streams here")
def test_an_open_stream_is_written_to():
    end, start = os.pipe()
    write(Path(f"/dev/fd/{start}"))
    assert os.read(end, 9) == b"new"
    os.close(end)
    os.close(start)


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
    ours, own = "crosstie-0123456789abcdef", "crosstie-00000000000000"
    stay = [".a.progress", ".a.20241128.old", ".a.bad.old", ".a.12.part", f".b.{ours}.part", f".a.{ours}.part.csv"]
    stay += [f"a.{ours}.part", f".a.{own}01.part", f".a.{own}02.part"]
    for name in stay:
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("")
    (tmp_path / f".a.{own}02.part" / _files.MARK).write_text("")  # marked, but with something else inside
    (tmp_path / f".a.{own}03.part").symlink_to(tmp_path / stay[0])
    for number, inside in enumerate(([], [_files.MARK], [_files.MARK, "new", "gone"])):
        folder = tmp_path / f".a.{own}1{number}.part"
        folder.mkdir()
        for name in inside:
            (folder / name).write_text("")
    (tmp_path / f".a.{ours}.part").write_text("half of a file")
    with claimed(tmp_path / "a"):
        pass
    assert names(tmp_path) == sorted([*stay, f".a.{own}03.part"])
    assert all((tmp_path / name / "half").exists() for name in stay)


@pytest.mark.parametrize("there", [True, False])
def test_what_was_moved_aside_comes_back_if_nothing_took_its_place(tmp_path, there, caplog):
    holder = tmp_path / ".a.crosstie-0123456789abcdef.part"
    holder.mkdir()
    (holder / _files.MARK).write_text("")
    fill(holder / "old", "old")
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


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO, errno.EPERM])
def test_a_lock_that_fails_is_one_sentence_and_does_not_stay(tmp_path, monkeypatch, number):
    import fcntl

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(
        ValueError, match=rf"a\.csv cannot be locked(.|\n)*{errno.errorcode[number]}(.|\n)*\.a\.csv\.lock"
    ):
        write(tmp_path / "a.csv")
    assert names(tmp_path) == []


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


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(
    ("out", "how"),
    [("data/rna.zarr", "is"), ("data", "contains"), (".", "contains"), ("data/rna.zarr/a/run", "lies inside")],
)
def test_inputs_are_not_written_to(tmp_path, out, how, hidden):
    store = tmp_path / "data" / "rna.zarr"
    store.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path)
    check_not_input(tmp_path / "data" / "run", [store])
    with pytest.raises(ValueError, match=f"{how} an input"):
        check_not_input(tmp_path / "link" / out if hidden else tmp_path / out, [store])


def test_an_input_that_is_a_link_out_of_a_folder_is_inside_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "rna.h5ad").write_text("")
    (tmp_path / "run" / "rna.h5ad").symlink_to(tmp_path / "rna.h5ad")
    with pytest.raises(ValueError, match="contains an input"):
        check_not_input(tmp_path / "run", [tmp_path / "run" / "rna.h5ad"])
