"""Links learned from a reference: what they predict, how they join other data, and their file."""

import io
import json
import os
import zipfile

import anndata as ad
import numpy as np
import pytest

from crosstie.links import LearnedLinks, learn


def paired(n=400, n_genes=40, seed=0, names=None):
    """Return cells with three programs of genes; P0 follows the first, P1 the opposite of the second, P2 nothing."""
    rng = np.random.default_rng(seed)
    program = rng.normal(size=(n, 3))
    rate = np.exp(np.log(5) + program[:, np.arange(n_genes) % 3])
    adt = np.exp(np.log(50) + np.column_stack([program[:, 0], -program[:, 1], rng.normal(size=n)]))
    out = {
        "rna": ad.AnnData(rng.poisson(rate).astype(np.float32)),
        "adt": ad.AnnData(rng.poisson(adt).astype(np.float32)),
    }
    out["rna"].var_names = names or [f"G{i}" for i in range(n_genes)]
    out["adt"].var_names = ["P0", "P1", "P2"]
    for adata in out.values():
        adata.obs_names = [f"cell-{i}" for i in range(n)]
    return out


@pytest.fixture(scope="module")
def learned():
    return learn(paired(), "rna", "adt")


def test_what_follows_is_predicted_and_noise_is_not(learned):
    r = dict(zip(learned.predicted, learned.r, strict=True))
    assert r["P0"] > 0.7
    assert r["P1"] > 0.7
    assert abs(r["P2"]) < 0.2


def test_weights_have_the_sign_and_the_genes_of_the_relation(learned):
    pairs = learned.link(paired(seed=1), "rna", "adt").pairs
    program = pairs["source"].str[1:].astype(int) % 3
    total = pairs.groupby([pairs["target"], program])["weight"].sum()
    assert total["P0", 0] > 3 * abs(total["P0", 1])
    assert total["P1", 1] < -3 * abs(total["P1", 0])
    assert "P2" not in set(pairs["target"])


def test_a_column_predicts_the_protein_in_other_cells(learned):
    other = paired(seed=1)
    link = learned.link(other, "rna", "adt")
    genes, proteins = (side.toarray() for side in link.projections(other["rna"].var_names, other["adt"].var_names))
    x, y = np.log1p(other["rna"].X) @ genes, np.log1p(other["adt"].X) @ proteins
    assert all(np.corrcoef(x[:, j], y[:, j])[0, 1] > 0.7 for j in range(2))


def test_genes_that_the_data_lack_are_made_up_for(learned):
    few = paired(seed=1)
    few["rna"] = few["rna"][:, 20:]
    weights = learned.weights(np.arange(40) >= 20)
    assert not weights[:20].any()
    x = np.log1p(few["rna"].X)
    assert np.corrcoef((x - x.mean(0)) @ weights[20:, 0], np.log1p(few["adt"].X)[:, 0])[0, 1] > 0.7


def test_antibodies_are_joined_by_protein_and_genes_ignoring_case():
    reference = paired(names=[f"Gene{i}" for i in range(40)])
    reference["adt"].var_names = ["CD3_UCHT1", "ADT_CD19_A0050", "IgG1-isotype"]
    data = paired(seed=1, names=[f"GENE{i}" for i in range(40)])
    data["adt"].var_names = ["CD19", "CD3", "IgG1 isotype"]
    link = learn(reference, "rna", "adt").link(data, "rna", "adt")
    status = dict(zip(link.report["feature"], link.report["entry"], strict=True))
    assert status == {"CD19": "ADT_CD19_A0050", "CD3": "CD3_UCHT1", "IgG1 isotype": ""}


def test_too_few_shared_cells_are_refused():
    data = paired()
    data["adt"].obs_names = [f"other-{i}" for i in range(400)]
    with pytest.raises(ValueError, match=r"share too few cells.*\n.*0 names in both"):
        learn(data, "rna", "adt")


