"""Print Markdown tables with mean ± standard deviation over seeds; limits the process to one thread."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import pandas as pd  # noqa: E402


def show(rows: Sequence[Mapping[str, object]], by: Sequence[str], digits: int = 3) -> None:
    """Print a row for each different value of the columns `by`, in the order in which they occur."""
    table = pd.DataFrame(rows)
    groups = table.groupby(list(by), sort=False, dropna=False)
    mean, spread = groups.mean(numeric_only=True), groups.std(numeric_only=True).fillna(0)
    print(f"\n| {' | '.join([*by, *mean.columns, 'runs'])} |\n{'|---' * (len(by) + len(mean.columns) + 1)}|")
    for (key, figures), n in zip(mean.iterrows(), groups.size(), strict=True):
        names = [str(name) for name in (key if isinstance(key, tuple) else (key,))]
        cells = [
            "" if pd.isna(x) else f"{x:.{digits}f} ± {spread.loc[key, column]:.{digits}f}"
            for column, x in figures.items()
        ]
        print(f"| {' | '.join([*names, *cells, str(n)])} |", flush=True)
