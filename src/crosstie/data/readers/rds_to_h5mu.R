# Writes the assays of a Seurat object (v4 or v5) or a SingleCellExperiment (with altExps) as one MuData file:
#
#   Rscript rds_to_h5mu.R object.rds views.h5mu [ASSAY,ASSAY]
#
# then: crosstie integrate views.h5mu --out run
#
# Of each assay: counts (or, without counts, the data), features, cells, the columns of its cells, reductions.
# Needs hdf5r or rhdf5; Seurat objects need nothing else, not even Seurat. docs/howto/from_seurat.md says more.

LEFT_OUT <- c("^sct$", "integrated", "^prediction", "^chromvar", "^magic", "^hto$", "hashtag", "^multi$", "multiplexing")
NAMES <- list(
  rna = c("rna", "gex", "gene expression", "gene.expression", "originalexp", "counts"),
  adt = c("adt", "antibody capture", "antibody.capture", "protein", "prot", "cite", "ab"),
  atac = c("atac", "peaks", "chromatin")
)

fail <- function(...) {
  message("rds_to_h5mu: error: ", ...)
  quit(status = 2)
}

say <- function(...) message("rds_to_h5mu: ", ...)

view_name <- function(assay) {
  known <- names(NAMES)[vapply(NAMES, function(words) tolower(assay) %in% words, logical(1))]
  if (length(known)) known[1] else gsub("^[^A-Za-z0-9]+|[^A-Za-z0-9_.+-]", "_", assay)
}

# ---- Matrices: features x cells in R by columns is cells x features by rows ---------------------------------------

# The slots of a sparse matrix by columns. S4 slots are attributes, so no package is needed (or loaded) to read them.
by_columns <- function(m, what) {
  if (!isS4(m) && is.matrix(m) && (is.numeric(m) || is.logical(m))) {
    used <- which(m != 0, arr.ind = TRUE)
    return(list(
      p = c(0, cumsum(tabulate(used[, 2], ncol(m)))), i = used[, 1] - 1L, x = as.numeric(m[used]),
      dim = dim(m), names = dimnames(m)
    ))
  }
  if (class(m)[1] != "dgCMatrix" && requireNamespace("Matrix", quietly = TRUE)) {
    m <- tryCatch(methods::as(methods::as(m, "CsparseMatrix"), "dMatrix"), error = function(e) m)
  }
  if (class(m)[1] != "dgCMatrix") {
    fail(what, " is a ", class(m)[1], ". Load it into memory first: as(x, \"dgCMatrix\").")
  }
  list(p = attr(m, "p"), i = attr(m, "i"), x = attr(m, "x"), dim = attr(m, "Dim"), names = attr(m, "Dimnames"))
}

# One matrix of all layers of counts: v5 keeps one for each sample, with the features and cells that it has.
joined <- function(layers, features, cells) {
  row <- col <- integer(0)
  x <- numeric(0)
  for (layer in names(layers)) {
    m <- layers[[layer]]
    col <- c(col, which(cells[, layer])[rep(seq_len(m$dim[2]), diff(m$p))])
    row <- c(row, which(features[, layer])[m$i + 1L])
    x <- c(x, m$x)
  }
  o <- order(col, row)
  list(
    p = c(0, cumsum(tabulate(col, nrow(cells)))), i = row[o] - 1L, x = x[o], dim = c(nrow(features), nrow(cells)),
    names = list(rownames(features), rownames(cells))
  )
}

# ---- Seurat -------------------------------------------------------------------------------------------------------

# The counts of an assay, or its data where it has none; NULL where it is empty.
seurat_matrix <- function(assay, name) {
  layers <- attr(assay, "layers")
  if (is.null(layers)) { # v3, v4
    for (slot in c("counts", "data")) {
      m <- attr(assay, slot)
      size <- if (isS4(m)) attr(m, "Dim") else dim(m)
      if (!is.null(m) && (is.null(size) || prod(size) > 0)) {
        if (slot == "data") say(name, ": no counts; its data are written.")
        return(by_columns(m, paste0(name, ", ", slot)))
      }
    }
    return(NULL)
  }
  for (slot in c("counts", "data")) {
    found <- grep(paste0("^", slot, "(\\.|$)"), names(layers), value = TRUE)
    if (length(found)) {
      if (slot == "data") say(name, ": no counts; its data are written.")
      parts <- lapply(found, function(layer) by_columns(layers[[layer]], paste0(name, ", ", layer)))
      return(joined(stats::setNames(parts, found), log_map(assay, "features"), log_map(assay, "cells")))
    }
  }
  NULL
}

