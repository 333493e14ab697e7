"""The folder of a run: the name of every file in it, how to recognise such a folder, and what its `run.json` says.

Imports nothing heavy: the command line needs the names before it needs numpy.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crosstie._errors import sample, value_error
from crosstie._untrusted_folder import SETTINGS, entry

RUN_FILE = "run.json"  # every run has one: it tells a folder of ours from a folder of the user's
MODEL_FOLDER = "model"
VIEWS_FILE = "integrated.h5mu"
JOINT_FILE = "joint.h5ad"
REPORT_FILE = "report.html"
MAP_FILE = "umap.csv"
DIAGNOSIS_FILE = "diagnosis.csv"
SUSPICIOUS_FILE = "suspicious_links.csv"
SCORES_FILE = "scores.csv"
ANCHORS_FILE = "anchors.csv"
MATCHES_FILE = "matches.csv"
LINKS_FILE = "links.csv"
LINKS_REPORT_FILE = "links_report.csv"
HISTORY_FILE = "history.csv"
# Pictures, without their endings: a run has them as PNG.
VIEWS_PICTURE = "umap_view"
LABELS_PICTURE = "umap_label"
LABELS_BY_VIEW_PICTURE = "umap_label_by_view"
CONFIDENCE_PICTURE = "umap_confidence"
NOVELTY_PICTURE = "umap_novelty"
HISTORY_PICTURE = "losses"

_MADE = {
    *(RUN_FILE, VIEWS_FILE, JOINT_FILE, REPORT_FILE, MAP_FILE, DIAGNOSIS_FILE, SCORES_FILE, ANCHORS_FILE, MATCHES_FILE),
    *(LINKS_FILE, LINKS_REPORT_FILE, SUSPICIOUS_FILE, HISTORY_FILE),
    *(f"{picture}.png" for picture in (VIEWS_PICTURE, LABELS_PICTURE, LABELS_BY_VIEW_PICTURE, CONFIDENCE_PICTURE)),
    *(f"{picture}.png" for picture in (NOVELTY_PICTURE, HISTORY_PICTURE)),
    *(".DS_Store", "Thumbs.db"),  # made by file managers that show the folder
}
_MADE_BY_VIEW = re.compile(
    r"labels_.+_to_.+\.csv|confusion_.+_to_.+\.png|linked_.+_to_.+\.png|tissue_.+\.png|links_\d+\.h5ad"
)
_LARGEST = 2**26  # bytes of a run.json

FINDING = ("about", "id", "level", "found", "do")  # of what was found in the data, in run.json
OBSM_KEY = "X_crosstie"  # of the views in VIEWS_FILE: latent coordinates
CONFIDENCE = "crosstie_confidence"  # column of their obs: confidence in the position of each cell


def label_file(source: str, target: str) -> str:
    """Return the name of the table of labels transferred from one view to another."""
    return f"labels_{file_word(source)}_to_{file_word(target)}.csv"


def confusion_picture(source: str, target: str) -> str:
    """Return the name of the picture that compares transferred labels with a view's own, without its ending."""
    return f"confusion_{file_word(source)}_to_{file_word(target)}"


def linked_picture(source: str, target: str) -> str:
    """Return the name of the picture of linked features of two views, without its ending."""
    return f"linked_{file_word(source)}_to_{file_word(target)}"


def tissue_picture(view: str) -> str:
    """Return the name of the picture of a view's cells in the tissue, without its ending."""
    return f"tissue_{file_word(view)}"


def link_file(number: int) -> str:
    """Return the name of the file with the matrix that a view's links read, if that is not the view's own matrix."""
    return f"links_{number}.h5ad"


def file_word(view: str) -> str:
    """Return the name of a view as part of a file name, which cannot lead out of the folder."""
    return re.sub(r"[/\\:]", "_", view)


def files_of(folder: Path) -> list[str]:
    """Return the names of a run's files and folders, folders with a slash."""
    return sorted(p.name + "/" * p.is_dir() for p in folder.iterdir())


