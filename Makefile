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

.PHONY: demo test lint bench fuzz pictures clean

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

# torch first, at its pinned version: a plain CPU build serves, and later requirements then ask for nothing more.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(READY)

# What the tests do for a few seconds, for an hour: drawn properties, and fuzzing guided by coverage (needs atheris).
fuzz: $(READY)
	CROSSTIE_FUZZ_EXAMPLES=20000 $(BIN)/python -m pytest tests/fuzz/test_fuzz_hypothesis.py
	$(BIN)/python tests/fuzz/run_atheris.py --seconds 180

# The pictures that README shows.
pictures: demo
	mkdir -p docs/images
	cp demo/umap_view.png demo/umap_label.png docs/images/

clean:
	rm -rf $(VENV) demo
