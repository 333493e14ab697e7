"""Errors about the user's input: one shape, and two ways to say what to do."""

import pickle

import pytest

from crosstie._errors import InputKeyError, InputValueError, input_error, type_error, unknown_name, value_error
from crosstie.datasets.download.download import FetchError


def test_parts_of_a_message():
    error = value_error("wrong.", found="a", expected="b", do="Do c.")
    assert str(error) == error.cli == "wrong.\n  found: a\n  expected: b\n  Do c."
    assert isinstance(error, ValueError)
    assert isinstance(type_error("wrong."), TypeError)


@pytest.mark.parametrize("kind", [InputValueError, InputKeyError, FetchError])
def test_the_command_line_has_words_of_its_own(kind):
    error = input_error(
        kind, "where: no cell.", found="a", do="say x=1", cli={"what": "--where: no cell.", "do": "-x 1"}
    )
    assert isinstance(error, kind)
    for found in (error, pickle.loads(pickle.dumps(error))):  # they come from other processes, too
        assert str(found) == "where: no cell.\n  found: a\n  say x=1"
        assert found.cli == "--where: no cell.\n  found: a\n  -x 1"


def test_unknown_names():
    error = unknown_name("where: column", "dnor", ["donor"], what_cli="--where: column")
    assert str(error) == "where: column: unknown name 'dnor'.\n  expected: one of 'donor'\n  Did you mean 'donor'?"
    assert error.cli == f"--{error}"
