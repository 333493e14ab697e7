"""Objects of R are not read: the message says which script turns them into `.h5mu`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NoReturn

from crosstie._errors import value_error
from crosstie.data.readers.request import Request

SCRIPT = Path(__file__).with_name("rds_to_h5mu.R")
OTHERS = (".rda", ".rdata", ".qs", ".qs2", ".h5seurat")


def is_rds(path: Path) -> bool:
    """Return whether the name of a file says that it holds an object of R."""
    return path.is_file() and path.suffix.lower() in (".rds", *OTHERS)


def refuse_rds(path: Path, request: Request) -> NoReturn:
    """Raise an error that says how to convert an object of R.

    Raises
    ------
    ValueError
        Always.
    """
    del request
    source = path.with_suffix(".rds")
    words = ["Rscript", str(SCRIPT), str(source), str(path.with_suffix(".h5mu"))]
    first = "" if path.suffix.lower() == ".rds" else f'Load it in R and save the object: saveRDS(x, "{source}"). Then: '
    raise value_error(
        f"{path} is an object of R, which Python cannot read.",
        expected="the same as .h5mu",
        do=f"{first}{shlex.join(words)}",
    )
