# make book    set up, validate, execute, build: _build/html/index.html
# make test    set up, then every test, the chapters included
# make help    all targets

PYTHON ?= python3
export PYTHON
BIN := .venv/bin

.PHONY: help setup book test check validate estimates serve lock validators screenshots clean clean-all

help:
	@echo "make book       build the book into _build/html (sets up .venv first)"
	@echo "make test       run every test, the chapters included"
	@echo "make check      compare the built book with a clean rerun"
	@echo "make validate   check data/ against its schema and rules"
	@echo "make estimates  print every estimate"
	@echo "make serve      show the book at http://localhost:8000 and rebuild it on every save"
	@echo "make lock       renew requirements.lock from pyproject.toml"
	@echo "make validators  set up the public validators of the metadata for the tests, in .venv-validators"
	@echo "make screenshots  renew the README's pictures of the book (docs/images)"
	@echo "make clean      delete what a build makes again; rejects, searches under way and archives stay"
	@echo "make clean-all  delete everything that was made here: says what, and asks"

setup:
	@tools/setup

book: setup
	@$(BIN)/cordbook build

test: setup
	@$(BIN)/python -m pytest tests analysis index.ipynb book --doctest-modules --nbval -n auto --dist loadfile

check: book
	@$(BIN)/cordbook check

validate: setup
	@$(BIN)/cordbook validate

estimates: setup
	@$(BIN)/cordbook estimates

serve: setup
	@$(BIN)/cordbook build --watch --port 8000

lock: setup
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --extra test --python-version 3.11 --generate-hashes --no-header --quiet --upgrade --output-file requirements.lock

# They pin older libraries than the project's, so they have an environment of their own.
validators:
	@$(PYTHON) -m venv .venv-validators
	@.venv-validators/bin/python -m pip install --quiet roc-validator==0.13.0 rocrate==0.16.0 cffconvert==2.0.0 lxml==6.1.3
	@tools/atom-schema .venv-validators/atom.rng

screenshots: book
	@$(BIN)/python tools/screenshots.py

clean:
	@tools/clean

clean-all:
	@tools/clean --all
