import json

from crosstie.report.html import Html, data_block, el


def test_markup_escapes_all_but_its_own():
    assert el("p", "<b>", [el("i", "&"), None, 3], title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<i>&amp;</i>3</p>'
    assert el("p", Html("<b>"), hidden=True, class_="x", data_y=None) == '<p hidden class="x"><b></p>'


def test_data_cannot_end_its_element():
    made = data_block(["</script><!--", "a&b", "\u2028"])
    inside = made.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set("<>&\u2028") & set(inside)
    assert json.loads(inside) == ["</script><!--", "a&b", r"\u2028"]


def test_nothing_turns_the_direction_of_text_around():
    evil = "CD4\u202egpj.exe\u2066"
    assert el("p", evil, title=evil) == r'<p title="CD4\u202egpj.exe\u2066">CD4\u202egpj.exe\u2066</p>'
    assert r"CD4\\u202egpj" in data_block({evil: [evil]})
