"""What is fuzzed: functions of bytes that return, or raise an `AssertionError` where crosstie did wrong.

Right is a result that keeps its promises, or one of our own errors. Coverage-guided fuzzing (`run_atheris.py`) finds
the bytes; `test_targets.py` runs the seeds in `corpus/` and what was found before, without atheris.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from typer.testing import CliRunner

import crosstie as xt
from crosstie._errors import InputError
from crosstie.cli import app
from crosstie.data.peaks import parse_peaks
from crosstie.data.read_files import read_views
from crosstie.data.view import read_slot
from crosstie.links import antibody_names, recognise
from crosstie.model.save import SETTINGS, WEIGHTS
from crosstie.runs.read import read as read_run

CORPUS = Path(__file__).with_name("corpus")
GENES = ["CD4", "CD8A", "MS4A1", "PTPRC", "NCAM1", "ITGAX", "CD19", "CD14"]
ODD = [None, True, False, -1, 0, 1, 2, 0.5, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "x", "a", "rna",
       "adt", "X", "none", "\0", "2", [], {}, [0], [0, 1], ["rna", "adt"], [[0, 1]], {"rna": "adt"}]  # fmt: skip
PROTEINS = ["CD4", "CD8a", "CD20", "CD45RA", "CD56", "CD11c"]


@dataclass(frozen=True)
class Target:
    """One thing that is fuzzed.

    Parameters
    ----------
    run
        Takes bytes.
    max_len
        Longest input worth a try.
    """

    run: Callable[[bytes], None]
    max_len: int = 512


def in_our_words(call: Callable[[], object]) -> object:
    """Return what a call returns, or `None` where it raised one of our errors; a warning of a library is no answer."""
    logging.getLogger("crosstie").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return call()
        except InputError as error:
            if not str(error):
                raise AssertionError("an error without a message") from error
            return None


def label(data: bytes) -> None:
    """Look an antibody's label up; its normal form is its own normal form."""
    text = data.decode("utf-8", "replace")
    normal = antibody_names.key(text)
    assert antibody_names.key(normal) == normal, f"{text!r} -> {normal!r} -> {antibody_names.key(normal)!r}"
    assert len(normal) <= antibody_names.MAX_LENGTH
    entry = antibody_names.lookup(text)
    assert entry is None or entry in antibody_names.entries()
    assert entry is None or antibody_names.control(text) is None
    assert recognise([text]).shape == (1, 5)
    assert len(list(antibody_names.candidates(text))) < 1000


def slot(data: bytes) -> None:
    """Read a slot of an AnnData whose layer has a name as odd as the slot: what is there is found."""
    name, _, wanted = data.decode("utf-8", "replace").partition("\n")
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    adata = ad.AnnData(x)
    adata.layers[name], adata.obsm[name] = x + 1, x[:, :2]
    found = in_our_words(lambda: read_slot(adata, wanted, view="v"))
    there = {"X": x, f"layers/{name}": x + 1, f"obsm/{name}": x[:, :2]}
    assert (found is not None) == (wanted in there)
    if found is not None:
        matrix, features = found
        assert np.array_equal(matrix, there[wanted])
        assert features.is_unique
        assert len(features) == matrix.shape[1]


def peaks(data: bytes) -> None:
    """Read peaks from names, a column of names, or three columns; what was read, written as a name, reads the same."""
    kind, *lines = data.decode("utf-8", "replace").split("\n")
    var = pd.DataFrame(index=pd.Index([str(i) for i in range(len(lines))], dtype=object))
    if kind == "interval":
        var["interval"] = pd.array([None if line == "-" else line for line in lines], dtype=object)
    elif kind == "columns":
        fields = [[*line.split("\t"), "", ""][:3] for line in lines]
        for j, column in enumerate(("chrom", "start", "end")):
            var[column] = pd.array([f[j] for f in fields], dtype=object)
    else:
        var.index = pd.Index(lines, dtype=object)
    found = in_our_words(lambda: parse_peaks(var))
    if found is None:
        return
    assert len(found) == len(lines)
    good = found[(found["start"] >= 0).to_numpy()]
    assert (good["start"] < good["end"]).all()
    for chrom, start, end in good.itertuples(index=False):
        if chrom.strip() != chrom or ":" in chrom or any(c.isspace() for c in chrom) or end >= 10**12:
            continue
        again = parse_peaks(pd.DataFrame(index=[f"{chrom}:{start}-{end}"]))
        assert tuple(again.iloc[0]) == (chrom, start, end)


