"""Packages that the default install leaves out: one sentence says that one is missing, and how to install it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from crosstie._errors import InputImportError, message

Extra = Literal["train", "umap", "dask", "fcs"]

# The module that an extra of pyproject.toml is for, and the name of its package.
PACKAGES: dict[Extra, tuple[str, str]] = {
    "train": ("torch", "torch"),
    "umap": ("umap", "umap-learn"),
    "dask": ("distributed", "dask"),
    "fcs": ("flowio", "flowio"),
}


def require(extra: Extra, what: str) -> None:
    """Raise unless an extra's package is installed.

    Parameters
    ----------
    extra
        Name of the extra in pyproject.toml.
    what
        What needs it, as the subject of the sentence.
    """
    module, package = PACKAGES[extra]
    try:
        found = find_spec(module)
    except ImportError:
        found = None
    if found is None:
        raise InputImportError(
            message(
                f"{what} needs {package}, which is not installed.", do=f'Install it: pip install "crosstie[{extra}]"'
            )
        )
