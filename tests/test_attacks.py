"""Subject: what others could send. Each is tried end to end: one sentence and exit status 2, or a result that is right.

`SECURITY.md` lists them, with those that other files test.
"""

import gzip
import json
import os
import shutil
import struct
import zipfile

import anndata as ad
import h5py
import mudata as md
import numpy as np
import pytest
from typer.testing import CliRunner

import crosstie as xt
from crosstie.cli import app

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes of POSIX")
FAST = ("--no-verdict", "--set", "n_rounds=1", "--set", "n_components=10", "--set", "n_latent=5", "-q")
HEAD = b"%%MatrixMarket matrix coordinate integer general\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for name, adata in xt.datasets.simulate_citeseq(n_cells=60, n_genes=60, n_proteins=12, seed=0).mod.items():
        adata.uns.clear()
        adata.write_h5ad(folder / f"{name}.h5ad")
    return folder


@pytest.fixture
def here(made, tmp_path):
    shutil.copytree(made, tmp_path / "here")
    return tmp_path / "here"


def call(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def answered(result, *said):
    """Whatever came, crosstie is not at fault, and says these words."""
    assert result.exit_code in (0, 2), (result.output, result.exception)
    assert "bug in crosstie" not in result.output
    text = " ".join(result.output.split())
    for words in said:
        assert words in text, text


def refused(result, *said):
    answered(result, *said)
    assert result.exit_code == 2, result.output


def look(here, first, *more):
    return call("check", f"rna={first}", f"adt={here}/adt.h5ad", "--quick", *more)


def integrate(here, *more, rna="rna.h5ad", adt="adt.h5ad"):
    return call(
        "integrate", f"rna={here / rna}", f"adt={here / adt}", "--out", here / "out", "--no-plots", *FAST, *more
    )


# ---- links and settings ----------------------------------------------------------------------------------------------


def packed_links(here, kind):
    path = here / f"t.csv.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(b"adt,rna\n") + gzip.compress(b"x,y\n" * 250_000) * 70)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("t.csv", "w") as file:
            file.write(b"adt,rna\n")
            for _ in range(70):
                file.write(b"x" * 2**20)
    return path


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_links_that_unpack_to_tens_of_megabytes(here, kind):
    refused(integrate(here, "--links", packed_links(here, kind)), "unpacks to too much")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",".join(map(str, range(300_000))) + "\n", "the first line is too long"),
        ("x" * 2**22, "the first line is too long"),
        ("adt,rna\nCD\0,CD\0\n", "none of the table's"),
        ("adt,rna,weight\nCD4,CD4,1e999\n", "weights are invalid"),
        ('adt,rna\n"CD4,CD4\n', "cannot be read as a table"),
    ],
)
def test_odd_tables_of_links(here, text, said):
    (here / "t.csv").write_text(text)
    refused(integrate(here, "--links", here / "t.csv"), said)


@posix
@pytest.mark.parametrize("option", ['links = "pipe"', 'links = "/dev/zero"', 'reference = ["/dev/zero"]'])
def test_settings_that_name_what_never_ends(here, option):
    os.mkfifo(here / "pipe")
    (here / "s.toml").write_text(f"[options]\n{option}\n")
    refused(integrate(here, "--config", here / "s.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[options]\noverwrite = true\n", "unknown key"),
        ("x = " + "[" * 50_000, "cannot be read"),
        ("[options]\nseed = " + "9" * 5000, "cannot be read"),
        ("[config]\nn_rounds = 1000000000\n", "n_rounds is out of its range"),
    ],
)
def test_odd_settings(here, text, said):
    (here / "s.toml").write_text(text)
    views = f"rna={here}/rna.h5ad", f"adt={here}/adt.h5ad"
    refused(call("integrate", *views, "--out", here / "out", "--config", here / "s.toml", "-q"), said)


# ---- matrices as text ------------------------------------------------------------------------------------------------


