"""crosstie: integrate single-cell data sets that measured different things in different cells.

>>> import crosstie as xt
>>> model = xt.integrate({"rna": rna, "adt": adt})  # doctest: +SKIP

Rooms are imported when first used, so that `import crosstie` is quick and needs neither torch nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crosstie._version import __version__

if TYPE_CHECKING:
    from crosstie import anchors, data, datasets, export, links, metrics, model, pl, qc, report, space, tl, trust
    from crosstie.config import Config
    from crosstie.data.read_files import read
    from crosstie.model.integrate import integrate
    from crosstie.model.model import Model
    from crosstie.training.device import on_device
    from crosstie.trust.check import check

__all__ = [
    "Config",
    "Model",
    "__version__",
    "anchors",
    "check",
    "data",
    "datasets",
    "export",
    "integrate",
    "links",
    "metrics",
    "model",
    "on_device",
    "pl",
    "qc",
    "read",
    "report",
    "space",
    "tl",
    "trust",
]

_NAMES = {
    "Config": "config",
    "Model": "model.model",
    "check": "trust.check",
    "integrate": "model.integrate",
    "on_device": "training.device",
    "read": "data.read_files",
}


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
