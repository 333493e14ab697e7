import re

from crosstie.report import write
from crosstie.report.sections.methods import REFERENCES
from report.conftest import text_of


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


def test_references_have_a_place_where_they_are_found():
    assert all(
        re.search(r"doi:10\.\d+/\S+$|arXiv:\d+\.\d+", said) for key, said in REFERENCES.items() if key != "crosstie"
    )


def test_batches_and_queries_are_told(mosaic):
    said = text_of(mosaic, "methods")
    assert "Batches (run) were corrected" in said
    assert "Korsunsky" in said
    assert "new was added as a query" in said
