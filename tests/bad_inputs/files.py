"""Files that are not what they should be, as `crosstie integrate` meets them, and tables and settings beside them."""

import gzip
import os
import zipfile

import h5py
import numpy as np

import crosstie as xt
from bad_inputs.case import Case, Given
from crosstie._errors import InputValueError
from crosstie._mudata import views_as_they_are


def _cut(g: Given) -> None:
    path = g.files() / "rna.h5ad"
    path.write_bytes(path.read_bytes()[:5000])


def _in_hdf5(change):
    """Return a case's call: integrate after a change inside the first file."""

    def call(g: Given):
        with h5py.File(g.files() / "rna.h5ad", "r+") as file:
            change(file)
        return g.integrate_files()

    return call


def _folder_in_place(g: Given):
    g.files()
    (g.folder / "rna.h5ad").unlink()
    (g.folder / "rna.h5ad").mkdir()
    return g.integrate_files()


def _link(to: str):
    def call(g: Given):
        g.files()
        (g.folder / "rna.h5ad").unlink()
        (g.folder / "rna.h5ad").symlink_to(to)
        return g.integrate_files()

    return call


def _unreadable(g: Given):
    g.files()
    access = os.access  # the tests may run as root, who may read everything
    g.monkeypatch.setattr(os, "access", lambda path, mode: "rna" not in str(path) and access(path, mode))
    return g.integrate_files()


def _zip(g: Given):
    with zipfile.ZipFile(g.files() / "rna.h5ad", "w") as file:
        file.writestr("x", "y")
    return g.integrate_files()


def _pipe(g: Given):
    g.files()
    (g.folder / "rna.h5ad").unlink()
    os.mkfifo(g.folder / "rna.h5ad")
    return g.integrate_files()


def _pipe_of_settings(g: Given):
    os.mkfifo(g.folder / "settings.json")
    return g.integrate_files("--config", "settings.json")


def _as_mudata(g: Given):
    (g.files() / "rna.h5ad").rename(g.folder / "both.h5mu")
    return g.cli("integrate", "both.h5mu", "--out", "out")


def _as_view(g: Given):
    g.files()
    import mudata as md

    with views_as_they_are():
        md.MuData(g.views).write_h5mu(g.folder / "x.h5mu")
    return g.cli("integrate", "other=x.h5mu", "adt=adt.h5ad", "--out", "out")


def _zarr(g: Given):
    g.files()
    (g.folder / "rna.zarr").mkdir()
    (g.folder / "rna.zarr" / "zarr.json").write_text("{")
    return g.cli("integrate", "rna=rna.zarr", "adt=adt.h5ad", "--out", "out")


def _matrix_cut(file: h5py.File) -> None:
    x = file["X"][:10] if isinstance(file["X"], h5py.Dataset) else None
    attributes = dict(file["X"].attrs)
    del file["X"]
    file["X"] = x if x is not None else np.zeros((10, 3))
    file["X"].attrs.update(attributes if x is not None else {"encoding-type": "array", "encoding-version": "0.2.0"})


def _of(name: str, text: bytes | str):
    """Return a case's call: integrate by a table of links of this name and content."""

    def call(g: Given):
        g.written(text, name)
        return g.integrate_files("--links", name)

    return call


def _by(name: str, text: bytes | str):
    """Return a case's call: link in Python by a table file."""
    return lambda g: xt.links.by_table(g.views, "adt", "rna", g.written(text, name))


def _genes(name: str, text: bytes | str):
    def call(g: Given):
        g.rna.var_names = [f"chr1:{10 * i}-{10 * i + 5}" for i in range(g.rna.n_vars)]
        return xt.data.gene_activity(g.rna, g.written(text, name))

    return call


def _error(name, words, call):
    return Case("files", name, InputValueError, words, call)


