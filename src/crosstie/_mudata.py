"""MuData made of views as they are, by mudata before and since its version 0.4."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext


@contextmanager
def views_as_they_are() -> Iterator[None]:
    """Make, read or write MuData without copies of the views' columns, and in silence about names that views share.

    That no columns are copied has to be asked for before 0.4, and is the default since, where asking is an error.
    """
    import mudata as md

    asked = md.set_options(pull_on_update=False) if hasattr(md, "set_options") else nullcontext()
    with asked, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "var_names are not unique")  # CD4 is a gene and an antibody
        yield
