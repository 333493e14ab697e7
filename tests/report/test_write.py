"""The report as text: the same for the same run, small, closed, and honest about what it lacks."""

import base64
import hashlib
import json
import re

import pandas as pd
import pytest

import crosstie as xt
from crosstie.report import write
from crosstie.report.colours import DARK_PAGE, contrast, lifted, of_classes
from crosstie.report.html import Html, data_block, el
from crosstie.report.methods import REFERENCES
from crosstie.runs.read import read

from .conftest import EVIL, command


def text_of(html, section=None):
    """Return what stands in a section, without tags."""
    if section is not None:
        html = re.search(rf'<section id="{section}".*?</section>', html, re.S).group()
    return re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", "", html, flags=re.S))


def test_integrate_writes_the_report_that_the_command_writes(folder, copied):
    first = (copied / "report.html").read_bytes()
    command("report", copied, "-q")
    again = (copied / "report.html").read_bytes()
    assert first == again, "the same run gives another report"
    assert first == (folder / "report.html").read_bytes()


def test_nothing_comes_from_outside(folder):
    html = (folder / "report.html").read_text()
    assert len(html) < 2_000_000
    assert not re.findall(r'(?:src|href)="(?!#|data:,)[^"]*"', html)
    assert "@import" not in html
    assert not re.findall(r"url\(", html)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy, f"the {tag} would be refused"
    assert 'style="' not in html, "the policy refuses style attributes"


def test_sections_are_all_there(folder, bare):
    for html in ((folder / "report.html").read_text(), write(bare).read_text()):
        contents = re.findall(r'<li><a href="#(\w+)">', html)
        assert len(contents) == 12
        assert re.findall(r'<section id="(\w+)"', html) == contents
        assert contents[0] == "verdict"


def test_names_are_escaped(folder):
    html = (folder / "report.html").read_text()
    assert EVIL not in html
    assert "<img" not in html
    assert "&lt;script&gt;window.evil=1&lt;/script&gt;" in html


def test_verdict_and_its_reasons_come_first(folder, copied):
    about = json.loads((copied / "run.json").read_text())
    about["verdict"] = {"level": "care", "reasons": ["rna – adt: <b>links</b> say little"]}
    (copied / "run.json").write_text(json.dumps(about))
    said = text_of(write(copied).read_text(), "verdict")
    assert "Use with care" in said
    assert "Rna – adt: &lt;b&gt;links&lt;/b&gt; say little." in said
    kept = json.loads((folder / "run.json").read_text())["verdict"]
    assert set(kept) == {"level", "reasons"}


def test_what_is_lacking_is_said(bare):
    html = write(bare).read_text()
    for section, words in {
        "verdict": "Not judged",
        "labels": "No labels were given",
        "imputation": "the data of this run are not at hand",
        "training": "Nothing was trained",
        "checks": "the verdict was not asked for",
    }.items():
        assert words in text_of(html, section), section
    assert "No scores" in text_of(html, "labels")


def test_report_judges_a_run_without_verdict(copied, tmp_path):
    about = json.loads((copied / "run.json").read_text())
    kept = about.pop("verdict")
    (copied / "run.json").write_text(json.dumps(about))
    (copied / "diagnosis.csv").unlink()
    command("report", copied, "--no-verdict", "--out", tmp_path / "without.html", "-q")
    assert "Not judged" in text_of((tmp_path / "without.html").read_text(), "verdict")
    command("report", copied, "--out", tmp_path / "with.html", "-q")
    titles = {"ok": "Trustworthy", "care": "Use with care", "fail": "Do not use"}
    assert titles[kept["level"]] in text_of((tmp_path / "with.html").read_text(), "verdict")


def test_links_found_and_missed(folder):
    html = (folder / "report.html").read_text()
    found = pd.read_csv(folder / "links_report.csv")
    said = text_of(html, "links")
    for status, n in found["status"].value_counts().items():
        assert re.search(rf"{status}\s+{n}\b", said), f"{n} {status}"


def test_confusion_counts_right_labels(folder):
    run = read(folder)
    predicted = run.labels["rna", "adt"]["label"].to_numpy(str)
    right = (predicted == run.truth["adt"]).mean()
    assert f"{right:.1%} of the 240 labelled cells of adt" in text_of((folder / "report.html").read_text(), "labels")


def test_map_of_fewer_cells(copied, tmp_path):
    command("report", copied, "--max-cells", 60, "--out", tmp_path / "few.html", "-q")
    assert "60 of 480 cells, drawn at random" in text_of((tmp_path / "few.html").read_text(), "map")


@pytest.fixture(scope="module")
def model():
    data = xt.datasets.simulate_citeseq(n_cells=150, n_genes=300, n_proteins=30, seed=3)
    return xt.Model(data, config=xt.Config(n_rounds=2, n_sketches=1)).fit()


def test_of_a_model(model, tmp_path):
    diagnosis = xt.trust.diagnose(model)
    file = write(model, tmp_path / "report.html", label_key="cell_type", diagnosis=diagnosis)
    html = file.read_text()
    assert {p.name for p in tmp_path.iterdir()} == {"report.html"}
    assert "carried over" in text_of(html, "labels")
    assert "there is no command line to repeat" in text_of(html, "again")
    assert "FOSCTTM" not in text_of(html, "verdict")


