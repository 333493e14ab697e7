"""Links in README and the documentation work: files, headings and pictures exist, addresses are well formed."""

import re
from urllib.parse import urlsplit

import pytest

from .pages import ROOT, anchors, blocks, name, pages, prose

_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\]|!\[[^\]]*\]\([^)]*\))*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def targets(page):
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return {*_LINK.findall(text), *_IMAGE.findall(text)}


def lost(page):
    """Return the links of a page that lead nowhere, and why."""
    out = []
    for target in targets(page):
        if "://" in target:
            parts = urlsplit(target)
            if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+\.\w{2,}(?::\d+)?", parts.netloc):
                out.append(f"{target}: no address")
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.is_relative_to(ROOT) or not file.exists():
            out.append(f"{target}: no such file")
        elif anchor and (file.suffix != ".md" or anchor not in anchors(file)):
            out.append(f"{target}: no such heading")
    return out


@pytest.mark.parametrize("page", [*pages(), ROOT / "CHANGELOG.md"], ids=name)
def test_links(page):
    assert not lost(page)


def test_a_lost_link_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "# One heading\n[a](#one-heading) [b](#two) [c](other.md) ![d](no.png) [e](http://x) [f](https://example.org/)\n"
        "[![g](no.png)](page.md) `[h](nowhere.md)`\n"
    )
    assert sorted(lost(page)) == [
        "#two: no such heading",
        "http://x: no address",
        "no.png: no such file",
        "other.md: no such file",
    ]


def test_every_page_is_in_the_table_of_contents():
    index = ROOT / "docs" / "index.md"
    lines = [line for block in blocks(index) if block.language == "{toctree}" for line in block.text.splitlines()]
    listed = [line for line in lines if line and not line.startswith(":")]
    there = {
        name(page).removeprefix("docs/").removesuffix(".md") for page in pages() if page.is_relative_to(ROOT / "docs")
    }
    assert sorted(listed) == sorted(there - {"index"})


def test_every_public_name_is_in_the_reference():
    import crosstie as xt

    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for room in ("links", "data", "tl", "qc", "trust", "metrics", "pl", "report", "datasets", "anchors", "model"):
        section = text.split(f".. currentmodule:: crosstie.{room}\n")[1].split("```")[0]
        public = {name for name in getattr(xt, room).__all__ if callable(getattr(getattr(xt, room), name))}
        public -= {"Config"} if room == "model" else set()  # stands at the front door
        assert set(re.findall(r"^   (\w+)$", section, re.MULTILINE)) == public, room
        for constant in set(getattr(xt, room).__all__) - public - {"Config"}:
            assert f"`xt.{room}.{constant}`" in text
    front = set(re.findall(r"^   (\w+)$", text.split(".. currentmodule:: crosstie\n")[1].split("```")[0], re.MULTILINE))
    assert front == {n for n in xt.__all__ if callable(getattr(xt, n))}