CASES = [
    _error(
        "h5ad cut off",
        ("rna.h5ad", "cannot be read", "Copy or write it again"),
        lambda g: (_cut(g), g.integrate_files())[1],
    ),
    _error(
        "text called h5ad", ("rna.h5ad", "not an HDF5 file"), lambda g: (g.written("hello"), g.integrate_files())[1]
    ),
    _error("empty h5ad", ("rna.h5ad", "the file is empty"), lambda g: (g.written(b""), g.integrate_files())[1]),
    _error("folder called h5ad", ("rna.h5ad is a folder", "expected"), _folder_in_place),
    _error(
        "no such file",
        ("no such file", "'rna.h5ad', 'adt.h5ad'"),
        lambda g: (g.files(), g.cli("integrate", "rna=gex.h5ad", "adt=adt.h5ad", "--out", "out"))[1],
    ),
    _error("symbolic links in a ring", ("rna.h5ad", "symbolic link"), _link("rna.h5ad")),
    _error("symbolic link to nothing", ("rna.h5ad", "symbolic link", "gone.h5ad"), _link("gone.h5ad")),
    _error("file that may not be read", ("rna.h5ad may not be read", "permissions"), _unreadable),
    _error("zip called h5ad", ("rna.h5ad", "not an HDF5 file"), _zip),
    _error(
        "gzip called h5ad",
        ("rna.h5ad", "gzip", "gunzip"),
        lambda g: (g.written(gzip.compress(g.shared.files["rna"].read_bytes())), g.integrate_files())[1],
    ),
    _error("pipe called h5ad", ("rna.h5ad", "neither a file nor a folder"), _pipe),
    _error("pipe of settings", ("settings.json", "neither a file nor a folder"), _pipe_of_settings),
    _error("view called h5mu", ("both.h5mu", "holds one view only", "rna=FIRST"), _as_mudata),
    _error("several views, none of them of that name", ("x.h5mu holds several views", "give the file alone"), _as_view),
    _error("zarr store cut off", ("rna.zarr", "is damaged"), _zarr),
    _error(
        "h5ad of a later version",
        ("rna.h5ad", "9.9.9", "newer anndata"),
        _in_hdf5(lambda f: f.attrs.update({"encoding-version": "9.9.9"})),
    ),
    _error(
        "matrix of an unknown kind",
        ("rna.h5ad", "cannot be read", "qsparse"),
        _in_hdf5(lambda f: f["X"].attrs.update({"encoding-type": "qsparse"})),
    ),
    _error(
        "h5ad without cells' names",
        ("rna.h5ad", "cannot be read"),
        _in_hdf5(lambda f: f["obs"].__delitem__(f["obs"].attrs["_index"])),
    ),
    _error("h5ad without obs", ("rna.h5ad is HDF5, but of no format", "'X'"), _in_hdf5(lambda f: f.__delitem__("obs"))),
    _error("matrix of fewer cells than obs", ("rna.h5ad", "cannot be read"), _in_hdf5(_matrix_cut)),
    _error(
        "table split at semicolons",
        ("fewer than two columns", "'protein;gene'", "Separate the fields by commas"),
        _of("pairs.csv", "protein;gene\nCD3;CD3E\n"),
    ),
    _error("empty table", ("pairs.csv cannot be read as a table",), _of("pairs.csv", "")),
    _error("table of a header only", ("the table is empty", "0 rows"), _of("pairs.csv", "protein,gene\n")),
    _error(
        "table that is not there",
        ("there is no such table", "nowhere.csv"),
        lambda g: g.integrate_files("--links", "nowhere.csv"),
    ),
    _error(
        "folder as table", ("there is no such table",), lambda g: xt.links.by_table(g.views, "adt", "rna", g.folder)
    ),
    _error(
        "table in UTF-16",
        ("cannot be read as a table", "found: 'utf-8' codec"),
        _by("pairs.csv", "protein,gene\nCD3,CD3E\n".encode("utf-16")),
    ),
    _error(
        "table with a line too long",
        ("cannot be read as a table", "line 3"),
        _by("pairs.csv", "a,b\nCD3,CD3E\nCD4,CD4,1,2\n"),
    ),
    _error("table cut off", ("pairs.csv.gz", "gzip"), _by("pairs.csv.gz", gzip.compress(b"a,b\nCD3,CD3E\n")[:18])),
    _error("table called zip", ("fewer than two columns", "PK"), _by("pairs.csv.zip", "PK")),
    _error("genes neither GTF nor BED", ("neither GTF nor BED", "hello"), _genes("genes.gtf", "hello\tworld\n")),
    _error(
        "genes cut off",
        ("genes.gtf.gz cannot be read",),
        _genes("genes.gtf.gz", gzip.compress(b'chr1\t.\tgene\t1\t9\t.\t+\t.\tgene_name "A";\n' * 99)[:60]),
    ),
    _error("empty genes", ("genes.bed",), _genes("genes.bed", "")),
    _error(
        "settings that are no JSON",
        ("the text is not JSON", "expected", "line 1"),
        lambda g: (g.written("n_latent: 3", "s.json"), g.integrate_files("--config", "s.json"))[1],
    ),
    _error("settings in a folder", ("is a folder", "a JSON file"), lambda g: g.integrate_files("--config", ".")),
]
