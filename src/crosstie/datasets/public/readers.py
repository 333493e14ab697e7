"""One reader per public data set, from its files to views. No cells are filtered, except by `where`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import InputError, sample, unknown_name, value_error
from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie._typing import Mask
from crosstie.datasets.public.matrices import read_names, read_table, read_triplets
from crosstie.datasets.public.teaseq import read_teaseq_files
from crosstie.datasets.public.tenx import read_10x_h5

ARC_MATRIX = "cellranger-arc_filtered_feature_bc_matrix.h5"
NEURIPS_VIEWS = {"GEX": "rna", "ADT": "adt", "ATAC": "atac"}
TENX_VIEWS = {"Gene Expression": "rna", "Antibody Capture": "adt"}
UNKNOWN = "unknown"

Files = dict[str, Path]
Where = Mapping[str, str]


def citeseq_pbmc(files: Files, where: Where) -> md.MuData:
    """Read the 3' CITE-seq data of Hao et al.: count matrices of RNA and antibodies, and the table of cells."""
    obs = _table(_ending(files, "sc.meta.data_3P.csv.gz"))
    if "celltype.l1" not in obs:
        raise value_error("citeseq_pbmc: not the table of cells.", found=sample(obs.columns), expected="celltype.l1")
    views = {}
    for view, assay in (("rna", "RNA_3P"), ("adt", "ADT_3P")):
        barcodes = read_names(_ending(files, f"{assay}-barcodes.tsv.gz"))
        features = read_names(_ending(files, f"{assay}-features.tsv.gz"), column=1)
        keep = np.asarray(barcodes.isin(obs.index))
        if not keep.any():
            found = f"{sample(barcodes, 3)}; table of cells: {sample(obs.index, 3)}"
            raise value_error(f"citeseq_pbmc: no barcode of {assay} is in the table of cells.", found=found)
        if n_lost := int((~keep).sum()):
            log.warning("citeseq_pbmc: %d cells of %s are not in the table of cells and are left out.", n_lost, assay)
        keep[keep] = _wanted(obs.loc[barcodes[keep]], where)
        x = read_triplets(_ending(files, f"{assay}-matrix.mtx.gz"), cells=keep)
        if x.shape[1] != len(features):
            found = f"{x.shape[1]:,} rows, {len(features):,} names"
            raise value_error(f"citeseq_pbmc: matrix and features of {assay} differ in size.", found=found)
        views[view] = _anndata(x, obs.loc[barcodes[keep]], features)
    if set(views["rna"].obs_names) != set(views["adt"].obs_names):
        raise value_error("citeseq_pbmc: RNA and antibodies have different cells.", do="Use files of one release.")
    views["adt"] = views["adt"][views["rna"].obs_names].copy()
    for adata in views.values():
        adata.obs["cell_type"] = adata.obs["celltype.l1"]
    return _mudata(views)


def teaseq(files: Files, where: Where) -> md.MuData:
    """Read a TEA-seq sample; with the user's own labels if given, else with those of the paper."""
    matrix = _ending(files, ARC_MATRIX)
    counts = next(path for name, path in files.items() if "adt_counts" in name)
    published = next((path for name, path in files.items() if name.startswith("elife")), None)
    mdata = read_teaseq_files(matrix, counts, labels=published)
    return _selected(_with_own_labels(dict(mdata.mod), files), where)


def tenx_citeseq(files: Files, where: Where) -> md.MuData:
    """Read a Cell Ranger matrix with genes and antibodies."""
    path = _ending(files, "_feature_bc_matrix.h5")
    return _selected(_with_own_labels(_by_type(path, read_10x_h5(path), TENX_VIEWS), files), where)


def neurips(files: Files, where: Where) -> md.MuData:
    """Read a file of the NeurIPS 2021 challenge; the raw counts in `layers["counts"]` become `X`."""
    path = _ending(files, ".h5ad")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file was written by an old version of anndata
            both = ad.read_h5ad(path, backed="r" if where else None)
            if where:
                both = both[_wanted(both.obs, where)].to_memory()
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise value_error(f"{path} cannot be read.", found=str(error)[:200], expected="an AnnData file") from None
    if "counts" in both.layers:
        both.X = both.layers["counts"]
        del both.layers["counts"]
    both.obsm.clear()
    both.uns.clear()
    return _mudata(_by_type(path, both, NEURIPS_VIEWS))