def not_of_a_run(folder: Path) -> str:
    """Return what tells a folder from one that only `crosstie` wrote; nothing if there is no such thing.

    A run has a `run.json` with our keys, and nothing but the files named here.
    """
    others = [p.name for p in folder.iterdir() if not _is_of_a_run(p)]
    if others:
        return f"{sample(sorted(others), 4)}, which crosstie did not write"
    file = folder / RUN_FILE
    try:
        there = file.lstat()
        if not stat.S_ISREG(there.st_mode) or there.st_size > _LARGEST:
            return f"a {RUN_FILE} that is a link, not a file, or too large"
        about = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"no {RUN_FILE}"
    except (ValueError, RecursionError):
        return f"a {RUN_FILE} that is not JSON"
    ours = isinstance(about, dict) and isinstance(about.get("crosstie"), str)
    return "" if ours and isinstance(about.get("coordinates"), dict) else f"a {RUN_FILE} that crosstie did not write"


def _is_of_a_run(entry: Path) -> bool:
    if entry.name != MODEL_FOLDER:
        named = entry.name in _MADE or _MADE_BY_VIEW.fullmatch(entry.name) is not None
        return named and (entry.is_symlink() or not entry.is_dir())
    from crosstie.model.save import others_in

    return entry.is_symlink() or (entry.is_dir() and not others_in(entry))


def check_run(folder: Path) -> None:
    """Raise `ValueError` if a folder is not that of a run."""
    if not entry(folder, RUN_FILE, most=SETTINGS).is_file():
        missing = "no such folder" if not folder.exists() else f"no {RUN_FILE} in it"
        found = "no folder" if folder.exists() and not folder.is_dir() else missing
        do = "Integrate the views first: crosstie integrate NAME=PATH ... --out RUN."
        raise value_error(f"{folder} is not the folder of a run.", found=found, do=do)


def about_of(folder: Path) -> dict[str, Any]:
    """Return the content of a run's `run.json`.

    Raises
    ------
    ValueError
        If the folder is not that of a run, or the file is damaged.
    """
    check_run(folder)
    file = folder / RUN_FILE
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise value_error(f"{file} is damaged.", found=str(error), do="Integrate again.") from error
    if not isinstance(about, dict):
        raise value_error(f"{file} is damaged.", found=type(about).__name__, expected="a JSON object")
    _check_about(file, about)
    return about


def _is_file(about: Any) -> bool:
    """Whether this describes an input, as `record.file_of` does, or a simulation, which has no path."""
    if not isinstance(about, dict):
        return False
    return "path" not in about or (isinstance(about["path"], str) and _is_number(about.get("n_bytes")))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2.0**63


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_table_of(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, dict) and all(map(is_one, found.values()))


def _is_list_of(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, list) and all(map(is_one, found))


def _is_finding(found: Any) -> bool:
    return isinstance(found, dict) and set(found) == set(FINDING) and all(map(_is_text, found.values()))


def _is_verdict(found: Any) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("level"), str | None):
        return False
    return _is_list_of(_is_text)(found.get("reasons", [])) and _is_list_of(_is_finding)(found.get("findings", []))


# What readers of a run use of its run.json. All may be absent: runs made in Python lack some.
_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "verdict": (_is_verdict, "a level, a list of reasons and one of findings"),
    "label_key": (lambda found: isinstance(found, str | None), "the name of a column"),
    "inputs": (_is_table_of(_is_file), "path and n_bytes of each file"),
    "files": (_is_table_of(_is_file), "path and n_bytes of each file"),
    "command": (_is_list_of(_is_text), "a list of words"),
    "versions": (_is_table_of(_is_text), "the version of each package"),
    "coordinates": (_is_table_of(_is_text), "a digest for each view"),
    "settings": (lambda found: isinstance(found, dict), "an object"),
    "seed": (_is_number, "a number"),
    "seconds": (_is_number, "a number"),
    "threads": (lambda found: isinstance(found, dict), "an object"),
    **dict.fromkeys(("crosstie", "python", "platform", "finished"), (_is_text, "text")),
}


def _check_about(file: Path, about: dict[str, Any]) -> None:
    for key, (fits, expected) in _KEYS.items():
        if key in about and not fits(about[key]):
            raise value_error(f"{file} is damaged: {key}.", found=repr(about[key])[:100], expected=expected)
