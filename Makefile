# make book    set up, validate, execute, build: _build/html/index.html
# make test    set up, then every test, the chapters included
# make help    all targets

PYTHON ?= python3
export PYTHON
BIN := .venv/bin

.PHONY: help setup book test validate estimates serve lock clean

help:
	@echo "make book       build the book into _build/html (sets up .venv first)"
	@echo "make test       run every test, the chapters included"
	@echo "make validate   check data/ against its schema and rules"
	@echo "make estimates  print every estimate"
	@echo "make serve      show the built book at http://localhost:8000"
	@echo "make lock       renew requirements.lock from pyproject.toml"
	@echo "make clean      remove what was built (not .venv)"

setup:
	@tools/setup

book: setup
	@$(BIN)/cordbook build

test: setup
	@$(BIN)/python -m pytest tests analysis index.ipynb book --doctest-modules --nbval -n auto --dist loadfile

validate: setup
	@$(BIN)/cordbook validate

estimates: setup
	@$(BIN)/cordbook estimates

serve: book
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

lock: setup
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --extra test --python-version 3.11 --generate-hashes --no-header --quiet --upgrade --output-file requirements.lock

clean:
	@rm -rf _build .cordbook dist