log_map <- function(assay, slot) {
  map <- attr(assay, slot)
  matrix(as.logical(map), nrow = dim(map)[1], dimnames = attr(map, "dimnames"))
}

views_of_seurat <- function(object) {
  cells <- attr(object, "meta.data")
  reductions <- lapply(attr(object, "reductions"), function(r) attr(r, "cell.embeddings"))
  assays <- attr(object, "assays")
  features <- function(assay) {
    of_v5 <- attr(assay, "meta.data")
    if (is.data.frame(of_v5)) of_v5 else attr(assay, "meta.features")
  }
  lapply(stats::setNames(names(assays), names(assays)), function(name) {
    matrix <- seurat_matrix(assays[[name]], name)
    if (is.null(matrix)) return(NULL)
    list(matrix = matrix, obs = cells, var = features(assays[[name]]), obsm = reductions)
  })
}

# ---- SingleCellExperiment -----------------------------------------------------------------------------------------

views_of_sce <- function(object) {
  if (!requireNamespace("SingleCellExperiment", quietly = TRUE)) {
    fail("a SingleCellExperiment needs its package: BiocManager::install(\"SingleCellExperiment\").")
  }
  one <- function(sce, name) {
    slots <- SummarizedExperiment::assayNames(sce)
    slot <- if ("counts" %in% slots) "counts" else slots[1]
    if (is.na(slot)) return(NULL)
    if (slot != "counts") say(name, ": no counts; its ", slot, " are written.")
    matrix <- by_columns(SummarizedExperiment::assay(sce, slot), paste0(name, ", ", slot))
    matrix$names <- list(rownames(sce), colnames(object))
    list(
      matrix = matrix, obs = as.data.frame(SummarizedExperiment::colData(object)),
      var = as.data.frame(SummarizedExperiment::rowData(sce)),
      obsm = as.list(SingleCellExperiment::reducedDims(object))
    )
  }
  main <- SingleCellExperiment::mainExpName(object)
  main <- if (is.null(main) || is.na(main)) "rna" else main
  others <- stats::setNames(SingleCellExperiment::altExpNames(object), SingleCellExperiment::altExpNames(object))
  c(
    stats::setNames(list(one(object, main)), main),
    lapply(others, function(name) one(SingleCellExperiment::altExp(object, name), name))
  )
}

# ---- HDF5: hdf5r (as Seurat uses) or rhdf5 (as Bioconductor does) -------------------------------------------------

open_hdf5r <- function(path) {
  creation <- hdf5r::H5P_FILE_CREATE$new()
  creation$set_userblock(512)
  file <- hdf5r::H5File$new(path, mode = "w", file_create_pl = creation)
  at <- function(place) if (place == "/") file else file[[place]]
  text <- hdf5r::H5T_STRING$new(size = Inf)$set_cset(hdf5r::h5const$H5T_CSET_UTF8)
  type <- function(x) if (is.character(x)) text else NULL
  list(
    group = function(place) invisible(file$create_group(place)),
    data = function(place, x) invisible(file$create_dataset(place, robj = x, dtype = type(x), gzip_level = 4)),
    attribute = function(place, name, x, scalar = length(x) == 1) {
      space <- if (scalar) hdf5r::H5S$new("scalar") else hdf5r::H5S$new("simple", dims = length(x))
      at(place)$create_attr(name, robj = x, dtype = type(x), space = space)
    },
    close = function() file$close_all()
  )
}

open_rhdf5 <- function(path) {
  creation <- rhdf5::H5Pcreate("H5P_FILE_CREATE")
  rhdf5::H5Pset_userblock(creation, 512)
  file <- rhdf5::H5Fcreate(path, fcpl = creation)
  attribute <- function(place, name, x, scalar = length(x) == 1) {
    item <- if (place == "/") file else rhdf5::H5Oopen(file, place)
    rhdf5::h5writeAttribute(x, item, name, asScalar = scalar, encoding = "UTF-8", variableLengthString = is.character(x))
    if (place != "/") rhdf5::H5Oclose(item)
  }
  list(
    group = function(place) invisible(rhdf5::h5createGroup(file, place)),
    data = function(place, x) {
      size <- if (is.null(dim(x))) length(x) else dim(x)
      rhdf5::h5createDataset(file, place, size, storage.mode = storage.mode(x), size = NULL, encoding = "UTF-8", level = 4)
      rhdf5::h5write(x, file, place)
    },
    attribute = attribute,
    close = function() rhdf5::H5Fclose(file)
  )
}

