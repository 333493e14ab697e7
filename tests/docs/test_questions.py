"""The messages quoted in the FAQ are those of crosstie."""

import re

import pytest

from .conftest import RUN
from .mistakes import MISTAKES
from .pages import DOCS, blocks


def quoted():
    """Return the messages that the page quotes."""
    return [block.text.rstrip("\n") for block in blocks(DOCS / "faq.md") if block.language == "text"]


def agrees(quote, message):
    """Whether a quotation is that message; `[…]` stands for what was left out."""
    pattern = ".*?".join(re.escape(part) for part in quote.split("[…]"))
    return re.fullmatch(pattern, message, re.DOTALL) is not None


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.__name__)
def test_the_message_is_quoted(mistake, site, shell, at_home):
    assert shell(RUN).exit_code == 0  # run/ is there
    message = mistake({name: view.copy() for name, view in site.items()}, at_home)
    message = message.replace(str(at_home.resolve()), "/your/folder")
    assert any(agrees(quote, message) for quote in quoted()), f"quote this in docs/faq.md:\n```text\n{message}\n```"


def test_nothing_else_is_quoted():
    assert len(quoted()) == len(MISTAKES)
    assert len(set(quoted())) == len(quoted())


def test_a_wrong_quotation_is_seen():
    assert agrees("none of […] pairs", "none of the table's 3 pairs")
    assert not agrees("none of […] pairs", "none of the table's 3 links")
    assert not agrees("none", "none of them")