def matrix_folder(here, *, matrix=HEAD + b"60 80 0\n", features=None, barcodes=None):
    folder = here / "mtx"
    folder.mkdir()
    (folder / "matrix.mtx.gz").write_bytes(matrix if matrix.startswith(b"\x1f\x8b") else gzip.compress(matrix))
    usual = "".join(f"E{i}\tG{i}\tGene Expression\n" for i in range(60)).encode()
    (folder / "features.tsv.gz").write_bytes(features or gzip.compress(usual))
    names = "".join(f"B{i}\n" for i in range(80)).encode()
    (folder / "barcodes.tsv.gz").write_bytes(barcodes or gzip.compress(names))
    return folder


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"matrix": gzip.compress(HEAD + b"60 80 10\n") + gzip.compress(b"1 1 1\n" * 10**6) * 6}, "more entries than"),
        ({"matrix": gzip.compress(HEAD) + gzip.compress(b"%\n" * 10**6)}, "too many comments"),
        ({"matrix": HEAD + b"60 80 1\n99999999999999999999 1 1\n"}, "cannot be read"),
        ({"matrix": HEAD + b"2147483648 80 0\n"}, "its shape is impossible"),
        ({"barcodes": gzip.compress(b"\n" * 10**6) * 100}, "the lists of names differ in size"),
        ({"features": gzip.compress(b"\t" * 10**7 + b"\n" + b"a\tb\tc\n" * 59)}, ""),
    ],
    ids=["entries", "comments", "index", "shape", "barcodes", "fields"],
)
def test_odd_folders_of_a_matrix(here, parts, said):
    answered(look(here, matrix_folder(here, **parts)), said)


@posix
def test_lines_of_a_file_outside_do_not_become_names(here):
    folder = matrix_folder(here)
    (folder / "barcodes.tsv.gz").rename(here / "secret")
    (folder / "barcodes.tsv.gz").symlink_to(here / "secret")
    refused(look(here, folder), "barcodes.tsv.gz cannot be used", "a symbolic link")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'cell,CD4,CD8,CD19\n"B1,1,2,3\n' + b"B2,1,2,3\n" * 10**5, ""),
        (b"cell,CD4,CD8,CD19\n" + b"cell_1,1e300,2,3\n" * 20, "numbers that need more than 32 bits"),
        (b"cell,CD4,CD8,CD19\n" + b"cell_1\0,1,2,3\n" * 20, "is not text"),
    ],
)
def test_odd_tables_of_counts(here, text, said):
    (here / "x.csv").write_bytes(text)
    answered(look(here, here / "x.csv"), said)


# ---- HDF5 ------------------------------------------------------------------------------------------------------------


def renamed(file, table, name):
    """Replace the first name of a table by bytes."""
    key = file[table].attrs["_index"]
    names = [name, *file[table][key][1:]]
    told = dict(file[table][key].attrs)
    del file[table][key]
    file[table].create_dataset(key, data=np.array(names, object), dtype=h5py.string_dtype())
    file[table][key].attrs.update(told)


SPOIL = {
    "a name that is not UTF-8": lambda f: renamed(f, "obs", b"a\xff\xfe"),
    "a surrogate": lambda f: renamed(f, "var", b"\xed\xa0\x80"),
    "a column that is not UTF-8": lambda f: h5py.h5o.link(f["obs/cell_type"].id, f["obs"].id, b"bad\xff"),
    "a column twice": lambda f: f["obs"].attrs.__setitem__("column-order", ["cell_type", "cell_type"]),
    "negative starts": lambda f: f["X/indptr"].__setitem__(5, -3),
    "starts beyond the end": lambda f: f["X/indptr"].__setitem__(-1, 2**31 - 1),
    "indices beyond the end": lambda f: f["X/indices"].__setitem__(0, 2**31 - 1),
    "a width of 2^40": lambda f: f["X"].attrs.__setitem__("shape", [60, 2**40]),
}


@pytest.mark.parametrize("kind", SPOIL)
def test_odd_hdf5(here, kind):
    with h5py.File(here / "rna.h5ad", "r+") as file:
        SPOIL[kind](file)
    answered(look(here, here / "rna.h5ad"))


