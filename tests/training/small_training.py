"""A small training of all terms."""

from dataclasses import replace

import crosstie as xt

SETTINGS = {"training": "full", "fallback": "none", "n_steps": 60, "batch_size": 64, "n_components": 20}
WHOLE = {"geometry": 1.0, "adversarial": 1.0, "anchors": 1.0, "cycle": 1.0, "reconstruction": 1.0}


def views():
    mdata = xt.datasets.simulate_citeseq(n_cells=220, n_genes=120, n_proteins=25, seed=4)
    return {name: mdata[name] for name in ("rna", "adt")}


def config(**changes):
    return replace(xt.Config(**SETTINGS, **WHOLE), **changes)