def test_nothing_in_common_is_one_clear_error(learned):
    data = paired(names=[f"X{i}" for i in range(40)])
    with pytest.raises(ValueError, match="predicts none of the features"):
        learned.link(data, "rna", "adt")


def test_a_saved_file_gives_the_same_links_and_holds_no_cells(learned, tmp_path):
    learned.save(tmp_path / "learned.npz")
    again = LearnedLinks.load(tmp_path / "learned.npz")
    data = paired(seed=1)
    first, second = (x.link(data, "rna", "adt").pairs for x in (learned, again))
    assert (first["source"] == second["source"]).all()
    assert np.allclose(first["weight"], second["weight"], atol=1e-5)
    with np.load(tmp_path / "learned.npz") as found:
        assert all(learned.n_cells not in found[name].shape for name in found.files)


@pytest.mark.parametrize("change", ["truncated", "shape", "version", "noise", "pickled", "empty"])
def test_a_damaged_file_is_one_clear_error(learned, tmp_path, change):
    path = tmp_path / "learned.npz"
    learned.save(path)
    with np.load(path) as found:
        arrays = dict(found)
    head = json.loads(arrays["head"].tobytes())
    if change == "shape":
        arrays["r"] = arrays["r"][1:]
    if change == "version":
        arrays["head"] = np.frombuffer(json.dumps(head | {"version": 99}).encode(), np.uint8)
    if change == "noise":
        arrays["noise"] = -arrays["noise"]
    if change == "pickled":
        arrays["r"] = np.array([{}, {}, {}], object)
    np.savez(path, **arrays)
    if change == "truncated":
        path.write_bytes(path.read_bytes()[:-500])
    if change == "empty":
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"learned\.npz cannot be read"):
        LearnedLinks.load(path)


def header(shape, kind="<f4"):
    """The beginning of an array in a file, without the array."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue()


MEMBERS = {  # of the archive: what is in the place of `noise`
    "more values than bytes": header((10**13,)),
    "fewer than none": header((-5,)),
    "text": header((2,), "<U4") + bytes(32),
    "objects": header((1,), "|O") + b"cos\nsystem\n(S'true'\ntR.",
    "no array": bytes(1000),
}
HEADS = {"n_cells": float("inf"), "predicted": 5, "modalities": [[]], "features": [{}]}


@pytest.mark.parametrize("change", [*MEMBERS, *HEADS, "deep", "scalar", "packed", "encrypted", "other method"])
def test_a_file_of_someone_else_is_one_clear_error(learned, tmp_path, change):
    good, path = tmp_path / "good.npz", tmp_path / "learned.npz"
    learned.save(good)
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "head.npy":
                if change in HEADS:
                    found = json.loads(np.load(io.BytesIO(content)).tobytes()) | {change: HEADS[change]}
                    text = json.dumps(found).encode()
                else:
                    text = b"[" * 100_000
                if change in HEADS or change == "deep":
                    content = header((len(text),), "|u1") + text
            if name == "noise.npy":
                content = MEMBERS.get(change, content)
            if name == "factors.npy" and change == "scalar":
                content = header(()) + bytes(4)
            other.writestr(name, content)
    spoilt = bytearray(path.read_bytes())
    if change == "packed":
        at = spoilt.index(b"factors.npy") + 11
        spoilt[at : at + 200] = bytes(255 - i for i in range(200))
    for sign, flags, method in ((b"PK\x01\x02", 8, 10), (b"PK\x03\x04", 6, 8)):
        at = spoilt.find(sign)
        while at >= 0 and change in ("encrypted", "other method"):
            spoilt[at + (flags if change == "encrypted" else method)] = 1 if change == "encrypted" else 99
            at = spoilt.find(sign, at + 4)
    path.write_bytes(spoilt)
    with pytest.raises(ValueError, match=r"learned\.npz cannot be read"):
        LearnedLinks.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "learned.npz")
    with pytest.raises(ValueError, match=r"learned\.npz cannot be read"):
        LearnedLinks.load(tmp_path / "learned.npz")