def test_columns_with_the_names_of_results(here):
    adata = ad.read_h5ad(here / "rna.h5ad")
    for name in ("crosstie_view", "crosstie_confidence", "crosstie_cell_type", "crosstie_novelty", "view", "cell"):
        adata.obs[name] = [f"x{i % 3}" for i in range(60)]
    adata.write_h5ad(here / "rna.h5ad")
    answered(integrate(here, "--label-key", "cell_type"))
    for to, out in (("h5ad", "x.h5ad"), ("r", "x")):
        answered(call("export", here / "out", "--to", to, "--out", here / out, "--use-anyway", "-q"))


def test_names_of_megabytes(here):
    adata = ad.read_h5ad(here / "rna.h5ad")
    adata.var_names = ["A" * 10**6, "-1" * 10**5, "ACGT" * 10**5 + "-1-", *adata.var_names[3:]]
    adata.obs_names = ["ACGT-" * 2000 + str(i) for i in range(60)]
    adata.write_h5ad(here / "rna.h5ad")
    answered(look(here, here / "rna.h5ad"))


# ---- zarr ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["codec", "fill value", "deep"])
def test_odd_stores(here, kind):
    store = here / "rna.zarr"
    ad.read_h5ad(here / "rna.h5ad").write_zarr(store)
    for file in (*store.rglob(".zarray"), *store.rglob("zarr.json")):
        about = json.loads(file.read_text())
        if kind == "codec":
            odd = {"codecs": [{"name": "os.system", "configuration": {"x": "id"}}]}
            about |= odd if about.get("node_type") == "array" else {"compressor": {"id": "os.system"}}
        elif kind == "fill value":
            about["fill_value"] = {"a": 1}
        file.write_text(json.dumps(about))
    if kind == "deep":
        for depth in range(1, 400):
            (store / "/".join(["a"] * depth)).mkdir()
    answered(look(here, store))


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_names_forge_no_line_of_check(here):
    adata = ad.read_h5ad(here / "adt.h5ad")
    adata.var_names = ["IgG1\n✗ forged", "Hashtag1\x1b[2J", *adata.var_names[2:]]
    adata.obs["batch"] = ["x\nforged" if i % 2 else "y" for i in range(60)]
    adata.obs["cell_type"] = ["T\nforged" if i % 2 else "B\u202e" for i in range(60)]
    adata.write_h5ad(here / "adt.h5ad")
    words = "--batch-key", "adt=batch", "--label-key", "cell_type"
    result = call("check", f"rna={here}/rna.h5ad", f"adt={here}/adt.h5ad", *words)
    answered(result)
    for sign in ("\nforged", "\n✗ forged", "\x1b", "\u202e"):
        assert sign not in result.output, result.output


def test_markup_in_names_of_views_and_labels(here):
    for name in ("rna", "adt"):
        adata = ad.read_h5ad(here / f"{name}.h5ad")
        adata.obs["cell_type"] = [
            ("</script><img src=x onerror=alert(1)>", "$\\frac{", "_x", "%s%n")[i % 4] for i in range(60)
        ]
        adata.write_h5ad(here / f"{name}.h5ad")
    odd = call("integrate", f"%s$\\frac{{={here}/rna.h5ad", f"adt={here}/adt.h5ad", "--out", here / "out", "-q")
    refused(odd, "cannot be used in file names")
    answered(result := integrate(here, "--label-key", "cell_type"))
    assert result.exit_code == 0, result.output
    answered(call("report", here / "out", "--no-verdict", "-q"))
    assert "<img src=x" not in (here / "out" / "report.html").read_text(encoding="utf-8")
    answered(call("figures", here / "out", "--out", here / "figures", "--format", "svg", "-q"))


# ---- FCS, loom, Cell Ranger ------------------------------------------------------------------------------------------


