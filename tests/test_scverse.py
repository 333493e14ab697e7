"""Subject: the scverse checklist. What docs/scverse.md claims is true."""

import logging
import subprocess
import sys
from pathlib import Path

import crosstie
from crosstie.datasets import simulate_citeseq

HERE = Path(crosstie.__file__).parent


def test_types_are_marked_as_such():
    assert (HERE / "py.typed").exists()


def test_the_library_leaves_logging_and_random_numbers_alone():
    code = """
import logging, numpy as np
import crosstie as xt
log = logging.getLogger("crosstie")
data = xt.datasets.simulate_citeseq(n_cells=100, n_genes=200, n_proteins=30, seed=0)  # MuData logs to the root
before = (list(logging.root.handlers), logging.root.level)
np.random.seed(3)
state = np.random.get_state()[1].copy()
xt.integrate(data, config=xt.Config(n_rounds=1, n_sketches=1))
assert (list(logging.root.handlers), logging.root.level) == before
assert [type(h).__name__ for h in log.handlers] == ["LastResort"], log.handlers
assert (np.random.get_state()[1] == state).all()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_it_does_is_logged(caplog):
    data = simulate_citeseq(n_cells=100, n_genes=200, n_proteins=30, seed=0)
    with caplog.at_level(logging.INFO, logger="crosstie"):
        crosstie.integrate(data, config=crosstie.Config(n_rounds=1, n_sketches=1))
    assert any("linked by table" in text for text in caplog.messages)


def test_uns_stays_as_it_was():
    data = simulate_citeseq(n_cells=100, n_genes=200, n_proteins=30, seed=0)
    before = {name: set(adata.uns) for name, adata in data.mod.items()}
    crosstie.integrate(data, config=crosstie.Config(n_rounds=1, n_sketches=1)).write(data)
    for name, adata in data.mod.items():
        assert set(adata.uns) == before[name]
        assert "X_crosstie" in adata.obsm


def test_public_names_have_documentation():
    for room in crosstie.__all__:
        found = getattr(crosstie, room)
        assert found.__doc__, room
        for name in getattr(found, "__all__", ()):
            assert getattr(found, name).__doc__, f"{room}.{name}"