def bmcite(files: Files, where: Where) -> md.MuData:
    """Read the bone marrow CITE-seq data of Stuart et al.: two text tables of features × cells."""
    views = {}
    for view, assay in (("rna", "RNA"), ("adt", "ADT")):
        x, cells, features = read_table(_ending(files, f"MNC_{assay}_counts.tsv.gz"))
        # R turns AAAC-1 into AAAC.1 in column names
        cells = cells.str.replace(r"\.(\d+)$", r"-\1", regex=True)
        views[view] = _anndata(x, pd.DataFrame(index=cells), features)
    common = views["rna"].obs_names.intersection(views["adt"].obs_names)
    if not len(common):
        found = " and ".join(sample(adata.obs_names, 3) for adata in views.values())
        raise value_error("bmcite: RNA and antibodies have no cell in common.", found=found)
    if (n := max(adata.n_obs for adata in views.values()) - len(common)) > 0:
        log.info("bmcite: %d cells without RNA or without antibodies are left out.", n)
    views = {view: adata[common].copy() for view, adata in views.items()}
    return _selected(_with_own_labels(views, files), where)


def _ending(files: Files, ending: str) -> Path:
    """Return the file whose original name has this ending."""
    return next(path for name, path in files.items() if name.removesuffix(".gz").endswith(ending.removesuffix(".gz")))


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, index_col=0)
    except (ValueError, EOFError, OSError) as error:
        do = "Is the file complete? Download it again."
        raise value_error(f"{path} cannot be read.", found=str(error)[:200], do=do) from None
    table.index = table.index.astype(str)
    return table


def _anndata(x: sp.csr_matrix, obs: pd.DataFrame, features: pd.Index) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicate names are made unique below
        adata = ad.AnnData(x, obs=_categories(obs.copy()), var=pd.DataFrame(index=features.astype(str)))
    adata.var_names_make_unique()
    return adata


def _categories(obs: pd.DataFrame) -> pd.DataFrame:
    for column in obs.select_dtypes("object"):
        obs[column] = pd.Categorical(obs[column].astype(str))
    return obs


def _by_type(path: Path, both: ad.AnnData, kinds: Mapping[str, str]) -> dict[str, ad.AnnData]:
    """Split features by type into views: raw counts, float32 CSR, unique names."""
    found = both.var["feature_types"].astype(str).to_numpy() if "feature_types" in both.var else np.array([""])
    if missing := {kind for kind, view in kinds.items() if view == "rna"} - set(found):
        raise value_error(f"{path}: no features of type {sample(missing)}.", found=sample(sorted(set(found))))
    views = {}
    for kind, view in kinds.items():
        if (found == kind).any():
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Variable names are not unique")  # made unique below
                part = both[:, found == kind].copy()
            part.X = sp.csr_matrix(part.X, dtype=np.float32)
            part.var_names_make_unique()
            views[view] = part
    if len(views) < 2:
        raise value_error(f"{path}: only one feature type.", found=sample(sorted(set(found))), expected=sample(kinds))
    return views


def _with_own_labels(views: dict[str, ad.AnnData], files: Files) -> dict[str, ad.AnnData]:
    path = next((path for name, path in files.items() if name.endswith("_labels.csv")), None)
    if path is None:
        return views
    try:
        table = pd.read_csv(path, dtype=str)
    except (ValueError, OSError) as error:
        raise value_error(f"{path} cannot be read.", found=str(error)[:200], expected="a csv file") from None
    if missing := {"barcode", "cell_type"} - set(table.columns):
        raise value_error(f"{path}: no column {sample(sorted(missing))}.", found=sample(table.columns))
    of = table.drop_duplicates("barcode").set_index("barcode")["cell_type"]
    cells = next(iter(views.values())).obs_names
    label = of.reindex(cells)
    if not label.notna().any():
        found = f"{sample(of.index, 3)}; the cells are {sample(cells, 3)}"
        raise value_error(f"{path}: no barcode of the data has a label.", found=found)
    log.info("%s: %d of %d cells have a label.", path, label.notna().sum(), len(label))
    for adata in views.values():
        adata.obs["cell_type"] = pd.Categorical(label.fillna(UNKNOWN))
    return views


def _selected(views: dict[str, ad.AnnData], where: Where) -> md.MuData:
    if where:
        keep = _wanted(next(iter(views.values())).obs, where)
        views = {view: adata[keep].copy() for view, adata in views.items()}
    return _mudata(views)


def _wanted(obs: pd.DataFrame, where: Where) -> Mask:
    keep = np.ones(len(obs), bool)
    for column, value in where.items():
        if column not in obs:
            raise unknown_name("where: column of obs", column, obs.columns, what_cli="--where: column of obs")
        keep &= (obs[column].astype(str) == str(value)).to_numpy()
        if not keep.any():
            found = sample(sorted(obs[column].astype(str).unique()))
            what = f"where: no cell has {column} = {value!r}."
            raise value_error(what, found=found, cli={"what": f"--{what}"})
    return keep


def _mudata(views: Mapping[str, ad.AnnData]) -> md.MuData:
    with views_as_they_are():
        return md.MuData({view: views[view] for view in ("rna", "adt", "atac") if view in views})
