# make demo: set up everything and run the main job on simulated data.  make test: set up everything and run the tests.
# A second call finds the environment as it is and installs nothing.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/.ready

.PHONY: demo test lint bench coverage matrix mutation pictures clean

demo: $(READY)
	$(BIN)/crosstie demo --out demo --overwrite

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/accuracy.py

# Lines of src that the tests run, those of the command line's own processes too; fails below what pyproject.toml asks for.
coverage: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt coverage
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(READY)

# The pictures that README shows.
pictures: demo
	mkdir -p docs/images
	cp demo/umap_view.png demo/umap_label.png docs/images/

clean:
	rm -rf $(VENV) demo mutants .matrix