open_h5 <- function(path) {
  wanted <- Sys.getenv("CROSSTIE_HDF5", "")
  for (package in if (nzchar(wanted)) wanted else c("hdf5r", "rhdf5")) {
    if (requireNamespace(package, quietly = TRUE)) return(get(paste0("open_", package))(path))
  }
  fail("writing HDF5 needs hdf5r or rhdf5: install.packages(\"hdf5r\"), or BiocManager::install(\"rhdf5\").")
}

# ---- AnnData and MuData -------------------------------------------------------------------------------------------

encoded <- function(h5, place, type, version = "0.1.0") {
  h5$attribute(place, "encoding-type", type)
  h5$attribute(place, "encoding-version", version)
}

dict <- function(h5, place) {
  h5$group(place)
  encoded(h5, place, "dict")
}

array <- function(h5, place, x) {
  h5$data(place, x)
  encoded(h5, place, if (is.character(x)) "string-array" else "array", "0.2.0")
}

column <- function(h5, place, x) {
  if (inherits(x, c("Date", "POSIXt", "difftime"))) x <- as.character(x)
  if (is.character(x) && anyNA(x)) x <- factor(x)
  if (is.logical(x)) x <- factor(x, levels = c(FALSE, TRUE))
  if (is.integer(x) && anyNA(x)) x <- as.numeric(x)
  if (!is.factor(x)) return(array(h5, place, if (is.character(x)) enc2utf8(x) else x))
  h5$group(place)
  encoded(h5, place, "categorical", "0.2.0")
  h5$attribute(place, "ordered", as.integer(is.ordered(x)))
  array(h5, paste0(place, "/categories"), enc2utf8(levels(x)))
  codes <- as.integer(x) - 1L
  array(h5, paste0(place, "/codes"), ifelse(is.na(codes), -1L, codes))
}

table_of <- function(h5, place, names, columns) {
  fits <- vapply(columns, function(x) {
    is.null(dim(x)) && (is.atomic(x) || is.factor(x)) && !is.complex(x) && !(is.factor(x) && !nlevels(x))
  }, logical(1))
  if (any(!fits)) say(place, ": columns that are no plain values are left out: ", toString(names(columns)[!fits]))
  columns <- columns[fits]
  names(columns) <- make.unique(gsub("/", "_", names(columns), fixed = TRUE))
  names(columns)[names(columns) == "_index"] <- "index"
  h5$group(place)
  encoded(h5, place, "dataframe", "0.2.0")
  h5$attribute(place, "_index", "_index")
  if (!length(columns)) columns <- list(number = seq_along(names)) # HDF5 in R cannot write an empty list of columns
  h5$attribute(place, "column-order", names(columns), scalar = FALSE)
  array(h5, paste0(place, "/_index"), enc2utf8(names))
  for (name in names(columns)) column(h5, paste0(place, "/", name), columns[[name]])
}

write_view <- function(h5, place, view) {
  m <- view$matrix
  features <- m$names[[1]]
  cells <- m$names[[2]]
  if (is.null(features) || is.null(cells)) fail(place, ": features or cells have no names.")
  h5$group(place)
  encoded(h5, place, "anndata")
  x <- paste0(place, "/X")
  h5$group(x)
  encoded(h5, x, "csr_matrix")
  h5$attribute(x, "shape", as.integer(rev(m$dim)), scalar = FALSE)
  whole <- all(m$x == trunc(m$x)) && max(m$x, 0) < 2^31
  h5$data(paste0(x, "/data"), if (whole) as.integer(m$x) else m$x)
  h5$data(paste0(x, "/indices"), as.integer(m$i))
  h5$data(paste0(x, "/indptr"), if (length(m$x) < 2^31) as.integer(m$p) else as.numeric(m$p))
  table_of(h5, paste0(place, "/obs"), cells, as.list(view$obs[match(cells, rownames(view$obs)), , drop = FALSE]))
  var <- if (is.null(view$var)) list() else as.list(view$var[match(features, rownames(view$var)), , drop = FALSE])
  table_of(h5, paste0(place, "/var"), features, var)
  dict(h5, paste0(place, "/obsm"))
  for (name in names(view$obsm)) {
    z <- as.matrix(view$obsm[[name]])
    rows <- match(cells, rownames(z))
    if (anyNA(rows) || !is.numeric(z)) {
      say(place, ": reduction ", name, " is not of all its cells, and left out.")
    } else {
      array(h5, paste0(place, "/obsm/X_", gsub("/", "_", name, fixed = TRUE)), t(z[rows, , drop = FALSE]))
    }
  }
  for (part in c("layers", "varm", "obsp", "varp", "uns")) dict(h5, paste0(place, "/", part))
}

