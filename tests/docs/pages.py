"""Parses the pages of the documentation: blocks of code, commands, links, headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
BUILT = ("_build", "generated", "jupyter_execute")

_FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<word>[^\n`]*)\n(?P<text>.*?)^(?P=ticks)[ ]*$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:python |crosstie(?: |$)|make |pip |torchrun |dask |benchmarks/\S+\.(?:py|sh))"
)


def pages() -> list[Path]:
    """Return README and every page of the documentation."""
    found = [p for p in sorted(DOCS.rglob("*.md")) if not set(p.relative_to(DOCS).parts) & set(BUILT)]
    return [ROOT / "README.md", *found]


def name(page: Path) -> str:
    """Return how a page is called in tests."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, the word behind its fence, and what is in it."""

    page: str
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.split("\n", 1)[0].strip()

    def commands(self) -> list[str]:
        """Return the commands in it: lines behind a prompt, or of a block without a word those that look like some."""
        lines = [line.strip() for line in self.text.splitlines()]
        if self.language == "console":
            return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in lines if not self.language and _COMMAND.match(line)]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(name(page), line, found["word"].strip(), found["text"])


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def inline_commands(page: Path) -> list[str]:
    """Return the commands that stand in the text, between single backticks."""
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(page))
    return [span for span in spans if _COMMAND.match(span)]


def words(command: str) -> list[str]:
    """Split a command as a shell does, without its comment."""
    return shlex.split(command, comments=True)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    out: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        n = sum(known == slug or re.fullmatch(re.escape(slug) + r"-\d+", known) is not None for known in out)
        out.add(slug if not n else f"{slug}-{n}")
    return out
