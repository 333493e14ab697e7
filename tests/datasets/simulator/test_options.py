"""Options of the simulator that make no sense: what is wrong, and what was expected."""

from __future__ import annotations

import pytest

from crosstie._errors import InputError, InputKeyError, InputTypeError, InputValueError
from crosstie.datasets import simulate_citeseq


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        (
            {"drop_types": {"adt": ["NK cell"]}},
            InputKeyError,
            ["drop_types['adt']", "'NK cell'", "Did you mean 'NK cells'"],
        ),
        ({"drop_types": {"protein": ["NK cells"]}}, InputKeyError, ["drop_types", "'protein'", "'rna', 'adt'"]),
        ({"drop_types": {"adt": "NK cells"}}, InputTypeError, ["list of names"]),
        ({"composition": {"adt": {"B cell": 2}}}, InputKeyError, ["composition['adt']", "Did you mean 'B cells'"]),
        ({"composition": {"adt": {"B cells": -1}}}, InputValueError, ["composition['adt']['B cells']", "found: -1"]),
        ({"n_cells": 3}, InputValueError, ["n_cells", "found: 3", "expected: 10"]),
        ({"n_cells": {"rna": 100}}, InputValueError, ["no number for 'adt'"]),
        ({"n_cells": 100.5}, InputTypeError, ["n_cells", "whole number", "100.5"]),
        ({"overlap": 1.5}, InputValueError, ["overlap", "found: 1.5", "0 to 1"]),
        ({"overlap": float("nan")}, InputValueError, ["overlap", "nan"]),
        ({"noise": -1}, InputValueError, ["noise"]),
        ({"coupling": "much"}, InputTypeError, ["coupling", "'much'"]),
        ({"n_batches": 0}, InputValueError, ["n_batches"]),
        ({"n_batches": 1.5}, InputTypeError, ["n_batches", "whole number"]),
        ({"batch_effect": -0.1}, InputValueError, ["batch_effect"]),
        ({"seed": -1}, InputValueError, ["seed"]),
        ({"n_genes": 30}, InputValueError, ["n_genes", "n_linked"]),
        ({"n_genes": 100_000}, InputValueError, ["n_genes"]),
        ({"n_proteins": 500}, InputValueError, ["n_proteins", "found: 500"]),
        ({"n_linked": 500}, InputValueError, ["n_linked"]),
        ({"panel": "pbmc"}, InputKeyError, ["panel", "'pbmc_wnn', 'pbmc10k'"]),
    ],
)
def test_errors_say_what_and_why(options, kind, words):
    with pytest.raises(kind) as caught:
        simulate_citeseq(**options)
    assert isinstance(caught.value, InputError)
    for word in words:
        assert word in str(caught.value)
