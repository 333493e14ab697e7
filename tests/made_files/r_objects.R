# Saves objects of R with the same cells: Rscript r_objects.R seurat4|seurat5|sce rna.csv adt.csv object.rds
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(Matrix))
rna <- as(as.matrix(read.csv(arguments[2], row.names = 1, check.names = FALSE)), "CsparseMatrix")
adt <- as.matrix(read.csv(arguments[3], row.names = 1, check.names = FALSE))
cells <- colnames(rna)
type <- factor(rep(c("T", "B"), length.out = length(cells)))
note <- c(NA, rep("caf\u00e9", length(cells) - 1))
pca <- matrix(seq_along(cells), length(cells), 3, dimnames = list(cells, paste0("PC_", 1:3)))

if (arguments[1] == "seurat4") {
  suppressPackageStartupMessages(library(SeuratObject))
  object <- CreateSeuratObject(rna)
  object[["ADT"]] <- CreateAssayObject(adt)
  object[["HTO"]] <- CreateAssayObject(adt[1:3, ])
  object$type <- type
  object$note <- note
  object$odd <- seq_along(cells) %% 2 == 1
  object[["pca"]] <- CreateDimReducObject(pca, key = "PC_", assay = "RNA")
} else if (arguments[1] == "seurat5") {
  # The classes of SeuratObject 5 (R/assay5.R, R/logmap.R, R/seurat.R), where that version is not at hand.
  setClass("LogMap", contains = "matrix")
  setClass("Assay5", slots = c(
    layers = "list", cells = "LogMap", features = "LogMap", default = "integer", assay.orig = "character",
    meta.data = "data.frame", misc = "list", key = "character"
  ))
  setClass("DimReduc5", slots = c(cell.embeddings = "matrix"))
  setClass("Seurat", slots = c(assays = "list", meta.data = "data.frame", reductions = "list"))
  map <- function(names, layers) {
    m <- matrix(FALSE, length(names), length(layers), dimnames = list(names, names(layers)))
    for (layer in names(layers)) m[layers[[layer]], layer] <- TRUE
    new("LogMap", m)
  }
  bare <- function(m) {
    dimnames(m) <- NULL
    m
  }
  second <- seq_along(cells) %% 3 == 0 # samples whose cells alternate; the second lacks the first gene
  rna[1, second] <- 0
  layers <- list(counts.a = bare(rna[, !second]), counts.b = bare(rna[-1, second]), data.a = bare(rna[, !second] * 0.5))
  of_cells <- list(counts.a = cells[!second], counts.b = cells[second], data.a = cells[!second])
  of_genes <- list(counts.a = rownames(rna), counts.b = rownames(rna)[-1], data.a = rownames(rna))
  rna_assay <- new("Assay5",
    layers = layers, cells = map(cells, of_cells), features = map(rownames(rna), of_genes),
    meta.data = data.frame(), key = "rna_"
  )
  adt_assay <- new("Assay5",
    layers = list(counts = bare(as(adt, "CsparseMatrix"))), cells = map(cells, list(counts = cells)),
    features = map(rownames(adt), list(counts = rownames(adt))), meta.data = data.frame(), key = "adt_"
  )
  object <- new("Seurat",
    assays = list(RNA = rna_assay, ADT = adt_assay),
    meta.data = data.frame(type = type, note = note, odd = seq_along(cells) %% 2 == 1, row.names = cells),
    reductions = list(pca = new("DimReduc5", cell.embeddings = pca))
  )
} else {
  suppressPackageStartupMessages(library(SingleCellExperiment))
  object <- SingleCellExperiment(list(counts = rna),
    colData = DataFrame(type = type, note = note, odd = seq_along(cells) %% 2 == 1, row.names = cells),
    reducedDims = list(pca = pca)
  )
  rowData(object)$symbol <- tolower(rownames(rna))
  altExp(object, "Antibody Capture") <- SummarizedExperiment(list(counts = adt))
}
saveRDS(object, arguments[4])
