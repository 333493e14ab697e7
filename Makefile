# make demo: set up everything and run the demo on simulated data.  make test: set up everything and run the tests.
# make docs: build the documentation site.
# A second call reuses the environment and installs nothing.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
ON_ALL_CORES := --numprocesses logical --maxprocesses 4 --dist worksteal
READY := $(VENV)/.ready

.PHONY: demo test lint docs package coverage matrix mutation bench public-benchmarks fuzz pictures clean

demo: $(READY)
	$(BIN)/crosstie demo --out demo --overwrite

test: $(READY)
	$(BIN)/python -m pytest $(ON_ALL_CORES)

lint: $(READY)
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs/conf.py docs/_ext
	$(BIN)/mypy
	$(BIN)/lint-imports

# Build wheel and sdist, check them, and try the wheel in a fresh environment.
package: $(READY)
	$(BIN)/python .ci/package

# Build the site in docs/_build/html: tutorials are executed, warnings are errors, nothing is downloaded.
docs: $(READY)
	rm -rf docs/generated  # remove pages of deleted names
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: $(READY)
	$(BIN)/python benchmarks/accuracy.py

# Run crosstie on public benchmarks and print their tables with a row for it; benchmarks/public/README.md says how long
# and how large.
public-benchmarks: $(READY)
	benchmarks/public/setup.sh
	$(BIN)/python benchmarks/public/run.py

# Line coverage of src, including the processes of the command line; fails below the bound in pyproject.toml.
coverage: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt coverage
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(ON_ALL_CORES)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --skip-covered

# Run the tests with each Python, and with the lowest and the highest versions of the requirements; writes docs/support.md.
matrix:
	$(PYTHON) tests/matrix.py

# Change the source in hundreds of places and check that the tests fail; writes docs/mutation.md.
mutation: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt mutmut
	$(BIN)/python tests/mutation/run.py

# torch first, at its pinned version: a CPU build is enough, and later requirements then download no other build.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[all,dev]"
	touch $(READY)

# Fuzz for an hour, as the tests do for seconds: random properties, and coverage-guided fuzzing (needs atheris).
fuzz: $(READY)
	CROSSTIE_FUZZ_EXAMPLES=20000 $(BIN)/python -m pytest tests/fuzz/test_fuzz_hypothesis.py
	$(BIN)/python tests/fuzz/run_atheris.py --seconds 180

# Draw the pictures of README again.
pictures: demo
	mkdir -p docs/images
	cp demo/umap_view.png demo/umap_label.png docs/images/
	$(BIN)/python docs/draw_method.py

clean:
	rm -rf $(VENV) demo docs/_build docs/generated mutants .matrix
