# make demo: set up and play a store day and a web day.   make test: set up and pass everything.
# make test WORKERS=2: so many tests beside each other (4 for two cores: they wait a lot; 0 is one after the other).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4

.PHONY: setup demo test lint soak services clean
setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: say make PYTHON=python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo:
	@start=$$(date +%s); $(MAKE) --no-print-directory setup && echo "set up in $$(( $$(date +%s) - start )) s"
	@$(BIN)/python scripts/demo/play.py

test: setup lint
	@$(BIN)/router check
	@$(BIN)/router test
	@$(BIN)/python -m pytest -m "not soak and not alone" -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
	@$(BIN)/python -m pytest -m "alone and not soak"

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

soak: setup  # the long forms; as root those over RabbitMQ 4.0, too (scripts/services rabbitmq4)
	@$(BIN)/python -m pytest -m soak --timeout 7200

services:  # what tests/live needs: as root
	@scripts/services

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache *.egg-info
