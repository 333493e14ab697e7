"""The model: what is integrated, the fit, and the object that users hold. Networks come from `training`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crosstie.config import Config

if TYPE_CHECKING:
    from crosstie.training.networks import Networks
    from crosstie.training.problem import Problem

__all__ = ["Config", "Networks", "Problem"]

_FILES = {"Networks": "networks", "Problem": "problem"}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"crosstie.training.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
