"""GLUE by its tutorial (scglue.readthedocs.io, preprocessing and training), proteins in the place of the second omics.

The tutorial has RNA and ATAC. Proteins are counts too: negative binomial likelihood, principal components as the first
transformation, all of them used; the guidance graph has an edge for each link beside the loops. Linked genes count as
highly variable. Its budget is a number of epochs that `fit_SCGLUE` chooses; it stops early by itself. With STEPS, that
many epochs of both its stages.
"""

import math

import scglue
from exchange import Exchange
from guidance import configured, graph_of, prepared, with_components

run = Exchange()
rna, adt, links = prepared(*run.read(), "adt")
configured(with_components(adt, 100), use_rep="X_pca")
fit, kind = {"directory": str(run.out / "glue")}, scglue.models.SCGLUEModel
if run.steps:
    fit["max_epochs"] = run.steps

    class Timed(kind):
        """GLUE's model, its training timed."""

        def fit(self, *args, **options):
            """Fit as it does."""
            with run.training():
                super().fit(*args, **options)
            batches = 0.9 * (rna.n_obs + adt.n_obs) / 128  # of an epoch; 48 / rate of learning is its own rule
            run.trained(2 * run.steps, 2 * math.ceil(self.MAX_EPOCHS_PRG / self.trainer.lr / batches))

    kind = Timed
model = scglue.models.fit_SCGLUE({"rna": rna, "adt": adt}, graph_of(rna, adt, links), model=kind, fit_kws=fit)
run.write(model.encode_data("rna", rna), model.encode_data("adt", adt))
