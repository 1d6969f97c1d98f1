# Everything here makes its own .venv first; all it needs is Python ≥ 3.11, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
RECBOLE := recbole==1.2.1   # only for the MovieLens-100k files inside its wheel

.PHONY: demo test lint bench picture clean

demo: .venv/.demo
	$(BIN)/st5 demo

test: .venv/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.bench
	$(BIN)/python -m benchmarks

picture: .venv/.test   # the pages of docs/workbench, from $$ST5_WORKSPACE or: make picture WORKSPACE=folder
	$(BIN)/python -m scripts.key_tables
	$(BIN)/python -m scripts.screenshot $(if $(WORKSPACE),--workspace "$(WORKSPACE)")

clean:
	rm -rf .venv build *.egg-info

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "st5 needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(RECBOLE)
	touch $@

.venv/.test: .venv/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test]'
	touch $@

.venv/.bench: .venv/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test,bench]'
	touch $@
