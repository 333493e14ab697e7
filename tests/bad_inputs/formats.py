"""Files of other formats than AnnData that are not what they should be."""

import gzip

import h5py
import numpy as np

from bad_inputs.case import Case, Given
from crosstie._errors import InputError, InputKeyError, InputValueError
from made_files import formats

GENES, PROTEINS = "Gene Expression", "Antibody Capture"


def _error(name, words, call, error=InputValueError):
    return Case("files", name, error, words, call)


def _integrate(g: Given, *words: str):
    return g.cli("integrate", *words, "--out", "out")


def _table(text: str | bytes, *words: str, name: str = "adt.csv"):
    """Return a case's call: integrate with a table of antibodies of this content."""

    def call(g: Given):
        g.written(text, name)
        return _integrate(g, "rna=rna.h5ad", f"adt={name}", *words)

    return call


def _h5(change):
    """Return a case's call: integrate a file of Cell Ranger after a change inside."""

    def call(g: Given):
        formats.tenx_h5(g.folder / "cr.h5", GENES, PROTEINS)
        with h5py.File(g.folder / "cr.h5", "r+") as file:
            change(file["matrix"], file)
        return _integrate(g, "cr.h5")

    return call


def _replaced(name, change):
    def call(matrix, _):
        values = change(matrix[name][:])
        del matrix[name]
        matrix[name] = values

    return _h5(call)


def _folder(change):
    """Return a case's call: integrate a folder of Cell Ranger after a change of its files."""

    def call(g: Given):
        formats.tenx_folder(g.folder / "matrix", GENES, PROTEINS)
        change(g.folder / "matrix")
        return _integrate(g, "matrix")

    return call


def _mtx(change):
    def call(folder):
        text = gzip.decompress((folder / "matrix.mtx.gz").read_bytes()).decode()
        (folder / "matrix.mtx.gz").write_bytes(gzip.compress(change(text).encode()))

    return _folder(call)


def _first_entry(line):
    """Return a change of a text: its first entry is another line."""
    return lambda text: "\n".join([*text.split("\n")[:3], line, *text.split("\n")[4:]])


def _cut(folder):
    path = folder / "matrix.mtx.gz"
    path.write_bytes(path.read_bytes()[:2000])


def _outs(g: Given):
    formats.tenx_h5((g.folder / "filtered_feature_bc_matrix.h5"), GENES)
    (g.folder / "outs").mkdir()
    (g.folder / "filtered_feature_bc_matrix.h5").rename(g.folder / "outs" / "filtered_feature_bc_matrix.h5")
    return _integrate(g, "outs")


def _loom(g: Given):
    g.files()
    formats.loom(g.folder / "rna.loom", formats.views()["rna"])
    with h5py.File(g.folder / "rna.loom", "r+") as file:
        file["row_attrs"].move("Gene", "Thing")
    return _integrate(g, "rna=rna.loom", "adt=adt.h5ad")


def _two_genomes(g: Given):
    formats.old_tenx_h5(g.folder / "old.h5")
    with h5py.File(g.folder / "old.h5", "r+") as file:
        file.copy(file["hg19"], file, "mm10")
    return _integrate(g, "old.h5")


def _outside(matrix, file):
    del matrix["data"]
    matrix["data"] = h5py.ExternalLink("/etc/passwd", "/x")


def _hdf5(path):
    with h5py.File(path, "w") as file:
        file["a"] = 1


def _linked(g: Given):
    with h5py.File(g.folder / "cr.h5", "w") as file:
        file["matrix"] = h5py.ExternalLink("/dev/zero", "/x")
    return _integrate(g, "cr.h5")


def _one_type(g: Given):
    formats.tenx_h5(g.folder / "cr.h5", GENES)
    return _integrate(g, "cr.h5")


def _use(*words):
    def call(g: Given):
        formats.tenx_h5(g.folder / "cr.h5", GENES, PROTEINS)
        return _integrate(g, "cr.h5", *words)

    return call


