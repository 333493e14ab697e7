"""Scripts in `.ci`, which have no ending, as modules."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / ".ci"


def ci_script(name: str) -> Any:
    """Return a script as a module; skips the tests of it where the sources are not those of the repository."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip("these are not the sources of the repository")
    loader = SourceFileLoader(name, str(path))
    module = module_from_spec(spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
