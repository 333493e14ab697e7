# make demo: set up everything and run the main job on simulated data.  make test: set up everything and run the tests.
# make docs: build the documentation site.
# A second call finds the environment as it is and installs nothing.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
ON_ALL_CORES := --numprocesses logical --maxprocesses 4 --dist worksteal
READY := $(VENV)/.ready

.PHONY: demo test lint docs package coverage matrix mutation bench fuzz pictures clean

demo: $(READY)
	$(BIN)/crosstie demo --out demo --overwrite

test: $(READY)
	$(BIN)/python -m pytest $(ON_ALL_CORES)

lint: $(READY)
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs/conf.py docs/_ext
	$(BIN)/mypy
	$(BIN)/lint-imports

# Wheel and sdist: built, looked at, and the wheel used in an environment of its own.
package: $(READY)
	$(BIN)/python .ci/package

# The site, in docs/_build/html: tutorials are executed, warnings are errors, nothing is fetched.
docs: $(READY)
	rm -rf docs/generated  # pages of names that are gone
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: $(READY)
	$(BIN)/python benchmarks/accuracy.py

# Lines of src that the tests run, those of the command line's own processes too; fails below what pyproject.toml asks for.
coverage: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt coverage
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(ON_ALL_CORES)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --skip-covered

# The tests with each Python and with the lowest and the highest versions of what is needed; writes docs/support.md.
matrix:
	$(PYTHON) tests/matrix.py

# Changes the source in hundreds of places to see whether tests notice; writes docs/mutation.md.
mutation: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt mutmut
	$(BIN)/python tests/mutation/run.py

# torch first, at its pinned version: a plain CPU build serves, and later requirements then ask for nothing more.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[all,dev]"
	touch $(READY)

# What the tests do for a few seconds, for an hour: drawn properties, and fuzzing guided by coverage (needs atheris).
fuzz: $(READY)
	CROSSTIE_FUZZ_EXAMPLES=20000 $(BIN)/python -m pytest tests/fuzz/test_fuzz_hypothesis.py
	$(BIN)/python tests/fuzz/run_atheris.py --seconds 180

# The pictures that README shows.
pictures: demo
	mkdir -p docs/images
	cp demo/umap_view.png demo/umap_label.png docs/images/
	$(BIN)/python docs/draw_method.py

clean:
	rm -rf $(VENV) demo docs/_build docs/generated mutants .matrix
