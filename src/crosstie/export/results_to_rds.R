# Adds the results of a run to the object that its views came from:
#
#   crosstie export run --to r --out results
#   Rscript results/results_to_rds.R object.rds results with_results.rds
#
# A Seurat object gets columns of meta.data and the reductions "crosstie" and "crosstie_umap", a SingleCellExperiment
# columns of colData and the same reducedDims. Cells are matched by name; cells without results get missing values.

fail <- function(...) {
  message("results_to_rds: error: ", ...)
  quit(status = 2)
}

say <- function(...) message("results_to_rds: ", ...)

# The tables of all views below each other; a cell that several views have takes its first row.
read_results <- function(folder, ending) {
  files <- sort(list.files(folder, paste0("^[0-9]+_", ending, "\\.csv$"), full.names = TRUE))
  tables <- lapply(files, utils::read.csv, row.names = NULL, check.names = FALSE, encoding = "UTF-8", colClasses = c(cell = "character"))
  columns <- unique(unlist(lapply(tables, names)))
  whole <- do.call(rbind, lapply(tables, function(table) {
    table[setdiff(columns, names(table))] <- NA
    table[columns]
  }))
  if (is.null(whole)) return(NULL)
  whole <- whole[!duplicated(whole$cell), , drop = FALSE]
  rownames(whole) <- whole$cell
  whole[setdiff(columns, "cell")]
}

of_cells <- function(table, cells) {
  out <- table[match(cells, rownames(table)), , drop = FALSE]
  rownames(out) <- cells
  out
}

main <- function(arguments) {
  if (length(arguments) != 3) fail("write: Rscript results_to_rds.R object.rds results with_results.rds")
  object <- readRDS(arguments[1])
  cells_table <- read_results(arguments[2], "cells")
  if (is.null(cells_table)) fail(arguments[2], " holds no results: crosstie export run --to r --out ", arguments[2])
  cells <- colnames(object)
  shared <- sum(cells %in% rownames(cells_table))
  if (!shared) {
    fail("no cell of ", arguments[1], " has results: it has ", cells[1], ", the results ", rownames(cells_table)[1], ".")
  }
  is_sce <- inherits(object, "SingleCellExperiment")
  if (!is_sce && !inherits(object, "Seurat")) fail(arguments[1], " holds a ", class(object)[1], ".")
  columns <- of_cells(cells_table, cells)
  for (name in names(columns)) {
    if (is_sce) SummarizedExperiment::colData(object)[[name]] <- columns[[name]] else object[[name]] <- columns[name]
  }
  for (name in c("crosstie", "crosstie_umap")) {
    table <- read_results(arguments[2], c(crosstie = "coordinates", crosstie_umap = "umap")[[name]])
    if (is.null(table)) next
    z <- as.matrix(of_cells(table, cells)) # a reduction is of all cells of its object
    if (is_sce) {
      SingleCellExperiment::reducedDim(object, name) <- z
    } else {
      key <- paste0(gsub("_", "", name, fixed = TRUE), "_")
      colnames(z) <- paste0(key, seq_len(ncol(z)))
      assay <- SeuratObject::DefaultAssay(object)
      object[[name]] <- SeuratObject::CreateDimReducObject(embeddings = z, key = key, assay = assay)
    }
  }
  saveRDS(object, arguments[3])
  say(shared, " of ", length(cells), " cells have results: ", toString(names(columns)), "; written: ", arguments[3])
}

suppressPackageStartupMessages(main(commandArgs(trailingOnly = TRUE)))
