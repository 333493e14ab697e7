from crosstie.report.sections.anchors import anchors
from crosstie.runs.read import read
from report.conftest import text_of


def test_pairs_of_every_edge_are_counted(folder):
    run = read(folder)
    said = text_of(anchors(run))
    for (source, target), found in run.model.anchors.items():
        assert f"{source} – {target}" in said
        assert f"{len(found):,}" in said
        share = (run.truth[source][found.source] == run.truth[target][found.target]).mean()
        assert f"{share:.1%}" in said
