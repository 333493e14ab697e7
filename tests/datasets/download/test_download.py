"""Downloads against a server with faults: every one ends whole, or in one clear message with nothing half in place."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import threading
from collections import namedtuple

import numpy as np
import pytest

from crosstie._errors import InputError, InputValueError
from crosstie.datasets.download import download as module
from crosstie.datasets.download.download import FetchError, amount, download

BODY = gzip.compress(np.random.default_rng(0).bytes(2_000_000), mtime=0)
NAME = "counts.tsv.gz"


@pytest.fixture
def web(server):
    server.files[NAME] = BODY
    return server


def get(web, folder, name=NAME, **options):
    return download(f"{web.url}/{name}", folder / name, timeout=1.0, **options)


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_arrives_as_it_is_and_leaves_nothing_beside(web, tmp_path):
    said = []
    received = get(web, tmp_path / "new" / "folder", progress=lambda *args: said.append(args))
    assert received.path.read_bytes() == BODY
    assert received.n_bytes == len(BODY)
    assert received.sha256 == hashlib.sha256(BODY).hexdigest()
    assert left(received.path.parent) == [NAME]
    assert said[-1] == (NAME, len(BODY), len(BODY))
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said)


@pytest.mark.parametrize("fault", ["cut", "stall"])
def test_a_broken_connection_is_gone_on_with(web, tmp_path, fault):
    web.faults[NAME] = [fault, fault]
    assert get(web, tmp_path).path.read_bytes() == BODY
    starts = [wanted for _, wanted in web.requests]
    assert starts[0] is None
    assert starts[1] == f"bytes={len(BODY) // 2}-"
    assert starts[2] > starts[1]  # the third goes on from further on
    assert left(tmp_path) == [NAME]


def test_a_slow_server_is_waited_for(web, tmp_path):
    web.faults[NAME] = ["slow"]
    assert get(web, tmp_path).path.read_bytes() == BODY
    assert web.count(NAME) == 1


def test_giving_up_keeps_what_came_and_the_next_call_goes_on(web, tmp_path):
    web.faults[NAME] = ["cut"]
    with pytest.raises(FetchError, match="could not be downloaded") as error:
        get(web, tmp_path, attempts=1)
    assert "the connection was lost at 1 MB of 2 MB" in str(error.value)
    assert "The next attempt resumes at 1 MB." in str(error.value)
    assert not (tmp_path / NAME).exists()
    assert get(web, tmp_path).path.read_bytes() == BODY
    assert web.requests[-1][1] == f"bytes={len(BODY) // 2}-"


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(web, tmp_path):
    web.faults[NAME] = ["cut"]
    with pytest.raises(FetchError):
        get(web, tmp_path, attempts=1)
    web.files[NAME] = changed = gzip.compress(np.random.default_rng(1).bytes(2_000_000))
    web.version[NAME] = 1
    assert get(web, tmp_path).path.read_bytes() == changed


@pytest.mark.parametrize("fault", ["no ranges", "wrong part"])
def test_servers_that_cannot_resume(web, tmp_path, fault):
    web.faults[NAME] = ["cut", fault]
    assert get(web, tmp_path).path.read_bytes() == BODY


def test_without_proof_that_it_is_the_same_file_nothing_is_resumed(web, tmp_path):
    web.faults[NAME] = ["no validator"]
    assert get(web, tmp_path).path.read_bytes() == BODY
    assert [wanted for _, wanted in web.requests] == [None, None]


def test_a_part_of_another_address_is_not_gone_on_with(web, tmp_path):
    web.faults[NAME] = ["cut"]
    with pytest.raises(FetchError):
        get(web, tmp_path, attempts=1)
    web.files["other/" + NAME] = other = gzip.compress(b"other" * 1000)
    download(f"{web.url}/other/{NAME}", tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == other


def test_all_had_come_when_the_process_ended(web, tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_put", killed)
        with pytest.raises(KeyboardInterrupt):
            get(web, tmp_path)
    assert not (tmp_path / NAME).exists()
    assert get(web, tmp_path).path.read_bytes() == BODY


def test_an_end_that_nobody_announced_is_seen(web, tmp_path):
    web.faults[NAME] = ["cut in silence"]
    with pytest.raises(FetchError, match="not a complete gzip file"):
        get(web, tmp_path)
    assert left(tmp_path) == []
    assert get(web, tmp_path).path.read_bytes() == BODY


@pytest.mark.parametrize(("fault", "words"), [("404", "there is no such file"), ("403", "access is denied")])
def test_refusals_are_said_at_once(web, tmp_path, fault, words):
    web.faults[NAME] = [fault]
    with pytest.raises(FetchError, match=words) as error:
        get(web, tmp_path)
    assert f"HTTP {fault}" in str(error.value)
    assert web.count(NAME) == 1
    assert get(web, tmp_path).path.read_bytes() == BODY


def test_a_server_that_is_down_for_a_moment_is_asked_again(web, tmp_path):
    web.faults[NAME] = ["503", "503"]
    assert get(web, tmp_path).path.read_bytes() == BODY


def test_a_server_that_stays_down_is_given_up(web, tmp_path):
    web.faults[NAME] = ["503"] * 9
    with pytest.raises(FetchError, match="the server answered 503"):
        get(web, tmp_path)
    assert web.count(NAME) == module.ATTEMPTS


@pytest.mark.parametrize("fault", ["html", "html as data"])
def test_a_web_page_is_not_data(web, tmp_path, fault):
    web.faults[NAME] = [fault]
    with pytest.raises(FetchError, match="the server sent a web page instead of the data") as error:
        get(web, tmp_path)
    assert "'Scheduled maintenance'" in str(error.value)
    assert not (tmp_path / NAME).exists()
    assert get(web, tmp_path).path.read_bytes() == BODY


def test_a_wrong_checksum_is_thrown_away(web, tmp_path):
    known = hashlib.sha256(BODY).hexdigest()
    web.faults[NAME] = ["corrupt"]
    with pytest.raises(FetchError, match="not the expected file") as error:
        get(web, tmp_path, sha256=known)
    assert known in str(error.value)
    assert left(tmp_path) == []
    assert get(web, tmp_path, sha256=known).path.read_bytes() == BODY


def test_damage_is_seen_without_a_checksum(web, tmp_path):
    web.faults[NAME] = ["corrupt"]
    with pytest.raises(FetchError, match="not a complete gzip file"):
        get(web, tmp_path)
    assert left(tmp_path) == []


def test_nobody_listens(tmp_path, server):
    server.close()
    with pytest.raises(FetchError, match="refused the connection"):
        get(server, tmp_path)


def test_not_an_address(tmp_path):
    with pytest.raises(FetchError, match="not a valid address"):
        download("file:///etc/passwd", tmp_path / NAME)


def test_a_full_disk_is_said_before_the_download(web, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1000))
    with pytest.raises(InputValueError, match="the disk is full") as error:
        get(web, tmp_path)
    assert "2 MB needed, 1 kB free" in str(error.value)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "cannot be written to")]
)
def test_a_disk_that_fills_up_or_may_only_be_read(web, tmp_path, monkeypatch, number, words):
    def full(*args):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(module, "_chunks", full)
        with pytest.raises(InputValueError, match=words):
            get(web, tmp_path)
    assert get(web, tmp_path).path.read_bytes() == BODY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(web, tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(InputValueError, match="cannot be written to") as error:
        get(web, tmp_path / "in")
    tmp_path.chmod(0o755)
    assert "CROSSTIE_CACHE" in str(error.value)


def test_a_file_in_the_place_of_the_folder(web, tmp_path):
    (tmp_path / "in").write_text("")
    with pytest.raises(InputValueError, match="cannot be written to"):
        get(web, tmp_path / "in")


def test_every_error_is_one_of_input(web, tmp_path):
    web.faults[NAME] = ["404"]
    with pytest.raises(InputError):
        get(web, tmp_path)
    web.faults[NAME] = ["404"]
    with pytest.raises(OSError, match="no such file"):
        get(web, tmp_path)


def test_threads_do_not_share_a_state(web, tmp_path):
    threads = [threading.Thread(target=get, args=(web, tmp_path / str(i))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((tmp_path / str(i) / NAME).read_bytes() == BODY for i in range(4))


def test_amounts():
    assert [amount(n) for n in (12, 3_400, 5_600_000, 1_230_000_000)] == ["12 bytes", "3.4 kB", "5.6 MB", "1.23 GB"]