CASES = [
    _error("csv with a gap", ("adt.csv: numbers are missing", "row 3, column 2"), _table("c,CD3,CD4\nc1,1,2\nc2,,3\n")),
    _error(
        "csv of rows of other length", ("adt.csv: rows differ in length", "line 3"), _table("c,CD3\nc1,1\nc2,1,2\n")
    ),
    _error("csv of words", ("adt.csv: most columns do not hold numbers",), _table("c,CD3,CD4\nc1,a,b\nc2,c,d\n")),
    _error(
        "csv with a word far below",
        ("adt.csv cannot be read", "high"),
        _table("c,CD3\n" + "".join(f"cell{i},1\n" for i in range(900)) + "cell900,high\n"),
    ),
    _error(
        "csv whose names tell nothing",
        ("do not tell whether cells are rows or columns", "--cells rows"),
        _table("x,one,two\nthree,1,2\nfour,3,4\n"),
    ),
    _error("csv of a header only", ("adt.csv: the table has no rows",), _table("c,CD3\n")),
    _error("empty csv", ("adt.csv: the table is empty",), _table("")),
    _error("csv that is no text", ("adt.csv is not text",), _table(b"\0\1\2" * 99)),
    _error("csv.gz cut off", ("adt.csv.gz cannot be read",), _table(gzip.compress(b"c,CD3\n")[:12], name="adt.csv.gz")),
    _error("csv in UTF-16", ("adt.csv is not text",), _table("c,CD3\nc1,1\n".encode("utf-16"))),
    _error("csv of one column", ("the table has one column only",), _table("CD3\n1\n")),
    _error("cells in diagonals", ("--cells", "'rows', 'columns'"), _table("c,CD3\n", "--cells", "diag"), InputKeyError),
    _error("Cell Ranger's h5 without starts", ("lacks 'indptr'",), _h5(lambda matrix, _: matrix.__delitem__("indptr"))),
    _error(
        "Cell Ranger's h5 without types",
        ("lacks 'features/feature_type'",),
        _h5(lambda matrix, _: matrix["features"].__delitem__("feature_type")),
    ),
    _error(
        "Cell Ranger's h5 with too few barcodes",
        ("differ in size", "barcodes: 89", "barcodes: 90"),
        _replaced("barcodes", lambda x: x[:-1]),
    ),
    _error("far features in an h5", ("'indices' are out of range",), _replaced("indices", lambda x: x + 99)),
    _error("wrong starts in an h5", ("starts of the cells",), _replaced("indptr", lambda x: x[::-1].copy())),
    _error(
        "Cell Ranger's h5 with a bad shape",
        ("differ in size",),
        _replaced("shape", lambda x: np.array([2**40, 2**40], "i8")),
    ),
    _error("Cell Ranger's h5 of other files", ("takes data from other files", "/etc/passwd"), _h5(_outside)),
    _error("matrix in another file", ("cr.h5 is HDF5, but of no format", "'matrix'"), _linked),
    _error("Cell Ranger's h5 of two genomes", ("matrices of 2 genomes", "'hg19', 'mm10'"), _two_genomes),
    _error("Cell Ranger's h5 of one type", ("cr.h5: there is only one view", "'rna'"), _one_type),
    _error(
        "Cell Ranger's h5 cut off",
        ("cr.h5 cannot be read", "Copy or write it again"),
        lambda g: (
            formats.tenx_h5(g.folder / "cr.h5", GENES, PROTEINS),
            (g.folder / "cr.h5").write_bytes((g.folder / "cr.h5").read_bytes()[:9000]),
            _integrate(g, "cr.h5"),
        )[2],
    ),
    _error("a view that the file lacks", ("cr.h5: view", "'atac'"), _use("--use", "rna,atac"), InputKeyError),
    _error(
        "views chosen of two files",
        ("--use is about the views of one file",),
        lambda g: g.integrate_files("--use", "rna"),
    ),
    _error("mtx folder without barcodes", ("lacks barcodes.tsv",), _folder(lambda f: (f / "barcodes.tsv.gz").unlink())),
    _error(
        "mtx folder with other features",
        ("differ in size", "3 features and 90 barcodes"),
        _folder(lambda f: formats.write_lines(f / "features.tsv.gz", ["a\ta", "b\tb", "c\tc"])),
    ),
    _error("mtx cut off", ("cannot be read", "end-of-stream"), _folder(_cut)),
    _error("mtx with lines missing", ("matrix.mtx.gz is truncated",), _mtx(lambda t: "\n".join(t.split("\n")[:-9]))),
    _error("mtx of a dense array", ("not a sparse matrix",), _mtx(lambda t: t.replace("coordinate", "array"))),
    _error("mtx with far entries", ("entries outside of its",), _mtx(_first_entry("9999 1 1"))),
    _error("mtx of words", ("cannot be read",), _mtx(_first_entry("1 1 x"))),
    _error(
        "mtx of an impossible shape",
        ("shape is impossible",),
        _mtx(lambda t: t.replace("144 90 ", "144 90 9999999", 1)),
    ),
    _error("folder of Cell Ranger's outputs", ("outs is a folder", "filtered_feature_bc_matrix.h5."), _outs),
    _error("loom without names", ("row_attrs has no names", "'Thing'"), _loom),
    _error(
        "HDF5 of another kind",
        ("x.h5 is HDF5, but of no format", "'a'"),
        lambda g: (h5py.File(g.folder / "x.h5", "w").create_dataset("a", data=1).file.close(), _integrate(g, "x.h5"))[
            1
        ],
    ),
    _error(
        "file of no format",
        ("notes.doc is of no format that crosstie reads", "Cell Ranger"),
        lambda g: (g.written("hello", "notes.doc"), _integrate(g, "notes.doc"))[1],
    ),
]
assert all(issubclass(case.error, InputError) for case in CASES)
