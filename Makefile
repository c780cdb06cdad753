# Everything a fresh clone needs: Python 3.11+ and make. Set-up happens once, into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: bench bench-record verify test prove book book-test lint formulas clean

verify: $(READY)  ## replay, attack and control every statement; table and evidence
	$(BIN)/localist verify

test: $(READY)  ## style, types, generated files, tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m theory.export --check
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

prove: $(READY)  ## compile and audit the Coq proofs; says what to install where coqc is missing
	$(BIN)/localist prove

book: $(READY)  ## the proof book in book/_build/html; makes the evidence first where it is missing or stale
	$(BIN)/localist book --fresh

book-test: $(READY)  ## the book without a gap in its evidence, then every page of it in a browser
	$(BIN)/localist book --fresh --strict
	LOCALIST_BOOK=book/_build/html $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/test_book_browser.py

bench: $(READY)  ## every benchmark but the proofs, in interleaved rounds: minutes
	$(BIN)/python -m benchmarks

bench-record: $(READY)  ## every benchmark and the proofs; the book shows this run from then on
	$(BIN)/python -m benchmarks --proofs --record

lint: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

formulas: $(READY)  ## write the generated files (Python, Coq, JavaScript) from the statements
	$(BIN)/python -m theory.export

$(READY): pyproject.toml constraints.txt checks/kernel/fleet.c checks/kernel/fleet.inc checks/kernel/screen.inc
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Localist needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
