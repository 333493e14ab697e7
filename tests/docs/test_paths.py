"""Files and folders named on the pages for developers exist: paths begin in `src/crosstie/` or at the root."""

import re

import pytest

from .pages import DOCS, ROOT, prose

PAGES = ("architecture.md", "where_to_change.md")
SOURCE = ROOT / "src" / "crosstie"


def paths(page):
    """Return what is written between backticks and looks like a file or a folder."""
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(DOCS / page))
    return sorted({span for span in spans if re.fullmatch(r"[\w./]+(/|\.(py|md|csv|toml))", span)})


def missing(page):
    return [path for path in paths(page) if not (ROOT / path).exists() and not (SOURCE / path).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page):
    assert not missing(page)


@pytest.mark.parametrize("page", PAGES)
def test_there_are_some(page):
    assert len(paths(page)) > 15
