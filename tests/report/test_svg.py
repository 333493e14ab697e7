import re

import numpy as np
import pandas as pd

from crosstie.report.svg import curves, histogram


def test_a_histogram_counts_the_known_values():
    html = histogram(np.array([0.1, 0.1, 0.9, np.nan, 7]), n_bins=10, label="Weights")
    assert 'aria-label="Weights: 4 values, median 0.50"' in html
    heights = [float(h) for h in re.findall(r'<rect[^>]*height="([\d.]+)"', html)]
    assert heights == [70, 70]  # two values in the second bin, and two in the last: 7 is cut to 1


def test_a_histogram_of_nothing_is_empty():
    assert "0 values" in histogram(np.array([np.nan]), label="x")


def test_curves_of_a_wide_range_are_logarithmic():
    history = pd.DataFrame({"step": [1, 2, 3], "total": [1000.0, 10.0, 1.0], "cycle": [2.0, 1.0, 1.0]})
    html = curves(history)
    assert html.count("<polyline") == 2
    assert "2 curves, logarithmic" in html
    assert "logarithmic" not in curves(history[["step", "cycle"]])
