from crosstie.report.packed_table import PAGE, packed_table


def columns(n):
    return [
        {"type": "text", "values": [f"cell <{i}>" for i in range(n)]},
        {"type": "number", "values": [None, *range(1, n)], "digits": 2},
        {"type": "text", "values": ["even", "odd"] * (n // 2)},
    ]


def test_the_first_rows_are_in_the_page_and_all_in_the_data():
    html = packed_table(["name", "n", "kind"], columns(40), name="Cells", kind=2)
    page, data = html.split('<script type="application/json">')
    assert page.count("cell &lt;") == PAGE
    assert "<td>–</td>" in page or ">–<" in page
    assert "3.00" in page
    assert data.count("cell ") == 40
    assert f"The first {PAGE} of 40 rows" in html
    assert page.count("<option") == 3


def test_a_short_table_is_whole_and_needs_no_filter():
    html = packed_table(["name", "n", "kind"], columns(4), name="Cells")
    assert "The first" not in html
    assert "<option" not in html
