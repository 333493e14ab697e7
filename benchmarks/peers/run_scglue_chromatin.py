"""GLUE on RNA and chromatin by its tutorial (scglue.readthedocs.io): 2,000 variable genes, PCA; all peaks, LSI.

Its budget is its own; it stops early by itself.
"""

import scglue
from exchange import Exchange
from guidance import configured, graph_of, prepared

run = Exchange()
rna, atac, links = prepared(*run.read(), "atac")
scglue.data.lsi(atac, n_components=min(100, atac.n_vars - 1), n_iter=15)
configured(atac, use_rep="X_lsi")
fit = {"directory": str(run.out / "glue")}
model = scglue.models.fit_SCGLUE({"rna": rna, "atac": atac}, graph_of(rna, atac, links), fit_kws=fit)
run.write(rna=model.encode_data("rna", rna), atac=model.encode_data("atac", atac))
