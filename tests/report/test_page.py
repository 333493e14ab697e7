"""The page: the same for the same run, small, closed to the outside, and open about what it lacks."""

import base64
import hashlib
import re

import pytest

from crosstie.report import write

from .conftest import EVIL, command, text_of


def test_integrate_writes_the_report_that_the_command_writes(folder, copied):
    first = (copied / "report.html").read_bytes()
    command("report", copied, "-q")
    again = (copied / "report.html").read_bytes()
    assert first == again, "the same run gives another report"
    assert first == (folder / "report.html").read_bytes()


def test_nothing_comes_from_outside(folder):
    html = (folder / "report.html").read_text()
    assert len(html) < 2_000_000
    assert not re.findall(r'(?:src|href)="(?!#|data:,|data:image/png;base64,)[^"]*"', html)
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
        contents = re.findall(r'<li><a href="#([\w-]+)">', html)
        assert len(contents) == 14
        assert re.findall(r'<section id="([\w-]+)"', html) == contents
        assert contents[0] == "verdict"


def test_names_are_escaped(folder):
    html = (folder / "report.html").read_text()
    assert EVIL not in html
    assert set(re.findall(r"<img [^=]+=.{23}", html)) <= {'<img src="data:image/png;base64,'}
    assert "&lt;script&gt;window.evil=1&lt;/script&gt;" in html


def test_what_is_lacking_is_said(bare):
    html = write(bare).read_text()
    for section, words in {
        "verdict": "Not judged",
        "labels": "No labels were given",
        "imputation": "which are not available to this report",
        "training": "Nothing was trained",
        "checks": "this run was not judged",
    }.items():
        assert words in text_of(html, section), section
    assert "No scores" in text_of(html, "labels")


def test_of_a_model(of_a_model):
    html = of_a_model.read_text()
    assert {p.name for p in of_a_model.parent.iterdir()} == {"report.html"}
    assert "transferred" in text_of(html, "labels")
    assert "FOSCTTM" not in text_of(html, "verdict")


def test_the_demo_ends_with_a_report(tmp_path):
    command("demo", "--n-cells", 150, "--out", tmp_path / "demo", "-q")
    html = (tmp_path / "demo" / "report.html").read_text()
    assert "Simulated by crosstie: n_cells 150, seed 0." in text_of(html, "inputs")
    assert "Linked features only" in text_of(html, "labels")
    assert "FOSCTTM" in text_of(html, "verdict")


def test_wrong_words(folder, model, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.html"):
        write(folder, tmp_path / "report.txt")
    with pytest.raises(ValueError, match="`out` is missing"):
        write(model)
    with pytest.raises(KeyError, match="Did you mean 'cell_type'"):
        write(model, tmp_path / "report.html", label_key="celltype")
    with pytest.raises(ValueError, match="max_cells is too small"):
        write(folder, tmp_path / "report.html", max_cells=0)
