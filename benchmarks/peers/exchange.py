"""Input and output of the scripts of all tools: views and links from a folder, coordinates and times to another.

It runs in the environments of all tools, so it only needs numpy, pandas and anndata.
"""

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd


class Exchange:
    """One run: `python run_TOOL.py VIEWS OUT [STEPS]`; without steps the tool's documented budget."""

    def __init__(self):
        self.folder, self.out = map(Path, sys.argv[1:3])
        self.steps = int(sys.argv[3]) if len(sys.argv) > 3 else None
        self.times, self._wall, self._cpu = {}, 0.0, 0.0
        self.out.mkdir(parents=True, exist_ok=True)

    def read(self):
        """Return RNA and the other view, raw counts as float32, and the pairs of linked features by view."""
        self.other = "atac" if (self.folder / "atac.h5ad").exists() else "adt"
        views = [ad.read_h5ad(self.folder / f"{view}.h5ad") for view in ("rna", self.other)]
        for adata in views:
            adata.X = adata.X.astype(np.float32)
        return (*views, pd.read_csv(self.folder / "links.csv"))

    @contextmanager
    def training(self):
        """Time the training, which runs in steps."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._wall += time.perf_counter() - wall
        self._cpu += time.process_time() - cpu

    def trained(self, steps, of):
        """Say how many steps were timed, and how many the documented budget has: the harness extrapolates."""
        one = {"step_seconds": self._wall / steps, "step_cpu": self._cpu / steps}
        self.times |= {"steps": steps, "budget": of, **one}

    def write(self, rna=None, adt=None, atac=None, **found):
        """Write coordinates of both views, if there are any, and the times."""
        for view, z in (("rna", rna), ("adt", adt), ("atac", atac)):
            if z is not None:
                np.save(self.out / f"{view}.npy", np.asarray(z, np.float32))
        (self.out / "times.json").write_text(json.dumps(self.times | found), encoding="utf-8")


def dense(x):
    """Return a dense array of a matrix that may be sparse."""
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)
