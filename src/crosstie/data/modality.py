"""What a view measured, guessed from its name and from its features; where the two disagree, the log says so."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from crosstie._errors import unknown_name
from crosstie._log import log
from crosstie._typing import Matrix, Modality
from crosstie.data.stored import Stored

if TYPE_CHECKING:
    from anndata import AnnData

# Common words in the names of views; of several, the first counts. CITE-seq measures two things, so its word is last.
_WORDS: tuple[tuple[Modality, tuple[str, ...]], ...] = (
    ("cytometry", ("cytof", "codex", "cytometry", "flow", "imc", "mibi")),
    ("activity", ("activity", "genescore", "gene_score")),
    ("protein", ("adt", "protein", "prot", "antibody", "abseq")),
    ("atac", ("atac", "peak", "chromatin", "accessibility")),
    ("rna", ("rna", "gex", "gene", "expression", "transcript", "merfish", "xenium", "cosmx", "seqfish", "visium")),
    ("protein", ("cite",)),
)
_FEATURE_TYPES: dict[str, Modality] = {"Gene Expression": "rna", "Antibody Capture": "protein", "Peaks": "atac"}
_INTENSITY = "Protein Intensity"  # the type that our readers give to features of cytometry and imaging
_LIKE: dict[Modality, str] = {"cytometry": "protein", "activity": "rna"}  # modalities with the same features
_PEAK = re.compile(r"[\w.\-]{1,40}[:\-_]\d+[\-_]\d+")
# Names that antibodies have and genes have not: CD3, CD45RA, HLA-DR, what vendors add. Genes such as CD19 are below.
_ANTIBODY = re.compile(
    r"(?:adt|ab|anti|hu|ms|mouse|human|hla|ig[gmdae]|tcr|ccr|cxcr|pd-?l?1|siglec|integrin)(?:[._ \-].*|\d?[ab]?)"
    r"|.*(?:total-?_?seq|_a\d{4}\b|[_-][acgt]{8,}$|antibody|isotype|pabo).*|(?:hu\.|anti-|adt_)?cd\d.*",
    re.IGNORECASE,
)
_CD_GENE = re.compile(
    r"CD(?:1[A-E]|[24-79]|5L|14|19|2[2478]|3[346-8]|4[0467-9]|40LG|5[2-3589]|63|6[89]|7[0-24]|8[0-46]|9[369]|99L2|10[19]"
    r"|151|16[034]|163L1|177|180|200|200R1|207|209|226|24[478]|27[46]|300[A-Z]+|302|320|[38][A-Z]|79[AB]|2AP|2BP2|3EAP"
    r"|8B2?|\d+-AS1)|Cd\d+\w*"
)
_GENE = re.compile(
    r"ENS[A-Z]*G\d{11}(?:\.\d+)?|[A-Z][A-Z0-9]+(?:orf\d+)?(?:[-.][A-Z0-9]+)*|[A-Z][a-z]+[a-z0-9]*(?:-[a-z0-9]+)*|\d{7}\w+Rik"
)
FEW = 400  # features below which a view without any other sign is taken for a panel of antibodies
MANY = 1000  # features that no panel of antibodies has
PANEL = 20  # genes that make a targeted panel
LOOKED_AT = 2000  # features whose names are looked at
LEAST_ANTIBODIES, LEAST_GENES, LEAST_PEAKS = 0.25, 0.9, 0.9  # shares of names


@dataclass(frozen=True)
class _Evidence:
    """What the features can be, as `"rna"`, `"protein"` or `"atac"`; why, and whether there is hardly a doubt."""

    can_be: tuple[str, ...]
    why: str
    sure: bool = True


@dataclass(frozen=True)
class _Word:
    """A known word in the name of a view: what it stands for, and whether it is a word by itself."""

    modality: Modality
    text: str
    alone: bool


def check_modality(modality: str, view: str) -> Modality:
    """Return the modality, or raise `KeyError` if it is unknown."""
    if modality not in get_args(Modality):
        raise unknown_name(f"view {view!r}: modality", modality, get_args(Modality))
    return modality  # type: ignore[return-value]


def modalities_of(data: Mapping[str, AnnData], given: Mapping[str, str]) -> dict[str, Modality]:
    """Return the modality of every view: as given, otherwise guessed."""
    return {
        name: check_modality(given[name], name) if name in given else guess_modality(name, a, a, a.var_names)  # type: ignore[arg-type]
        for name, a in data.items()
    }


def guess_modality(name: str, adata: AnnData, matrix: Matrix | Stored, features: pd.Index) -> Modality:
    """Guess the modality of a view from its name, from 10x's `feature_types` and from the names of its features.

    A word that stands by itself in the name (`adt`, `rna_lane1`) decides. A word inside another (`protocolA`) decides
    only if the features agree. The guess is logged: as a warning where name and features disagree or neither says much.

    Parameters
    ----------
    name
        Name of the view.
    adata, matrix, features
        The data, the matrix that is used, and the names of its columns.
    """
    found, why, doubtful = _guess(name, adata, matrix.shape[1], features)
    log.log(
        logging.WARNING if doubtful else logging.INFO,
        "%s: modality taken as %r (%s); if that is wrong, set modality={%r: ...}.",
        *(name, found, why, name),
        extra={"cli": "%s: modality taken as %r (%s); if that is wrong, set --modality %s=...."},
    )
    return found


def _guess(name: str, adata: AnnData, n_features: int, features: pd.Index) -> tuple[Modality, str, bool]:
    types = set(adata.var["feature_types"].astype(str)) if "feature_types" in adata.var else set()
    if types == {_INTENSITY}:  # told by the file, whatever the view is called
        return "cytometry", "by var['feature_types']", False
    seen = _evidence(types, n_features, features)
    words = sorted(_words_in(name), key=lambda word: not word.alone)  # stable: those by themselves first
    fitting = [word for word in words if _LIKE.get(word.modality, word.modality) in seen.can_be]
    if fitting and fitting[0].alone:
        return fitting[0].modality, "by its name", False
    if fitting:
        agreed = len(seen.can_be) == 1
        return fitting[0].modality, f"{fitting[0].text!r} in its name" + f", and {seen.why}" * agreed, not agreed
    if words and words[0].alone:
        return words[0].modality, f"by its name, although {seen.why}", seen.sure
    found, why = _by_features(seen, n_features)
    if words:
        return found, f"{why}, although its name holds {words[0].text!r}", True
    return found, why, not seen.sure


def _words_in(name: str) -> list[_Word]:
    """Return the known words in the name of a view."""
    spaced, out = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(), []
    for modality, texts in _WORDS:
        for text in texts:
            if text in name.lower():
                alone = re.search(rf"(?:^|[^a-z])(?:sc|sn)?{text}(?:s|seq)?(?:[^a-z]|$)", spaced)
                out.append(_Word(modality, text, alone is not None))
    return out


def _evidence(types: set[str], n_features: int, features: pd.Index) -> _Evidence:
    if len(types) == 1 and (by_type := _FEATURE_TYPES.get(next(iter(types)))):
        return _Evidence((by_type,), "by var['feature_types']")
    names = [str(f) for f in features[:: max(1, len(features) // LOOKED_AT)]]
    if _share(names, _PEAK) > LEAST_PEAKS:
        return _Evidence(("atac",), "its features look like peaks")
    antibodies = sum(bool(_ANTIBODY.fullmatch(n)) and not _CD_GENE.fullmatch(n) for n in names) / max(len(names), 1)
    if n_features < MANY and antibodies >= LEAST_ANTIBODIES:
        return _Evidence(("protein",), f"{antibodies:.0%} of its features are named like antibodies")
    if n_features >= MANY:
        return _Evidence(("rna", "atac"), "it has many features that are not peaks")
    if n_features >= PANEL and (genes := _share(names, _GENE)) >= LEAST_GENES:
        return _Evidence(("rna",), f"{genes:.0%} of its features are named like genes", sure=False)
    return _Evidence(("rna", "protein", "atac"), "", sure=False)


def _by_features(seen: _Evidence, n_features: int) -> tuple[Modality, str]:
    if len(seen.can_be) == 1:
        return seen.can_be[0], seen.why  # type: ignore[return-value]
    if "protein" in seen.can_be and n_features < FEW:
        return "protein", f"it has only {n_features} features"
    return "rna", "it has many features that are not peaks"


def _share(names: list[str], pattern: re.Pattern[str]) -> float:
    return float(np.mean([bool(pattern.fullmatch(n)) for n in names])) if names else 0.0
