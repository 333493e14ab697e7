"""Antibody names: from a label as panels spell it to a row of the packaged protein-gene table.

`by_table` and `by_name` look up names here. A label is trimmed step by step (whole name, without vendor affixes,
without dyes, without the clone, without the replicate number); the first form that is in the table wins.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, cast

import pandas as pd

Organism = Literal["human", "mouse"]
Kind = Literal["gene", "complex", "isoform", "glycan", "none"]
Control = Literal["isotype control", "hashtag", "blank"]

# Longer labels are not antibody names and are ignored, so that no input can make the steps below slow.
MAX_LENGTH = 200

_GREEK = str.maketrans("αβγδεζηικλμτω", "abgdezhiklmtw")
_GREEK_WORDS = re.compile("alpha|beta|gamma|delta|epsilon|zeta|kappa|lambda")
_ACCENTS = re.compile("[\u0300-\u036f]")
_TOKEN = re.compile("[a-z0-9]+")
_STRONG = re.compile(r"[|:;()\[\]{}]")  # what follows is another name, a clone or a comment
_WEAK = re.compile(r"[\s_,]")  # what follows may still be part of the name
_DOTS = re.compile(r"[\s_,.]")
_REPLICATE = re.compile(r"[._\-\s][1-9]$")
_TOTALSEQ = re.compile(r"total[-_. ]?(seq)?(tm)?[-_. ]?[a-d]?(?=\d{4}|[^a-z0-9]|$)")
_METALS = "ag|au|ba|bi|cd|ce|cs|dy|er|eu|gd|ho|i|in|ir|la|lu|nd|os|pb|pd|pr|pt|rh|ru|sm|sn|ta|tb|te|tm|xe|y|yb|zr"
# 141pr, er170, er170di. Not `cd` first without `di`: CD112 is a protein, and a cadmium isotope is written 112Cd.
_METAL = re.compile(
    rf"[12]\d\d(?:{_METALS})(?:di|dd)?|(?:{_METALS})[12]\d\d(?:di|dd)|(?!cd)(?:{_METALS})[12]\d\d|89y|y89(?:di)?"
)
_BRACKETED_METAL = re.compile(rf"\(((?:{_METALS})[0-9]{{2,3}})\)[ _-]?(di|dd)(?![a-z0-9])")  # (Cd110)Di
# Fluorochromes, of several words (PE-Cy7), and then perhaps the channel: area, height or width.
_DYE = (
    "(?:fitc|pe|apc(?:[ _-]?h7)?|percp|ecd|kro|krome[ _-]?orange|biotin|(?:texas|tx)[ _-]?red|amcyan|[rv][4-9][0-9]{2}"
    "|pac(?:ific)?[ _-]?(?:blue|orange|green)|vio(?:blue|green|bright)|cy(?:anine)?[ _-]?[2357](?:[.]?5)?"
    "|pc[57](?:[.]5)?|a(?:405|430|488|532|546|555|568|594|610|633|647|660|680|700|750|790)"
    "|(?:b[bv]|buv|r[by]|sb|af|cf|qd|qdot|opal|atto|dylight|alexa(?:[ _-]?fluor)?|efluor|ef|dazzle|fire|vio"
    "|super[ _-]?bright|brilliant[ _-]?(?:ultra[ _-]?)?(?:violet|blue)|spark[ _-]?(?:nir|blue|yg|violet|uv|red)?"
    "|(?:star[ _-]?bright|nova[ _-]?fluor)[ _-]?(?:blue|violet|yellow|red|ultra[ _-]?violet)?)[ _-]?[0-9]{3})"
)
_DYES = rf"{_DYE}(?:[ _./-]?{_DYE})*(?:-[ahw](?![a-z0-9-]))?"
_DYES_IN_FRONT = re.compile(rf"[(\[]?{_DYES}(?![a-z0-9])[)\] _./:|-]*")
_DYES_BEHIND = re.compile(rf"[ _./:|(\[-]+{_DYES}[)\]]?$")
_LEADING = re.compile(
    "ab|adt|anti|antibody|anti(?:human|mouse)|cite|hs|hu|human|hums|humsrt|mm|mouse|ms|msrt|prot|protein|rat"
)
_BARCODE = re.compile(r"[abcd]?\d{4}|a[mh]\w\d{4}")
_TRAILING = re.compile(
    rf"ab|abseq|adt|antibody|barcode|dd|di|pabo|prot|protein|stabo|ts[abcd]|[acgt]{{8,}}|{_BARCODE.pattern}"
)

_ISOTYPE_WORDS = re.compile(
    "isotype|isoctrl|isocontrol|reacontrol|mopc21|mopc173|mpc11|rtk\\d{4}|htk888|g0114f7|negativecontrol"
)
_ISOTYPE = re.compile(
    "(?P<species>(?:armenian|syrian)?hamster|mouse|ms|m|rat|rt|rag|r|rabbit|goat|human|hu)?"
    "ig(?P<klass>g1|g2a|g2b|g2c|g2|g3|g4|g|m|a|e|d)(?P<light>k|l)?(?P<control>iso|ctrl|control|ctl)?[1-9]?"
)
# What counting programs and imaging panels add: reads without an antibody, barcodes and channels without a target.
_BLANK = re.compile(
    "(?:unmapped|no[ _-]?match|unassigned|blank|empty)(?:[ _-]?[0-9]{1,4}|[ _-][acgt]{8,})?"
    "|(?:neg(?:ative)?[ _-]?(?:control)?[ _-]?(?:probe|codeword|prb)|system[ _-]?control|false[ _-]?code"
    "|(?:unassigned|deprecated|negative[ _-]?control)[ _-]?codeword|negative|negcontrolprobe)[ _-]?[a-z0-9_]{0,40}"
)
_HASHTAG = re.compile("(?:hto|hash|hashtag|sampletag|cmo)[0-9]*[a-z]?|multiseq[0-9]*")


@dataclass(frozen=True)
class Entry:
    """One protein of the table: its names, its genes, and what an antibody against it measures.

    `kind` is `"gene"`, `"complex"` (several genes, one antibody), `"isoform"` (a form that genes cannot distinguish),
    `"glycan"` (a carbohydrate; the gene is the enzyme's) or `"none"`. `former` holds earlier symbols of the genes.
    """

    protein: str
    aliases: tuple[str, ...]
    human: tuple[str, ...]
    mouse: tuple[str, ...]
    former: tuple[str, ...]
    kind: Kind
    evidence: str

    def genes(self, organism: Organism) -> tuple[str, ...]:
        """Return the gene symbols in one organism."""
        return self.human if organism == "human" else self.mouse


@cache
def entries() -> tuple[Entry, ...]:
    """Return the rows of the packaged table, in its order."""
    text = resources.files("crosstie.links").joinpath("protein_genes.csv").read_text(encoding="utf-8")
    return tuple(_entry(row) for row in csv.DictReader(text.splitlines()))


def _entry(row: dict[str, str]) -> Entry:
    aliases, human, mouse, former = (
        tuple(filter(None, row[column].split("|")))
        for column in ("aliases", "human_genes", "mouse_genes", "former_genes")
    )
    return Entry(row["protein"], aliases, human, mouse, former, cast(Kind, row["kind"]), row["evidence"])


def key(name: str) -> str:
    """Return the form in which names are compared: lower-case Latin letters and digits, Greek letters as Latin.

    Separators are removed, except that one dot stays between two digits: `CD45.1` must not become
    `CD451`, nor `cd4.1` CD41.
    """
    out = ""
    for token in _TOKEN.findall(_latin(name)):
        out += "." + token if out[-1:].isdigit() and token[0].isdigit() else token
    before = ""
    while before != out:  # cutting one word may join the halves of another; a form is its own form
        before = out
        out = _GREEK_WORDS.sub(lambda word: word[0] if word[0] == before else word[0][0], before)  # noqa: B023
    return out


def _latin(name: str) -> str:
    """Return a name in lower-case Latin; one character can be many when decomposed, so it is cut again."""
    text = unicodedata.normalize("NFKD", name[:MAX_LENGTH]).casefold().replace("ς", "σ")
    return _ACCENTS.sub("", text).translate(_GREEK)[:MAX_LENGTH]


@cache
def _index() -> dict[str, Entry]:
    """Map keys to entries: names first, then the symbols of single genes, for panels that are named by gene."""
    index: dict[str, Entry] = {}
    for entry in entries():
        for name in (entry.protein, *entry.aliases):
            index.setdefault(key(name), entry)
    for entry in entries():
        if entry.kind == "gene" and len(entry.human or entry.mouse) == 1:
            for symbol in entry.human + entry.mouse + entry.former:
                index.setdefault(key(symbol), entry)
    return index


def controls(names: Iterable[str]) -> dict[str, Control]:
    """Return the features of a panel that measure no protein of the cell, and what each is."""
    return {str(name): kind for name in names if (kind := control(str(name)))}


def is_blank(name: str) -> bool:
    """Return whether a label is a barcode, probe or row without a target: `unmapped`, `Blank-12`, `NegPrb3`."""
    return len(name) <= MAX_LENGTH and bool(_BLANK.fullmatch(name.strip().casefold()))


def control(name: str) -> Control | None:
    """Return whether a label is a control or a sample hashtag, which measures no protein of the cell."""
    if is_blank(name):
        return "blank"
    text = _GREEK_WORDS.sub(lambda word: word[0][0], _without_dyes(_text(name)))
    tokens = _TOKEN.findall(text)
    joined = "".join(tokens)
    if "hashtag" in joined or "sampletag" in joined or any(map(_HASHTAG.fullmatch, tokens)):
        return "hashtag"
    if _ISOTYPE_WORDS.search(joined):
        return "isotype control"
    while tokens and _TRAILING.fullmatch(tokens[-1]):
        tokens.pop()
    while tokens and tokens[0] in ("adt", "ab", "prot", "protein", "control", "ctrl", "ctl"):
        tokens.pop(0)
    found = _ISOTYPE.fullmatch("".join(tokens))
    return "isotype control" if found and _is_isotype(found) else None


def _is_isotype(found: re.Match[str]) -> bool:
    """Tell a control of some subclass (mouse IgG2a) from an antibody against immunoglobulins (IgM, IgG Fc, IgD)."""
    species, klass = found["species"], found["klass"]
    if found["control"]:
        return True
    if species in (None, "m", "mouse", "ms", "r"):
        return klass in ("g1", "g2a", "g2b", "g2c", "g3") or bool(species and found["light"])
    return species not in ("human", "hu")


def candidates(name: str) -> Iterator[str]:
    """Yield the keys that a label may stand for, the most literal first."""
    yield key(name)
    text = _text(name)
    bodies = _all_bodies(text)
    yield from map(key, bodies)
    for part in _parts(bodies[-1], dots="pabo" in text):
        yield key(part)
        base = _REPLICATE.sub("", part)
        if base != part and _may_repeat(key(base)):
            yield key(base)
    yield from _cluster_numbers(bodies[-1])


def stripped(name: str) -> str:
    """Return a label in lower case without what vendors, barcodes and organisms added at its ends."""
    return _all_bodies(_text(name))[-1]


def _text(name: str) -> str:
    """Return a label in lower-case Latin without TotalSeq, a metal in brackets, `CD3(Cd110)Di`, as its own word."""
    return _BRACKETED_METAL.sub(r" \1\2 ", _TOTALSEQ.sub(" ", _latin(name)))


def _without_dyes(text: str) -> str:
    """Cut fluorochromes off both ends, unless nothing else would be left (`PE`, which reagents can bind)."""
    front = _DYES_IN_FRONT.match(text)
    bare = _DYES_BEHIND.sub("", text[front.end() :] if front else text)
    return bare if _TOKEN.search(bare) else text


def _all_bodies(text: str) -> list[str]:
    """Return the states of a label as `_bodies` cuts it, and then as it cuts what is left without dyes."""
    bodies = _bodies(text)
    bare = [_without_dyes(body) for body in bodies]
    return bodies + [b for body, cut in zip(bodies, bare, strict=True) if cut != body for b in _bodies(cut)]


def _bodies(text: str) -> list[str]:
    """Cut vendor words, organisms, barcodes and metals off a label: all in front, then one after another behind.

    Each state is kept, for a last word may belong to the name after all (`prion protein`); one word always stays.
    """
    tokens = list(_TOKEN.finditer(text))
    while len(tokens) > 1 and any(p.fullmatch(tokens[0][0]) for p in (_LEADING, _BARCODE, _METAL)):
        tokens.pop(0)
    ends = [tokens[-1].end()] if tokens else []
    while len(tokens) > 1 and (_is_trailing(text, tokens[-1]) or _METAL.fullmatch(tokens[-1][0])):
        tokens.pop()
        ends.append(tokens[-1].end())
    return [text[tokens[0].start() : end] for end in ends] if tokens else [""]


def _is_trailing(text: str, token: re.Match[str]) -> bool:
    """Whether a last word is the vendor's. `TCR-ab` and `I-Ab` keep theirs: only a `_` or a space parts it off."""
    return bool(_TRAILING.fullmatch(token[0])) and (token[0] != "ab" or text[token.start() - 1] in "_ :")


def _parts(body: str, *, dots: bool) -> Iterator[str]:
    """Yield the body, then what stands before, inside and after its brackets, each from its whole to its first word.

    With `dots`, a dot separates words too: R spells `CD16:3G8|FCGR3A|AHS0053|pAbO` with dots alone.
    """
    yield body
    for segment in _STRONG.split(body):
        ends = [m.start() for m in (_DOTS if dots else _WEAK).finditer(segment)]
        for end in (len(segment), *reversed(ends)):
            part = segment[:end].strip(" -_.,")
            if part and not _METAL.fullmatch(part):
                yield part


def _may_repeat(base: str) -> bool:
    """Whether a trailing number can be a replicate's: not after a family's name (`Keratin-9` is not all keratins)."""
    entry = _index().get(base)
    if entry is None or re.match("(tcr)?v[abgd]?[0-9]", base):
        return False
    return entry.kind in ("gene", "isoform") or base.startswith("hla") or any(c.isdigit() for c in base)


def _cluster_numbers(body: str) -> Iterator[str]:
    """Yield the one CD number of a label, wherever it stands (`CD3-UCHT1`, `hCD45`); none if there are several."""
    found = (re.fullmatch("[hm]?(cd[0-9]+[a-z]*[0-9]?)", token) for token in _TOKEN.findall(body))
    known = {_index()[m[1]]: m[1] for m in found if m and m[1] in _index()}
    if len(known) == 1:
        yield from known.values()


def lookup(name: str, organism: Organism | None = None) -> Entry | None:
    """Find the protein that an antibody's label names.

    Parameters
    ----------
    name
        Any label, such as `"ADT_CD102_A0104"`, `"Hu.CD4_RPA.T4"` or `"141Pr_CD3"`.
    organism
        If a label can mean two things, prefer the one with genes in this organism: `CD45.1` is an allotype in mouse and
        the first of two clones in human.

    Returns
    -------
    The row of the packaged table; `None` for isotype controls, hashtags, blanks and unknown names.
    """
    if len(name) > MAX_LENGTH or control(name):
        return None
    found = [entry for k in candidates(name) if (entry := _index().get(k))]
    fitting = (entry for entry in found if organism and (entry.genes(organism) or entry.kind == "none"))
    return next(fitting, found[0] if found else None)


def recognise(names: Iterable[str], organism: Organism = "human") -> pd.DataFrame:
    """Report what the packaged table knows about a panel, regardless of which genes were measured.

    Parameters
    ----------
    names
        Labels of antibodies.
    organism
        Organism whose gene symbols to show.

    Returns
    -------
    One row per name: `feature`, `status` (`"recognised"`, `"no gene"`, `"isotype control"`, `"hashtag"`, `"blank"`
    or `"unknown"`), `entry` (the protein), `targets` (its genes, joined by `/`) and `reason`.
    """
    rows = [(name, *_describe(str(name), organism)) for name in names]
    return pd.DataFrame(rows, columns=["feature", "status", "entry", "targets", "reason"]).astype(object)


def _describe(name: str, organism: Organism) -> tuple[str, str, str, str]:
    if status := control(name):
        return status, "", "", f"a{'n' * (status[0] == 'i')} {status} does not measure a protein of the cell"
    entry = lookup(name, organism)
    if entry is None:
        return "unknown", "", "", "not in the table"
    genes = "/".join(entry.genes(organism))
    if not genes:
        return "no gene", entry.protein, "", f"no {organism} gene: {entry.evidence}"
    return "recognised", entry.protein, genes, entry.evidence
