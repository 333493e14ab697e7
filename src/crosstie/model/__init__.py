"""The model: settings, networks, terms and the training loop. torch lives only here, imported when first needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crosstie.model.config import Config

if TYPE_CHECKING:
    from crosstie.model.networks import Networks
    from crosstie.model.problem import Problem

__all__ = ["Config", "Networks", "Problem"]

_FILES = {"Networks": "networks", "Problem": "problem"}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
