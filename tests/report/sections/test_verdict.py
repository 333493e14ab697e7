import json

from crosstie.report import write
from report.conftest import command, text_of


def test_verdict_and_its_reasons_come_first(folder, copied):
    about = json.loads((copied / "run.json").read_text())
    about["verdict"] = {"level": "care", "reasons": ["rna – adt: <b>links</b> say little"]}
    (copied / "run.json").write_text(json.dumps(about))
    said = text_of(write(copied).read_text(), "verdict")
    assert "Use with care" in said
    assert "Rna – adt: &lt;b&gt;links&lt;/b&gt; say little." in said
    kept = json.loads((folder / "run.json").read_text())["verdict"]
    assert set(kept) == {"level", "reasons", "findings"}


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
