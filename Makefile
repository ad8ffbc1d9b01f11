# Everything below needs Python 3.11 (or another that pyproject.toml allows) and make. Tools and packages go into .venv, nowhere else.
PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PINS := -c constraints.txt --build-constraint constraints.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help audit defend-demo test test-slow check docs format stubs schema bench clean install install-dev

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 14

audit: $(VENV)/.installed  ## train two small networks on real data, audit both, write runs/demo/
	$(BIN)/python examples/demo.py

defend-demo: $(VENV)/.installed  ## one defence of each family on a small net, each under the attack that knows it, write runs/defend/
	$(BIN)/python examples/defend_demo.py

# Where it is set, each worker rewrites the assertions of every test module anew, which is over half of the time of collecting them.
test test-slow: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.installed-dev  ## every test but the slow ones, and the docstrings' examples
	$(BIN)/pytest -n $(WORKERS) -m "not slow"
	$(BIN)/pytest -q --doctest-modules --doctest-ignore-import-errors src

test-slow: $(VENV)/.installed-dev  ## the tests that take minutes
	$(BIN)/pytest -n $(WORKERS) -m slow

check: $(VENV)/.installed-dev  ## format, lint, types, docstrings' examples, docs: all strict
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src tests benchmarks
	$(BIN)/pytest -q --doctest-modules --doctest-ignore-import-errors src
	$(MAKE) --no-print-directory docs

docs: $(VENV)/.installed-dev  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: $(VENV)/.installed-dev  ## rewrite the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

stubs: $(VENV)/.installed-dev  ## renew the __init__.pyi of the packages whose names are lazy, from the tables in their __init__.py
	$(BIN)/python tools/stubs.py

schema: $(VENV)/.installed-dev  ## renew the committed JSON schema of audit.json
	$(BIN)/python docs/_generated.py > docs/reference/audit.schema.json

bench: $(VENV)/.installed-dev  ## the speed figures, as JSON
	$(BIN)/python -m benchmarks

clean:  ## remove what the targets above made, the environment included
	rm -rf $(VENV) site build dist runs .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(VENV)/.installed  ## the package itself
install-dev: $(VENV)/.installed-dev  ## the package, its extras and the development tools

# A stamp is newer than what it was made from, so a second call installs nothing.
$(VENV)/.pip: constraints.txt
	@echo 'Setting up .venv: the first time this takes minutes, later calls install nothing'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt pip
	@touch $@

$(VENV)/.installed: $(VENV)/.pip pyproject.toml
	$(PIP) $(PINS) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) $(PINS) -e '.[boosting,corruptions,http,onnx]' --group dev
	@touch $@