def fcs(path, **changes):
    n, keys = 50, {"$BYTEORD": "1,2,3,4", "$DATATYPE": "F", "$MODE": "L", "$NEXTDATA": "0", "$PAR": "4", "$TOT": "50"}
    keys |= {f"${word}{part}": "0" for word in ("BEGIN", "END") for part in ("ANALYSIS", "STEXT")}
    keys |= {"$BEGINDATA": "4096", "$ENDDATA": str(4096 + 16 * n - 1)}
    for i in range(1, 5):
        keys |= {f"$P{i}B": "32", f"$P{i}E": "0,0", f"$P{i}N": f"F{i}", f"$P{i}S": f"CD{i + 2}", f"$P{i}R": "1024"}
    keys |= {key.replace("_", "$"): value for key, value in changes.items()}
    text = "/" + "/".join(f"{key}/{value}" for key, value in keys.items()) + "/"
    head = f"FCS3.0    {256:8d}{255 + len(text):8d}{4096:8d}{4096 + 16 * n - 1:8d}{0:8d}{0:8d}"
    events = struct.pack(f"<{4 * n}f", *np.random.default_rng(0).random(4 * n))
    path.write_bytes((head.ljust(256) + text).encode().ljust(4096) + events)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"_TOT": "9" * 12}, {"_PAR": "9" * 9}, {"_ENDDATA": "9" * 12}, {"_DATATYPE": "I", "_P1B": "9" * 11},
        {"_DATATYPE": "A"}, {"_DATATYPE": "I", "_P1R": "1" + "0" * 300, "_P1E": "400,0"},
        {"_P1G": "0", "_P2G": "nan", "timestep": "nan"}, {"SPILL": "2,F1,F2,nan,1,inf,1"},
        {"SPILL": "1" * 30 + ",F1"}, {"_P1N": "../../x", "_P2N": "a\x1b[2J", "_P3S": "CD4\nforged"},
    ],
)  # fmt: skip
def test_odd_fcs(here, changes):
    pytest.importorskip("flowio")
    result = call("check", f"cytof={fcs(here / 'x.fcs', **changes)}", f"adt={here}/adt.h5ad", "--quick")
    answered(result)
    assert "\x1b" not in result.output
    assert "\nforged" not in result.output


def test_a_loom_of_zeros_that_are_not_there(here):
    with h5py.File(here / "x.loom", "w") as file:
        file.create_dataset("matrix", (30_000, 300_000), "f4", chunks=(64, 64), compression="gzip")
        file["row_attrs/Gene"] = np.array([b"a"] * 10)
        file["col_attrs/CellID"] = np.array([b"a"] * 10)
    refused(look(here, here / "x.loom"), "unpacks to much more than its size")


def test_cell_ranger_with_odd_names_and_numbers(here):
    for data, indices in ((np.ones(80), np.arange(80) % 60), (np.full(80, np.inf), np.full(80, np.nan))):
        with h5py.File(here / "x.h5", "w") as file:
            found = {"data": data, "indices": indices, "indptr": np.arange(81), "shape": np.array([60, 80])}
            found |= {"barcodes": np.array([b"B\0%d\x1b[2J" % i for i in range(80)])}
            found |= {f"features/{key}": np.array([b"G\xff%d" % i for i in range(60)]) for key in ("id", "name")}
            found |= {"features/feature_type": np.array([b"Gene\nExpression"] * 60)}
            for name, values in found.items():
                file[f"matrix/{name}"] = values
        result = look(here, here / "x.h5")
        answered(result)
        assert "\x1b" not in result.output


# ---- places ----------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe", "content", "link"])
def test_odd_things_at_the_place_of_the_lock(here, kind):
    lock, victim = here / ".out.lock", here / "victim"
    victim.write_text("mine")
    if kind == "folder":
        lock.mkdir()
    elif kind == "pipe":
        os.mkfifo(lock)
    elif kind == "link":
        lock.symlink_to(victim)
    else:
        lock.write_text("mine")
    refused(integrate(here), "is not a lock of crosstie")
    assert victim.read_text() == "mine"


@posix
def test_learned_links_are_not_written_through_a_link(here):
    victim, reference = here / "victim", here / "p.h5mu"
    victim.write_text("mine")
    (here / "o.npz").symlink_to(victim)
    views = dict(xt.datasets.simulate_citeseq(n_cells=100, n_genes=60, n_proteins=12, seed=0).mod)
    for adata in views.values():
        adata.obs_names = [f"c{i}" for i in range(adata.n_obs)]
    md.MuData(views).write(reference)
    answered(call("learn", reference, "--out", here / "o.npz", "-q"))
    assert victim.read_text() == "mine"
