"""Subject: security. Untrusted files run no code, lead nowhere else and do not unpack to too much; src is clean."""

import ast
import gzip
import io
import json
import os
import pickle
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import crosstie as xt
from crosstie.cli import app
from crosstie.datasets.download import integrity
from crosstie.datasets.download.archives import unpack_gzip
from crosstie.datasets.download.integrity import check_complete
from crosstie.model.resume import ResumeFolder

SRC = Path(xt.__file__).parent
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "yaml", "subprocess"}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_CALLS = {
    "torch.load", "torch.save", "pd.read_pickle", "os.system", "os.popen", "yaml.load", "np.fromregex", "np.memmap",
}  # fmt: skip


def folder_of(folder, model, seed):
    return ResumeFolder(folder, model.inputs, model.config, seed)


class Canary:
    """An object that makes a file as soon as it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture
def pickled(tmp_path):
    """Pickled bytes that would run code; afterwards, that they did not."""
    canary = tmp_path / "canary"
    data = pickle.dumps(Canary(canary))
    yield data
    assert not canary.exists(), "code in a file was run"
    pickle.loads(data).close()
    assert canary.exists(), "the canary cannot sing: this test would see nothing"


@pytest.fixture(scope="module")
def model():
    data = xt.datasets.simulate_citeseq(n_cells=60, n_genes=120, n_proteins=20, seed=0)
    return xt.integrate(data, config=xt.Config(n_rounds=1, n_sketches=1, n_components=20))


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def views(tmp_path):
    mdata = xt.datasets.simulate_citeseq(n_cells=60, n_genes=120, n_proteins=20, seed=0)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    return tmp_path


def integrate(folder, *words):
    words = words or (f"rna={folder}/rna.h5ad", f"adt={folder}/adt.h5ad")
    return CliRunner().invoke(app, ["integrate", *words, "--out", f"{folder}/run", "--no-plots", "--no-verdict"])


# ---- nothing is unpickled -------------------------------------------------------------------------------------------


def dotted(node):
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@pytest.mark.parametrize("file", sorted(SRC.rglob("*.py")), ids=lambda p: str(p.relative_to(SRC)))
def test_source_asks_for_nothing_dangerous(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not FORBIDDEN_IMPORTS & {name.partition(".")[0] for name in names}, ast.unparse(node)
        if isinstance(node, ast.Call):
            called, words = dotted(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert called not in FORBIDDEN_NAMES | FORBIDDEN_CALLS, ast.unparse(node)
            assert not called.endswith((".extractall", ".read_pickle")), ast.unparse(node)
            assert words.get("allow_pickle", "False") == "False", ast.unparse(node)
            assert words.get("shell", "False") == "False", ast.unparse(node)
            assert words.get("verify", "True") == "True", ast.unparse(node)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "obs_0.csv"])
def test_pickle_in_the_place_of_a_file_of_a_model(saved, pickled, name):
    if name == "weights.safetensors":
        import hashlib

        settings = json.loads((saved / "model.json").read_text())
        settings["weights_sha256"] = hashlib.sha256(pickled).hexdigest()
        (saved / "model.json").write_text(json.dumps(settings))
    (saved / name).write_bytes(pickled)
    with pytest.raises(ValueError, match="load: "):
        xt.Model.load(saved)


def test_pickle_among_the_finished_blocks(model, pickled, tmp_path):
    progress = folder_of(tmp_path / "work", model, 0)
    bound = (0, 60)
    progress.keep("rna", bound, model.latents["rna"])
    np.testing.assert_array_equal(progress.find("rna", bound), model.latents["rna"])
    (file,) = (tmp_path / "work").glob("*.npy")
    np.savez(tmp_path / "zipped.npz", x=np.zeros(3))
    zipped = (tmp_path / "zipped.npz").read_bytes()
    for write in (
        lambda: file.write_bytes(pickled),
        lambda: np.save(file, np.array([Canary(tmp_path / "canary")] * 60, dtype=object), allow_pickle=True),
        lambda: file.write_bytes(zipped),
        lambda: file.write_bytes(b""),
    ):
        write()
        assert progress.find("rna", bound) is None


def test_pickle_in_an_h5ad(views, pickled):
    with h5py.File(views / "rna.h5ad", "r+") as file:
        del file["obs"]["_index"]
        file["obs"]["_index"] = np.void(pickled)
        file["uns"]["object"] = np.frombuffer(pickled, np.uint8)
        file["uns"]["object"].attrs["encoding-type"] = "pickle"
    done = integrate(views)
    assert done.exit_code == 2
    assert "rna.h5ad cannot be read" in done.stderr
    (views / "rna.h5ad").write_bytes(pickled)
    assert "not an HDF5 file" in integrate(views).stderr


@pytest.mark.parametrize("where", ["obs/_index", "X/data"])
def test_pickle_in_a_zarr_store(views, pickled, where, monkeypatch):
    # numcodecs refuses by itself, but not in older versions, and not where it was told otherwise
    monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)
    store = views / "rna.zarr"
    pytest.importorskip("zarr")
    with ad.settings.override(zarr_write_format=2):
        ad.read_h5ad(views / "rna.h5ad").write_zarr(store)
    about = json.loads((store / where / ".zarray").read_text())
    about["filters"] = [*(about["filters"] or []), {"id": "pickle", "protocol": 4}]
    (store / where / ".zarray").write_text(json.dumps(about | {"compressor": None}))
    for chunk in (store / where).glob("[0-9]*"):
        chunk.write_bytes(pickled)
    words = (f"rna={store}", f"adt={views}/adt.h5ad")
    done = integrate(views, *words)
    assert done.exit_code == 2
    assert "holds pickled objects" in done.stderr
    assert where in done.stderr
    assert "holds pickled objects" in CliRunner().invoke(app, ["links", *words]).stderr


def test_a_store_without_pickles_is_read(views):
    pytest.importorskip("zarr")
    ad.read_h5ad(views / "rna.h5ad").write_zarr(views / "rna.zarr")
    assert CliRunner().invoke(app, ["links", f"rna={views}/rna.zarr", f"adt={views}/adt.h5ad"]).exit_code == 0


@pytest.mark.parametrize(
    "text", ['{"training": "__import__(\'os\').getpid()"}', '["full"]', "!!python/name:os.system x"]
)
def test_settings_are_data(text):
    with pytest.raises((ValueError, TypeError), match="config: "):
        xt.Config.from_json(text)


# ---- no name leads elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["..", "../../x", "/etc/x", "a\\..\\b", ".hidden", "a\nb"])
def test_names_of_views_that_are_paths(views, name):
    done = integrate(views, f"{name}={views}/rna.h5ad", f"adt={views}/adt.h5ad")
    assert done.exit_code == 2
    assert "cannot be used in file names" in done.stderr
    with h5py.File(views / "both.h5mu", "w") as file:
        for view, path in ((name.replace("/", "|"), "rna"), ("adt", "adt")):
            with h5py.File(views / f"{path}.h5ad") as source:
                source.copy(source, file, f"mod/{view}")
    done = integrate(views, str(views / "both.h5mu"))
    assert done.exit_code == 2
    assert "cannot be used in file names" in done.stderr
    assert not (views / "run").exists()


def test_an_order_of_views_that_are_paths(views):
    with h5py.File(views / "both.h5mu", "w") as file:
        for view in ("rna", "adt"):
            with h5py.File(views / f"{view}.h5ad") as source:
                source.copy(source, file, f"mod/{view}")
        file["mod"].attrs["mod-order"] = ["/mod/rna", "./adt"]
    done = CliRunner().invoke(app, ["links", str(views / "both.h5mu")])
    assert done.exit_code == 0, done.stderr
    assert "/mod" not in done.stdout


@pytest.mark.parametrize("kind", ["link", "external", "virtual"])
def test_an_h5ad_that_takes_its_data_elsewhere(views, kind):
    with h5py.File(views / "rna.h5ad", "r+") as file:
        if kind == "link":
            del file["var"]
            file["var"] = h5py.ExternalLink("secret.h5", "/var")
        elif kind == "external":
            file.create_dataset("obsm/x", (60, 2), "f4", external=[("/etc/passwd", 0, 480)])
        else:
            layout = h5py.VirtualLayout((60, 2), "f4")
            layout[:] = h5py.VirtualSource("secret.h5", "x", (60, 2))
            file.create_virtual_dataset("obsm/x", layout)
    done = integrate(views)
    assert done.exit_code == 2
    assert "takes data from other files" in done.stderr
    assert ("/etc/passwd" if kind == "external" else "secret.h5") in done.stderr


def test_groups_that_hold_themselves_end(views):
    with h5py.File(views / "rna.h5ad", "r+") as file:
        file["uns/self"] = file["uns"]
        file["uns/soft"] = h5py.SoftLink("/uns")
        file["uns/nowhere"] = h5py.SoftLink("/none")
    done = CliRunner().invoke(app, ["links", f"rna={views}/rna.h5ad", f"adt={views}/adt.h5ad"])
    assert done.exit_code == 0, done.stderr


def test_arrays_of_a_model_with_names_that_are_paths(saved):
    import hashlib

    from safetensors.numpy import load_file

    arrays = load_file(saved / "weights.safetensors") | {"../../x": np.zeros(1, np.float32)}
    save_file(arrays, saved / "weights.safetensors")
    settings = json.loads((saved / "model.json").read_text())
    settings["weights_sha256"] = hashlib.sha256((saved / "weights.safetensors").read_bytes()).hexdigest()
    (saved / "model.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"holds unknown arrays.\n  found: '../../x'"):
        xt.Model.load(saved)


def test_the_report_of_a_run_of_others_reads_within_its_folder(model, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "x_to_adt.csv").write_text("cell,label,confidence,novelty\nTOPSECRET,TOPSECRET,1,0\n")
    run = tmp_path / "run"
    (run / "labels_a").mkdir(parents=True)
    model.save(run / "model")
    text = (run / "model" / "model.json").read_text()
    (run / "model" / "model.json").write_text(re.sub(r'(?<!"modality": )"rna"', '"a/../../secret/x"', text))
    (run / "run.json").write_text(json.dumps({"label_key": "cell_type"}))
    places = [f"{view},{row},c,{row},{row}" for view in ("a/../../secret/x", "adt") for row in range(60)]
    (run / "umap.csv").write_text("\n".join(["view,row,cell,umap_1,umap_2", *places]))
    assert (run / "labels_a/../../secret/x_to_adt.csv").exists(), "the trap is not where it should be"
    html = xt.report.write(run).read_text()
    assert "a/../../secret/x" in html
    assert "TOPSECRET" not in html


# ---- nothing unpacks to more than it should -------------------------------------------------------------------------


@pytest.fixture
def bounds(monkeypatch):
    """Return a size that is too much, with bounds that a test can reach."""
    monkeypatch.setattr(integrity, "ALWAYS", 2**20)
    return 8 * 2**20


def gz(size):
    return gzip.compress(b"\0" * size)


def tarred(size):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("x.csv")
        member.size = size
        archive.addfile(member, io.BytesIO(b"\0" * size))
    return out.getvalue()


def zipped(size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", b"\0" * size)
    return out.getvalue()


def hdf5(size):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.create_dataset("x", (size,), "u1", chunks=(min(size, 2**16),), compression="gzip")
    return out.getvalue()


@pytest.mark.parametrize(("name", "made"), [("x.csv.gz", gz), ("x.tar.gz", tarred), ("x.zip", zipped), ("x.h5", hdf5)])
def test_bombs_are_refused(tmp_path, bounds, name, made):
    file = tmp_path / name
    file.write_bytes(made(bounds))
    with pytest.raises(ValueError, match="unpacks to far more data than expected"):
        check_complete(file)
    file.write_bytes(made(1000))
    check_complete(file)


def test_a_bomb_is_not_unpacked_to_the_disk(tmp_path, bounds):
    (tmp_path / "x.h5ad.gz").write_bytes(gz(bounds))
    with pytest.raises(ValueError, match="unpacks to far more data than expected"):
        unpack_gzip(tmp_path / "x.h5ad.gz", tmp_path / "x.h5ad")
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5ad.gz"]


# ---- nothing of the user's is written over --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    mdata = xt.datasets.simulate_citeseq(n_cells=60, n_genes=120, n_proteins=20, seed=0)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    result = integrate(folder)
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture
def done(finished, views):
    shutil.copytree(finished, views / "run")
    return views / "run"


@pytest.mark.parametrize("command", ["report", "diagnose", "transfer"])
@pytest.mark.parametrize("kind", ["result", "lock"])
def test_no_command_writes_through_a_link_in_the_folder_of_a_run(done, tmp_path, command, kind):
    name = "report.html" if command == "report" else "scores.csv"
    words = {
        "report": ("--no-verdict",),
        "diagnose": ("--out", done / name),
        "transfer": ("rna", "adt", "--label-key", "cell_type", "--out", done / name),
    }
    mine = tmp_path / "authorized_keys"
    mine.write_text("mine")
    (done / name).unlink(missing_ok=True)
    (done / (name if kind == "result" else f".{name}.lock")).symlink_to(mine)
    result = CliRunner().invoke(app, [command, str(done), *map(str, words[command])])
    assert mine.read_text() == "mine"
    assert result.exit_code == (0 if kind == "result" else 2), result.output
    assert kind == "lock" or ((done / name).is_file() and not (done / name).is_symlink())


def test_a_pipe_in_the_folder_of_a_run_is_replaced(done):
    os.mkfifo(done / "report.html")
    result = CliRunner().invoke(app, ["report", str(done), "--no-verdict"])
    assert result.exit_code == 0, result.output
    assert (done / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_settings_file_is_not_written_through_a_dangling_link(views, tmp_path):
    (tmp_path / "s.toml").symlink_to(tmp_path / "profile")
    words = (f"rna={views}/rna.h5ad", f"adt={views}/adt.h5ad", "--write-config", f"{tmp_path}/s.toml")
    assert integrate(views, *words).exit_code == 2
    assert not (tmp_path / "profile").exists()


def test_inputs_in_the_folder_to_replace_stay(done, views):
    (done / "rna.h5ad").write_bytes((views / "rna.h5ad").read_bytes())
    result = integrate(views, f"rna={done}/rna.h5ad", f"adt={views}/adt.h5ad", "--overwrite")
    assert result.exit_code == 2
    assert "contains an input" in result.stderr
    assert (done / "rna.h5ad").is_file()


def test_nothing_is_written_into_a_store(views):
    ad.read_h5ad(views / "rna.h5ad").write_zarr(views / "rna.zarr")
    out = views / "rna.zarr" / "run"
    words = ("integrate", f"rna={views}/rna.zarr", f"adt={views}/adt.h5ad", "--out", str(out))
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "lies inside an input" in result.stderr
    assert not out.exists()


def test_demo_leaves_the_folder_of_another_tool_alone(tmp_path):
    (tmp_path / "run.json").write_text('{"tool": "another"}')
    (tmp_path / "thesis.doc").write_text("")
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--n-cells", "100", "--no-plots"])
    assert result.exit_code == 2
    assert "not the folder of an earlier run" in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.json", "thesis.doc"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("links", "rna=rna.h5ad", "adt=adt.h5ad", "--links", "t.csv", "--out", "t.csv"), "t.csv"),
        (("links", "rna=rna.h5ad", "adt=adt.h5ad", "--report", "rna.h5ad"), "rna.h5ad"),
        (("evaluate", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "rna.h5ad"), "rna.h5ad"),
        (("diagnose", "run", "--out", "run/run.json"), "run/run.json"),
        (("diagnose", "run", "--cells", "run/integrated.h5mu"), "run/integrated.h5mu"),
        (("transfer", "run", "rna", "adt", "--label-key", "cell_type", "--out", "run/model/obs_0.csv"), "run/model"),
        (("rerun", "run", "--out", "run/again"), "run"),
    ],
)
def test_no_command_replaces_what_it_reads(done, views, monkeypatch, words, name):
    monkeypatch.chdir(views)
    (views / "t.csv").write_text("source,target\n")
    before = {p: p.read_bytes() for p in views.rglob("*") if p.is_file()}
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    assert "an input" in result.stderr
    assert {p: p.read_bytes() for p in views.rglob("*") if p.is_file()} == before, name
