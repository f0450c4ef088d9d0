# make book    set up, validate, execute, build: _build/html/index.html
# make test    set up, then the tests of every day
# make quick   the tests that need neither a browser nor a built book
# make help    all targets

PYTHON ?= python3
export PYTHON
BIN := .venv/bin

.PHONY: help setup setup-test book test quick test-all room lint check validate estimates serve lock audit fuzz validators screenshots clean clean-all

help:
	@echo "make book       build the book into _build/html (sets up .venv first)"
	@echo "make test       run the tests of every day; of one room: make test ROOM=synthesis"
	@echo "make quick      run those that need neither a browser nor a built book; ROOM= as above"
	@echo "make test-all   run every test with many more examples, the chapters by nbval included: the weekly run"
	@echo "make fuzz       draw hostile inputs for validation, imports, declarations, archives and releases: make fuzz SECONDS=600"
	@echo "make lint       check the code with ruff, and the types with mypy"
	@echo "make check      compare the built book with a clean rerun"
	@echo "make validate   check data/ against its schema and rules"
	@echo "make estimates  print every estimate"
	@echo "make serve      show the book at http://localhost:8000 and rebuild it on every save"
	@echo "make lock       renew requirements.lock and requirements-test.lock from pyproject.toml"
	@echo "make audit      compare the lock with a database of vulnerabilities that is at hand: make audit AUDIT_DB=PATH"
	@echo "make validators  set up the public validators of the metadata for the tests, in .venv-validators"
	@echo "make screenshots  renew the README's pictures of the book (docs/images)"
	@echo "make clean      delete what a build makes again; rejects, searches under way and archives stay"
	@echo "make clean-all  delete everything that was made here: says what, and asks"

setup:
	@tools/setup

setup-test:
	@tools/setup test

book: setup
	@$(BIN)/cordbook build

# A file of tests stays with one worker, which keeps what its tests share; conftest.py lets the longest files begin.
PYTEST := $(BIN)/python -m pytest --doctest-modules -n auto --dist loadfile --no-loadscope-reorder
# make test ROOM=synthesis: the tests of one room, with the examples in its docstrings
ROOM :=
PLACES := $(if $(ROOM),$(wildcard tests/$(ROOM) analysis/cordbook/$(ROOM)),tests analysis)
# One chapter in a plain kernel, as nbval and others execute it; all of them once a week.
CHAPTER := $(if $(ROOM),,--nbval index.ipynb)

test: setup-test room
	@$(PYTEST) $(PLACES) $(CHAPTER) -m "not slow"

quick: setup-test room
	@CORDBOOK_TESTS=quick $(PYTEST) $(PLACES) -m "not slow and not browser and not book$(if $(ROOM),, and not long)"

test-all: setup-test
	@CORDBOOK_TESTS=thorough $(PYTEST) tests analysis index.ipynb book --nbval

room:
	@[ -n "$(PLACES)" ] || { echo "no room named $(ROOM); the rooms are: $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/*/test_*.py)))))" >&2; exit 2; }

# New inputs for so many seconds; what is found is kept in tests/fuzz/corpus.
SECONDS := 600
fuzz: setup-test
	@$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)

lint: setup-test
	@$(BIN)/ruff check analysis tests benchmarks tools
	@$(BIN)/ruff format --check analysis tests benchmarks tools
	@$(BIN)/mypy --no-error-summary

check: book
	@$(BIN)/cordbook check

validate: setup
	@$(BIN)/cordbook validate

estimates: setup
	@$(BIN)/cordbook estimates

serve: setup
	@$(BIN)/cordbook build --watch --port 8000

# make lock UPGRADE= changes only what pyproject.toml has made necessary. The second holds the first: the same versions, and the tests' own.
UPGRADE := --upgrade
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet
lock: setup
	@$(LOCK) $(UPGRADE) --extra test --output-file requirements-test.lock
	@$(LOCK) --extra book --extra intake --extra pdf --extra cluster --extra setup --constraint requirements-test.lock --output-file requirements.lock

# A folder or file of records in the OSV format; nothing is fetched.
AUDIT_DB :=
audit: setup
	@$(BIN)/python tools/audit.py "$(AUDIT_DB)"

# They pin older libraries than the project's, so they have an environment of their own.
validators:
	@$(PYTHON) -m venv .venv-validators
	@.venv-validators/bin/python -m pip install --quiet roc-validator==0.13.0 rocrate==0.16.0 cffconvert==2.0.0 lxml==6.1.3
	@tools/atom-schema .venv-validators/atom.rng

screenshots: setup-test book
	@$(BIN)/python tools/screenshots.py

clean:
	@tools/clean

clean-all:
	@tools/clean --all
