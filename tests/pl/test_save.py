import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from crosstie.pl import embedding, embedding_by_view, save


@pytest.fixture
def plot():
    rng = np.random.default_rng(0)
    label = np.resize([f"class {i} of the cells, named at length" for i in range(12)], 400)
    return embedding({"rna": rng.normal(size=(400, 2))}, colour={"rna": label}, title="Types")


def page_mm(file):
    box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", file.read_bytes())
    return [float(x) / 72 * 25.4 for x in box.groups()]


@pytest.mark.parametrize(("width", "mm"), [("single", 89), ("double", 183), (120, 120)])
def test_pdf_has_the_width_of_print_and_text_as_text(plot, tmp_path, width, mm):
    file = save(plot, tmp_path / "map.pdf", width=width)
    assert page_mm(file)[0] == pytest.approx(mm, abs=0.3)
    assert b"/FontFile2" in file.read_bytes()  # TrueType: text can be edited
    assert b"/Subtype /Type3" not in file.read_bytes()


def test_svg_has_text_in_a_font_for_print(plot, tmp_path):
    text = save(plot, tmp_path / "map.svg", width="single").read_text()
    assert text.count("<text") >= 12
    assert "class 3 of the cells" in text
    assert len(re.findall(r"<image", text)) >= 1  # dots are pixels
    sizes = {float(size) for size in re.findall(r"font(?:-size)?: ([0-9.]+)px", text)}
    assert sizes
    assert min(sizes) >= 5
    assert max(sizes) <= 8


def test_nothing_is_cut_off_and_a_wide_legend_goes_below(plot, tmp_path, inside):
    before = tuple(plot.figure.get_size_inches())
    sizes = [text.get_fontsize() for text in plot.figure.findobj(Text)]
    save(plot, tmp_path / "map.png", width="single", dpi=100)
    pixels = plt.imread(tmp_path / "map.png")
    assert pixels.shape[1] == pytest.approx(89 / 25.4 * 100, abs=1)
    assert pixels.shape[0] > pixels.shape[1]  # the map, and below it the legend
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    assert all((edge[..., :3] == 1).all() for edge in edges)
    assert tuple(plot.figure.get_size_inches()) == before  # the figure is as it was
    assert [text.get_fontsize() for text in plot.figure.findobj(Text)] == sizes
    inside(plot)


def test_what_functions_return_can_be_saved(tmp_path):
    coords = {view: np.random.default_rng(0).normal(size=(50, 2)) for view in ("rna", "adt")}
    panels = embedding_by_view(coords)
    for i, drawn in enumerate((panels, list(panels.values()), np.array(list(panels.values())), panels["rna"].figure)):
        assert save(drawn, tmp_path / f"{i}.png", dpi=50).stat().st_size > 1000


def test_the_same_plot_gives_the_same_bytes(tmp_path):
    code = (
        "import sys, numpy as np; from crosstie.pl import embedding, save\n"
        "save(embedding({'rna': np.arange(20.).reshape(10, 2)}), sys.argv[1], width=89)"
    )
    for ending in ("pdf", "svg"):
        files = [tmp_path / f"{i}.{ending}" for i in range(2)]
        for file in files:
            subprocess.run([sys.executable, "-c", code, file], check=True)
        assert files[0].read_bytes() == files[1].read_bytes()


def test_wrong_words(plot, tmp_path):
    with pytest.raises(ValueError, match=r"another ending(.|\n)*\.png, \.pdf or \.svg"):
        save(plot, tmp_path / "map.tif")
    for width in ("triple", 5, 1000, True):
        with pytest.raises(ValueError, match="width of a picture cannot be used"):
            save(plot, tmp_path / "map.pdf", width=width)
    with pytest.raises(TypeError, match="nothing drawn"):
        save("map", tmp_path / "map.pdf")
    assert not list(tmp_path.iterdir())
