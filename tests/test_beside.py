"""A call begun in another process gives the same result and says the same, wherever it ends up being made."""

from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from crosstie._beside import begin
from crosstie._log import log


def doubled(x, *, said):
    log.warning("%s is doubled", said)
    return 2 * x


def lost(work, *args, **options):
    """The process ends before the result is there."""
    future = Future()
    future.set_exception(BrokenExecutor("gone"))
    return future


def gone(work, *args, **options):
    raise BrokenExecutor("gone before")


@pytest.mark.parametrize("submit", [None, lost, gone])
def test_a_call_is_made_here_if_nobody_else_makes_it(submit, caplog):
    wait = begin(submit, doubled, 21, said="it")
    assert not caplog.messages, "made before it was asked for"
    assert wait() == 42
    assert caplog.messages == ["it is doubled"]


def test_what_another_process_says_is_said_here(caplog, capfd):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        wait = begin(process.submit, doubled, 21, said="it")
        assert wait() == 42
    assert caplog.messages == ["it is doubled"]
    assert capfd.readouterr().err.count("doubled") == 1


def test_errors_of_the_call_are_raised():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process, pytest.raises(TypeError, match="said"):
        begin(process.submit, doubled, 21)()