def test_many_views_batches_shared_cells_and_a_query(tmp_path):
    views = dict(xt.datasets.simulate_citeseq(n_cells=160, n_genes=300, n_proteins=30, seed=2).mod)
    parts = {"rna": slice(120), "bridge_rna": slice(120, None), "adt": slice(100), "bridge_adt": slice(100, None)}
    views = {name: views[name.removeprefix("bridge_")][rows] for name, rows in parts.items()}
    views = {name: adata.copy() for name, adata in views.items()}
    cells = views["bridge_rna"].obs_names
    views["bridge_adt"].obs_names = [*cells, *(f"other_{i}" for i in range(views["bridge_adt"].n_obs - len(cells)))]
    for adata in views.values():
        adata.obs["run"] = ["first", "second"] * (adata.n_obs // 2)
    del views["adt"].obs["cell_type"]
    ties = [
        xt.links.by_name(views, "rna", "bridge_rna"),
        xt.links.by_name(views, "adt", "bridge_adt"),
        xt.links.paired(views, "bridge_rna", "bridge_adt"),
    ]
    model = xt.Model(views, ties, batch_key={"rna": "run"}, config=xt.Config(n_rounds=2, n_sketches=1)).fit()
    query = views["rna"][:30].copy()
    query.obs_names = [f"query_{i}" for i in range(30)]
    model = model.extend(query, like="rna", name="new")
    file = write(model, tmp_path / "report.html", label_key="cell_type", diagnosis=xt.trust.diagnose(model))
    html = file.read_text()
    assert "40 cells are in both views and tie them" in text_of(html, "links")
    assert "2 of run" in text_of(html, "inputs")
    assert "rna (like rna)" in text_of(html, "inputs")
    assert "adt has no labels of its own" in text_of(html, "labels")
    methods = text_of(html, "methods")
    assert "Batches (run) were brought together" in methods
    assert "Korsunsky" in methods
    assert "new was added as a query" in methods


def test_the_demo_ends_with_a_report(tmp_path):
    command("demo", "--n-cells", 150, "--out", tmp_path / "demo", "-q")
    html = (tmp_path / "demo" / "report.html").read_text()
    assert "Simulated by crosstie: n_cells 150, seed 0." in text_of(html, "inputs")
    assert "Linked features only" in text_of(html, "labels")
    assert "FOSCTTM" in text_of(html, "verdict")


@pytest.mark.trains
def test_training_is_drawn(tmp_path):
    data = xt.datasets.simulate_citeseq(n_cells=150, n_genes=300, n_proteins=30, seed=3)
    config = xt.Config(n_rounds=2, n_sketches=1, training="full", n_steps=20, batch_size=64)
    trained = xt.Model(data, config=config).fit(device="cpu")
    html = write(trained, tmp_path / "report.html", diagnosis=xt.trust.diagnose(trained)).read_text()
    assert len(re.findall("<polyline", html)) == len(trained.history.select_dtypes("number").columns) - 1
    assert "Encoders and decoders were trained for 20 steps" in text_of(html, "methods")
    assert "scMODAL" in text_of(html, "methods")
    assert "n_steps" in text_of(html, "settings")


def test_only_what_was_used_is_cited(folder, bare):
    for path, used, unused in (
        (folder, ("Cuturi", "Halko", "UMAP", "Hoeffding"), ("scMODAL", "Harmony")),
        (bare, ("Cuturi", "Halko"), ("Hoeffding", "scMODAL", "Harmony")),
    ):
        said = text_of(write(path).read_text(), "methods")
        assert all(word in said for word in used)
        assert not any(word in said for word in unused)
        numbers = {int(n) for group in re.findall(r"\[([\d, ]+)\]", said) for n in group.split(",")}
        (references,) = re.findall(r'<ol class="references">(.*?)</ol>', write(path).read_text(), re.S)
        assert numbers == set(range(1, 1 + references.count("<li>")))


def test_wrong_words(folder, model, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.html"):
        write(folder, tmp_path / "report.txt")
    with pytest.raises(ValueError, match="where is it written"):
        write(model)
    with pytest.raises(KeyError, match="Did you mean 'cell_type'"):
        write(model, tmp_path / "report.html", label_key="celltype")
    with pytest.raises(ValueError, match="max_cells is too small"):
        write(folder, tmp_path / "report.html", max_cells=0)


def test_markup_escapes_all_but_its_own():
    assert el("p", "<b>", [el("i", "&"), None, 3], title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<i>&amp;</i>3</p>'
    assert el("p", Html("<b>"), hidden=True, class_="x", data_y=None) == '<p hidden class="x"><b></p>'


def test_data_cannot_end_its_element():
    made = data_block(["</script><!--", "a&b", "\u2028"])
    inside = made.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set("<>&\u2028") & set(inside)
    assert json.loads(inside) == ["</script><!--", "a&b", "\u2028"]


def test_colours_stand_out_in_the_dark():
    light, dark = of_classes([False] * 40 + [True])
    assert len(set(light)) == 41
    assert min(contrast(colour, DARK_PAGE) for colour in dark[:-1]) >= 3
    assert lifted("#ffffff") == "#ffffff"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_means_are_in_the_units_of_the_recipe(tmp_path):
    views = dict(xt.datasets.simulate_citeseq(n_cells=150, n_genes=300, n_proteins=30, seed=3).mod)
    model = xt.Model(views, modality={"adt": "cytometry"}, links=[xt.links.by_table(views, "rna", "adt")],
                     config=xt.Config(n_rounds=2, n_sketches=1)).fit()  # fmt: skip
    said = text_of(write(model, tmp_path / "report.html").read_text(encoding="utf-8"), "imputation")
    assert "Mean (log units)" in said
    assert "Mean (arcsinh units)" in said


def test_references_have_a_place_where_they_are_found():
    assert all(
        re.search(r"doi:10\.\d+/\S+$|arXiv:\d+\.\d+", said) for key, said in REFERENCES.items() if key != "crosstie"
    )
