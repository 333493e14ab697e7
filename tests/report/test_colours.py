import pytest

from crosstie.report.colours import DARK_PAGE, contrast, lifted, of_classes


def test_colours_stand_out_in_the_dark():
    light, dark = of_classes([False] * 40 + [True])
    assert len(set(light)) == 41
    assert min(contrast(colour, DARK_PAGE) for colour in dark[:-1]) >= 3
    assert lifted("#ffffff") == "#ffffff"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
