# `make` alone lists what there is.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that is new enough; `make PYTHON=/path/to/python3 demo` overrides it.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt
BENCHMARKS := engine pacing priority stopping importing planning rosters numbers

.PHONY: help demo up test check faults format bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed-run ## send the June campaign to 10,000 people over a pretend carrier, and audit it
	@$(BIN)/dispatcher demo

up: $(VENV)/.installed-run ## run everything on this machine: database, queue, web, worker, clock (needs routes.toml)
	@$(BIN)/dispatcher up

test: $(VENV)/.installed-dev ## run the tests, two at a time
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: $(VENV)/.installed-dev ## kill processes and servers at named and random points, and compare with the carrier's ledger (about twenty minutes)
	@$(BIN)/python -m tests.faults --json var/faults.json

format: $(VENV)/.installed-dev ## lay out the code as ruff wants it, and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## measure, ratios in one run (about twenty minutes)
	@for name in $(BENCHMARKS); do echo "benchmarks.$$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

clean: ## remove what make and the tools made; data under var/ stays
	rm -rf $(VENV) dispatcher.egg-info build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./var -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -d var ]; then echo "var/ is left alone: it holds numbers, keys and logs. Stop dispatcher and remove it by hand if you mean it."; fi

# Newer than pyproject.toml and constraints.txt: nothing to install.
$(VENV)/.installed-run: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing dispatcher and what it needs into $(VENV) (the first time this takes a few minutes) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing dispatcher with the tools for its tests into $(VENV) (the first time this takes a few minutes) ..."
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed-run $@

# A stamp, not the interpreter: a creation that was cut short is done again.
$(VENV)/.made:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Dispatcher needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) --version 2>&1 || true)." >&2; \
		echo "Install one, or say where it is: make PYTHON=/path/to/python3.11 demo" >&2; exit 1; fi
	@if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$$($(PYTHON) --version) is here, but without its venv module." >&2; \
		echo "On Debian and Ubuntu: sudo apt install python3-venv (or python3.12-venv, as the version says)." >&2; exit 1; fi
	@echo "Creating $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@
