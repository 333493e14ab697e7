from crosstie.report.sections.settings import settings
from crosstie.runs.read import read
from report.conftest import text_of


def test_settings_that_differ_come_first(folder):
    said = text_of(settings(read(folder)))
    assert "2 of" in said
    assert "settings differ from their defaults" in said
    changed = said[: said.index("All settings")]
    assert "n_rounds" in changed
    assert "n_sketches" in changed
    assert "n_latent" not in changed
