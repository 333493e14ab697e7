"""A finished run in the files of other programs: scanpy, cellxgene, Seurat, SingleCellExperiment, QuPath, napari."""

from crosstie.export.cells import cells
from crosstie.export.cellxgene import cellxgene_faults

__all__ = ["cells", "cellxgene_faults"]
