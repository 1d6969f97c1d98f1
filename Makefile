# Everything here makes its own .venv first; all it needs is Python ≥ 3.11, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
RECBOLE := recbole==1.2.1   # only for the MovieLens-100k files inside its wheel
PROCESSES ?= 4              # of the tests, on two cores: half of the time they wait for other processes and the disk
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

.PHONY: help demo test test-fast test-stress coverage fuzz lint bench docs picture package clean

help:   ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1  \2/p' $(MAKEFILE_LIST) | awk -F '  ' '{printf "%-18s %s\n", $$1, $$2}'

demo: .venv/.demo   ## install, then fill a workspace with real and made data and train a model
	@$(BIN)/st5 demo

test: .venv/.test   ## run all tests; a line per file, PROCESSES=4 at a time
	$(PYTEST)

test-fast: .venv/.test   ## run the quick files only: for each change
	$(PYTEST) -m "not slow"

test-stress: .venv/.test   ## run all tests three times on busy cores, then those of processes twenty times: hours
	scripts/stress

coverage: .venv/.coverage   ## run all tests and list the lines that none of them runs
	$(PYTEST) --cov --cov-report term-missing:skip-covered

fuzz: .venv/.test   ## try CASES=500 mutated inputs of each kind against every command, drawn with SEED=0
	ST5_FUZZ_CASES=$(or $(CASES),500) ST5_FUZZ_SEED=$(or $(SEED),0) $(PYTEST) --timeout 0 tests/test_fuzz.py

lint: .venv/.test   ## check style, types and which folder may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.bench   ## measure speed and memory
	$(BIN)/python -m benchmarks

docs: .venv/.docs   ## write docs/cli.md, and docs/ as a site into site/; fails for a link that leads nowhere
	$(BIN)/python -m scripts.command_reference
	$(BIN)/mkdocs build --strict

picture: .venv/.test   ## draw the pages of docs/workbench, from ST5_WORKSPACE or WORKSPACE=folder
	$(BIN)/python -m scripts.key_tables
	$(BIN)/python -m scripts.screenshot $(if $(WORKSPACE),--workspace "$(WORKSPACE)")

package: .venv/.package   ## build source archive and wheel into dist/, and check both
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:   ## remove .venv and what builds left
	rm -rf .venv build dist site *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "st5 needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml
	@echo "Installing st5 and what it needs into .venv …"
	@$(PIP) --editable '.[demo]'
	@$(PIP) --no-deps $(RECBOLE)
	@touch $@

.venv/.test: .venv/.demo
	@echo "Installing what the tests need into .venv …"
	@$(PIP) --editable '.[demo,test]'
	@touch $@

.venv/.bench: .venv/.test
	@echo "Installing what the benchmarks need into .venv …"
	@$(PIP) --editable '.[demo,test,bench]'
	@touch $@

.venv/.coverage: .venv/.test
	@$(PIP) --editable '.[demo,test,coverage]'
	@touch $@

.venv/.docs: .venv/.demo
	@echo "Installing what the documentation needs into .venv …"
	@$(PIP) --editable '.[demo,docs]'
	@touch $@

.venv/.package: .venv/.demo
	@$(PIP) --editable '.[demo,package]'
	@touch $@
