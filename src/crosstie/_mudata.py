"""Compatibility with mudata before and after version 0.4: create MuData without copying columns of the views."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext


@contextmanager
def views_as_they_are() -> Iterator[None]:
    """Create, read or write MuData without copying columns of the views, and without warnings about shared names.

    Before 0.4 an option turns the copying off; since 0.4 that is the default, and setting the option is an error.
    """
    import mudata as md

    asked = md.set_options(pull_on_update=False) if hasattr(md, "set_options") else nullcontext()
    with asked, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "var_names are not unique")  # CD4 is a gene and an antibody
        yield