def table(data: bytes) -> None:
    """Link by a table of any content; the first byte says what the file is called."""
    ending = (".csv", ".tsv", ".csv.gz", ".txt", ".csv.zip", ".csv.xz")[data[0] % 6 if data else 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table" + ending)
        path.write_bytes(data[1:])
        link = in_our_words(lambda: xt.links.by_table(_panel(), "adt", "rna", path))
    if link is not None:
        assert set(link.pairs["source"]) <= set(PROTEINS)
        assert set(link.pairs["target"]) <= set(GENES)
        weight = link.pairs.groupby("source")["weight"].sum()
        assert np.allclose(weight, 1)


def settings(data: bytes) -> None:
    """Load a saved model whose JSON is these bytes, or the right one with changed values.

    The first byte tells which model; `{` makes the rest the JSON itself. Else three bytes are a change: two choose the
    place, one the value.
    """
    saved = _saved(data[:1] == b"t")
    text = data[1:]
    if text[:1] != b"{":
        found = json.loads((saved / SETTINGS).read_text(encoding="utf-8"))
        for at in range(0, len(text) - 2, 3):
            places = list(_places(found))
            if places:
                holder, key = places[int.from_bytes(text[at : at + 2]) % len(places)]
                holder[key] = copy.deepcopy(ODD[text[at + 2] % len(ODD)])
        text = json.dumps(found).encode()
    _load_and_embed(saved, text, (saved / WEIGHTS).read_bytes())


def weights(data: bytes) -> None:
    """Load a saved model whose arrays are these bytes, with a checksum that fits them."""
    saved = _saved(trained=False)
    found = json.loads((saved / SETTINGS).read_text(encoding="utf-8"))
    found["weights_sha256"] = hashlib.sha256(data).hexdigest()
    _load_and_embed(saved, json.dumps(found).encode(), data)


def config(data: bytes) -> None:
    """Read settings from any text; what was read, written, reads the same."""
    text = data.decode("utf-8", "replace")
    found = in_our_words(lambda: xt.Config.from_json(text))
    if found is not None:
        assert xt.Config.from_json(found.to_json()) == found


def run_folder(data: bytes) -> None:
    """Read the folder of a run in which some files were changed: patched, cut, replaced, swapped, linked or removed.

    Each change is four bytes: the file, the kind of change, and two for the place; text up to a line break follows.
    """
    whole = _run()
    with tempfile.TemporaryDirectory() as folder:
        spoilt = Path(folder, "run")
        shutil.copytree(whole, spoilt)
        files = sorted(f for f in spoilt.rglob("*") if f.is_file())
        for change in data.split(b"\n")[:6]:
            _spoil(files, change)
        found = in_our_words(lambda: read_run(spoilt))
    if found is not None:
        assert all(np.isfinite(z).all() for z in found.model.latents.values())


def _spoil(files: list[Path], change: bytes) -> None:
    which, kind, high, low, *_ = (*change[:4], 0, 0, 0, 0)
    file, text = files[which % len(files)], change[4:]
    old = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
    at = (256 * high + low) * max(1, len(old)) // 65536
    file.unlink(missing_ok=True)
    if kind % 8 == 0:
        file.write_bytes(old[:at] + text + old[at + len(text) :])
    elif kind % 8 == 1:
        file.write_bytes(old[:at] + text + old[at:])
    elif kind % 8 == 2:
        file.write_bytes(old[:at])
    elif kind % 8 == 3:
        file.write_bytes(text)
    elif kind % 8 == 4:
        file.symlink_to(files[low % len(files)])
    elif kind % 8 == 5:
        os.mkfifo(file)
    elif kind % 8 == 6 and files[low % len(files)].is_file():
        file.write_bytes(files[low % len(files)].read_bytes())
    elif kind % 8 == 7 and file.suffix == ".json":
        found = json.loads(old or b"{}")
        places = list(_places(found)) if isinstance(found, dict) else []
        if places:
            holder, key = places[at % len(places)]
            holder[key] = copy.deepcopy(ODD[(text or b"0")[0] % len(ODD)])
        file.write_text(json.dumps(found), encoding="utf-8")


def store(data: bytes) -> None:
    """Read a zarr store in which files were changed, as `run_folder` changes them."""
    with tempfile.TemporaryDirectory() as folder:
        spoilt = Path(folder, "x.zarr")
        shutil.copytree(_zarr(), spoilt)
        files = sorted(f for f in spoilt.rglob("*") if f.is_file())
        for change in data.split(b"\n")[:6]:
            _spoil(files, change)
        found = in_our_words(lambda: read_views({"rna": spoilt}))
    if found is not None:
        assert set(found) == {"rna"}


def counts(data: bytes) -> None:
    """Read a table of text, a folder of a matrix or a file of Cell Ranger, whatever is in it.

    The first byte says which. In a folder, NUL separates the matrix, the features and the barcodes. A file of Cell
    Ranger is the right one with changed bytes: two choose the place, one is the value.
    """
    kind, text = data[:1], data[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cr.h5" if kind == b"h" else "adt.tsv" if kind == b"t" else "adt.csv")
        if kind == b"m":
            path = Path(folder, "matrix")
            path.mkdir()
            for name, part in zip(("matrix.mtx", "features.tsv", "barcodes.tsv"), text.split(b"\0"), strict=False):
                Path(path, name).write_bytes(part)
        elif kind == b"h":
            content = bytearray(_cell_ranger())
            for at in range(0, len(text) - 2, 3):
                content[int.from_bytes(text[at : at + 2]) % len(content)] = text[at + 2]
            path.write_bytes(content)
        else:
            path.write_bytes(text)
        found = in_our_words(lambda: xt.read(path, cells="rows" if kind == b"r" else None))
    for adata in (found or {}).values():  # type: ignore[attr-defined]
        assert adata.X.dtype == np.float32
        assert adata.X.shape == (len(adata.obs), len(adata.var))
        assert adata.X.has_sorted_indices
        assert not adata.X.nnz or adata.X.indices.max() < adata.n_vars


TARGETS = {
    "counts": Target(counts),
    "label": Target(label, 256),
    "slot": Target(slot, 64),
    "peaks": Target(peaks),
    "table": Target(table),
    "config": Target(config),
    "settings": Target(settings, 2048),
    "weights": Target(weights, 8192),
    "run": Target(run_folder),
    "store": Target(store),
}


@cache
def _run() -> Path:
    """Return the folder of a small run."""
    made = xt.datasets.simulate_citeseq(n_cells=30, n_genes=20, n_proteins=8, seed=0)
    folder = Path(tempfile.mkdtemp(prefix="crosstie-fuzz-"))
    for name, adata in made.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    words = ["--set", "n_components=3", "--set", "n_latent=2", "--set", "n_rounds=1", "--set", "n_neighbors=5"]
    views = [f"{name}={folder / name}.h5ad" for name in made.mod]
    done = CliRunner().invoke(app, ["integrate", *views, "--out", str(folder / "run"), "--no-plots", "-q", *words])
    assert done.exit_code == 0, done.output
    parts = [
        pd.DataFrame({"view": name, "row": range(30), "cell": a.obs_names, "umap_1": 0.5, "umap_2": 1.0})
        for name, a in made.mod.items()
    ]
    pd.concat(parts).to_csv(folder / "run" / "umap.csv", index=False)  # or every try would compute the map
    logging.getLogger("crosstie").setLevel(logging.CRITICAL)
    return folder / "run"


@cache
def _zarr() -> Path:
    """Return a small zarr store."""
    made = xt.datasets.simulate_citeseq(n_cells=12, n_genes=20, n_proteins=5, seed=0).mod["rna"]
    folder = Path(tempfile.mkdtemp(prefix="crosstie-fuzz-"))
    del made.uns
    made.obs = made.obs[["cell_type"]]
    made.write_zarr(folder / "x.zarr")
    return folder / "x.zarr"


@cache
def _panel() -> dict[str, ad.AnnData]:
    return {"rna": ad.AnnData(var=pd.DataFrame(index=GENES)), "adt": ad.AnnData(var=pd.DataFrame(index=PROTEINS))}


@cache
def _cell_ranger() -> bytes:
    """Return a file of Cell Ranger with two cells, two genes and an antibody."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        matrix = file.create_group("matrix")
        for name, values in (("data", [1, 2, 3]), ("indices", [0, 2, 1]), ("indptr", [0, 2, 3]), ("shape", [3, 2])):
            matrix[name] = np.array(values, "i4")
        matrix["barcodes"] = np.array(["AAAC-1", "AAAG-1"], "S6")
        for name, text in (("id", ["E1", "E2", "CD3"]), ("name", ["CD4", "CD19", "CD3"])):
            matrix[f"features/{name}"] = np.array(text, "S4")
        matrix["features/feature_type"] = np.array(["Gene Expression"] * 2 + ["Antibody Capture"], "S16")
    return memory.getvalue()


@cache
def _saved(trained: bool) -> Path:
    """Return the folder of a model as small as they come; `weights` of the corpus is its file."""
    rng = np.random.default_rng(0)
    data = {
        name: ad.AnnData(rng.poisson(3, (12, len(columns))).astype(np.float32), var=pd.DataFrame(index=columns))
        for name, columns in (("rna", GENES), ("adt", PROTEINS))
    }
    data["rna"].obs["donor"] = pd.Categorical(["a", "b"] * 6)
    training = {"training": "full", "n_steps": 1, "hidden": 2, "critic_hidden": 2, "batch_size": 4} if trained else {}
    settings = xt.Config(n_components=3, n_latent=2, n_rounds=1, n_sketch=10, n_neighbors=2, **training)
    logging.getLogger("crosstie").setLevel(logging.CRITICAL)
    model = xt.integrate(data, config=settings, batch_key={"rna": "donor"})
    folder = Path(tempfile.mkdtemp(prefix="crosstie-fuzz-"))
    model.save(folder / "model")
    return folder / "model"


def _load_and_embed(saved: Path, text: bytes, arrays: bytes) -> None:
    """Load a model from a copy with other files; one that loads can place new cells, or says why it cannot."""
    new = ad.AnnData(np.ones((3, len(GENES)), np.float32), var=pd.DataFrame(index=GENES))
    with tempfile.TemporaryDirectory() as folder:
        spoilt = Path(folder, "model")
        shutil.copytree(saved, spoilt)
        (spoilt / SETTINGS).write_bytes(text)
        (spoilt / WEIGHTS).write_bytes(arrays)
        model = in_our_words(lambda: xt.Model.load(spoilt))
    if model is not None:
        z = in_our_words(lambda: model.embed("rna", new))
        assert z is None or (z.shape[0] == 3 and np.isfinite(z).all())


def _places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in nested lists and dictionaries, as what holds it and its key; of long lists three places."""
    keys = list(found) if isinstance(found, dict) else sorted({0, 1, len(found) - 1} & set(range(len(found))))
    for key in keys:
        yield found, key
        if isinstance(found[key], dict | list):
            yield from _places(found[key])
