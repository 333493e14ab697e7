from report.conftest import text_of


def test_batches_and_queries_are_named(mosaic):
    said = text_of(mosaic, "inputs")
    assert "2 of run" in said
    assert "rna (like rna)" in said