write_h5mu <- function(views, path) {
  part <- paste0(path, ".part")
  unlink(part)
  h5 <- open_h5(part)
  encoded(h5, "/", "MuData")
  h5$attribute("/", "axis", 0L)
  h5$group("mod")
  h5$attribute("mod", "mod-order", names(views), scalar = FALSE)
  for (name in names(views)) write_view(h5, paste0("mod/", name), views[[name]])
  cells <- unique(unlist(lapply(views, function(view) view$matrix$names[[2]])))
  features <- unlist(lapply(views, function(view) view$matrix$names[[1]]), use.names = FALSE)
  table_of(h5, "obs", cells, list())
  table_of(h5, "var", features, list())
  for (part_of in c("obsm", "varm", "obsmap", "varmap", "obsp", "varp", "uns")) dict(h5, part_of)
  first <- 0L
  for (name in names(views)) {
    of_cells <- match(cells, views[[name]]$matrix$names[[2]], nomatch = 0L)
    n <- length(views[[name]]$matrix$names[[1]])
    of_features <- integer(length(features))
    of_features[first + seq_len(n)] <- seq_len(n)
    first <- first + n
    array(h5, paste0("obsmap/", name), of_cells)
    array(h5, paste0("varmap/", name), of_features)
  }
  h5$close()
  file <- file(part, "r+b") # in front of HDF5, as in all MuData files
  writeChar("MuData (format-version=0.1.0;creator=crosstie;creator-version=0.1.0)", file, eos = NULL)
  close(file)
  if (!file.rename(part, path)) fail(path, " cannot be written.")
}

main <- function(arguments) {
  if (!(length(arguments) %in% 2:3)) fail("write: Rscript rds_to_h5mu.R object.rds views.h5mu [ASSAY,ASSAY]")
  if (!file.exists(arguments[1])) fail(arguments[1], ": there is no such file.")
  if (!grepl("\\.h5mu$", arguments[2])) fail(arguments[2], " does not end in .h5mu.")
  object <- tryCatch(readRDS(arguments[1]), error = function(e) {
    fail(arguments[1], " cannot be read (", conditionMessage(e), "). Save one object: saveRDS(object, \"object.rds\").")
  })
  views <- if ("Seurat" %in% class(object)) { # inherits() would load Seurat
    views_of_seurat(object)
  } else if (inherits(object, "SingleCellExperiment")) {
    views_of_sce(object)
  } else {
    fail(arguments[1], " holds a ", class(object)[1], ", not a Seurat object or SingleCellExperiment.")
  }
  views <- views[!vapply(views, is.null, logical(1))]
  if (length(arguments) == 3) {
    wanted <- strsplit(arguments[3], ",")[[1]]
    if (!all(wanted %in% names(views))) fail("no assay ", toString(setdiff(wanted, names(views))), "; there are ", toString(names(views)), ".")
    views <- views[wanted]
  } else {
    out <- vapply(tolower(names(views)), function(name) any(vapply(LEFT_OUT, grepl, logical(1), name)), logical(1))
    if (any(out)) say("left out: ", toString(names(views)[out]), "; to keep one, name all assays to write as a third word.")
    views <- views[!out]
  }
  if (!length(views)) fail(arguments[1], " has no assay with counts or data.")
  names(views) <- make.unique(vapply(names(views), view_name, character(1)), sep = "_")
  write_h5mu(views, arguments[2])
  for (name in names(views)) say(name, ": ", views[[name]]$matrix$dim[2], " cells x ", views[[name]]$matrix$dim[1], " features")
  say("written: ", arguments[2])
}

suppressPackageStartupMessages(main(commandArgs(trailingOnly = TRUE)))
