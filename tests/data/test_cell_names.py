"""Names of cells that were counted off."""

import pytest

from crosstie.data.cell_names import are_row_numbers


@pytest.mark.parametrize("names", [["0", "1", "2"], ["17", "3"], ["cell_0", "cell_1"], ["Cell1", "Cell2", "Cell3"]])
def test_counted_off(names):
    assert are_row_numbers(names)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1"],
        ["cell_1", "cell_0"],
        ["cell_5", "cell_9"],
        ["a_0", "b_1"],
        ["x", "1"],
    ],
)
def test_names_of_their_own(names):
    assert not are_row_numbers(names)
