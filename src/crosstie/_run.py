"""The folder of a run: the file that tells it from any other folder, and what that file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crosstie._errors import value_error

RUN_FILE = "run.json"  # every run has one: how a folder of ours is told from a folder of the user's


def check_run(folder: Path) -> None:
    """Raise `ValueError` if a folder is not that of a run."""
    if not (folder / RUN_FILE).is_file():
        missing = "no such folder" if not folder.exists() else f"no {RUN_FILE} in it"
        found = "no folder" if folder.exists() and not folder.is_dir() else missing
        do = "Integrate the views first: crosstie integrate NAME=PATH ... --out RUN."
        raise value_error(f"{folder} is not the folder of a run.", found=found, do=do)


def about_of(folder: Path) -> dict[str, Any]:
    """Return what `run.json` in the folder of a run says; raises `ValueError` if the folder is not that of a run."""
    check_run(folder)
    file = folder / RUN_FILE
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise value_error(f"{file} is damaged.", found=str(error), do="Integrate again.") from error
    if not isinstance(about, dict):
        raise value_error(f"{file} is damaged.", found=type(about).__name__, expected="a JSON object")
    return about
