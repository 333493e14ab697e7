import matplotlib as mpl
import pytest

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def inside():
    """Check that nothing drawn is cut off at the edge of the figure."""

    def check(ax):
        ax.figure.draw_without_rendering()
        box, frame = ax.figure.get_tightbbox(), ax.figure.get_size_inches()
        assert min(box.x0, box.y0) > -0.02
        assert box.x1 < frame[0] + 0.02
        assert box.y1 < frame[1] + 0.02
        low, high = 500, 1250
        assert low <= frame[0] * ax.figure.dpi <= high
        assert low <= frame[1] * ax.figure.dpi <= high

    return check
