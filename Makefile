# One command per wish; `make` alone lists them. Needs Python 3.11 or newer with pip, make and git, nothing else.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The first interpreter that really starts and is new enough; PYTHON=... on the command line overrides it.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PACKAGES := meva_core meva_adapters meva_runners
SOURCES = $(PACKAGES) $(wildcard tests benchmarks examples)

# Only wheels whose hash stands in the lock: nothing that is fetched may run code of its own at install time.
# A system whose venv module comes without pip (some distributions split it off) lends its own pip.
PIP = $(shell test -x $(BIN)/pip && echo $(BIN)/python -m pip || echo $(PYTHON) -m pip --python $(BIN)/python) \
	--disable-pip-version-check --no-input
INSTALL = $(PIP) install --quiet --require-hashes --only-binary :all:
# The exact uv that wrote the locks; users of the project never need it.
LOCK := $(STAMPS)/lock-env/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make lock' --exclude-newer '7 days'

.PHONY: help demo smoke test check bench bench-live soak prove format audit sbom lock clean

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/package ## Install from the lock if needed, then replay the bundled recording: no key, no network.
	@$(BIN)/python -m meva_runners.replay

smoke: $(STAMPS)/package ## Trade on paper for some seconds over real sockets, verify the session, stop by kill. No key, no network.
	@$(BIN)/python -m meva_runners.smoke

test: $(STAMPS)/dev ## Run every test but the long proofs.
	@$(BIN)/python -m pytest $(ARGS)

check: $(STAMPS)/dev ## Run every static check: lint, format, types, layers, tidiness, locks. Offline.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest tests/tidy
	@$(PIP) check

bench: $(STAMPS)/dev ## Measure the speeds that the README states.
	@$(BIN)/python -m benchmarks.run $(ARGS)

bench-live: $(STAMPS)/dev ## Measure the driver: order latency, journal speed, kill, each beside a bare fdatasync.
	@$(BIN)/python -m benchmarks.live $(ARGS)

soak: $(STAMPS)/dev ## Let an agent trade on paper for half an hour at 2,000 trades a second: memory, errors, verification.
	@$(BIN)/python -m benchmarks.soak $(ARGS)

prove: $(STAMPS)/dev ## Run the long proofs: crash points, fault seeds, exact ledgers.
	@$(BIN)/python -m pytest -m prove $(ARGS)

format: $(STAMPS)/dev ## Format the sources and mend what the linter can mend.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: $(STAMPS)/audit ## Ask the advisory database about every locked package. Needs a network.
	@for lock in requirements/base.txt requirements/dev.txt; do \
		$(BIN)/pip-audit --require-hashes --disable-pip --strict --requirement "$$lock"; done

sbom: $(STAMPS)/audit ## List what an installation holds, as CycloneDX JSON: dist/sbom.json. Offline.
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
		-o dist/sbom.json requirements/base.txt
	@echo "dist/sbom.json: every locked package of the base installation, with its hashes"

lock: $(STAMPS)/lock-env ## Refresh the hash locks from pyproject.toml. Add UPGRADE=--upgrade to move versions.
	@$(LOCK) $(UPGRADE) pyproject.toml --group build -o requirements/base.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group build --group dev -c requirements/base.txt -o requirements/dev.txt
	@$(LOCK) $(UPGRADE) --group audit -c requirements/dev.txt -o requirements/audit.txt

clean: ## Remove the environment and everything generated.
	@rm -rf $(VENV) build dist .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis meva-runs
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(STAMPS):
	@test -n "$(PYTHON)" || { echo "meva needs Python 3.11 or newer; none found. Try: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear --without-pip $(VENV)
	@mkdir -p $(STAMPS)

$(STAMPS)/base: requirements/base.txt | $(STAMPS)
	@echo "Installing the base dependencies from the lock"
	@$(INSTALL) --requirement requirements/base.txt
	@touch $@

$(STAMPS)/package: pyproject.toml $(STAMPS)/base
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/dev: requirements/dev.txt | $(STAMPS)/package
	@echo "Installing the development dependencies from the lock"
	@$(INSTALL) --requirement requirements/dev.txt
	@touch $@

$(STAMPS)/audit: requirements/audit.txt | $(STAMPS)/dev
	@$(INSTALL) --requirement requirements/audit.txt
	@touch $@

$(STAMPS)/lock-env: | $(STAMPS)
	@"$(PYTHON)" -m venv $@
	@$@/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: uv==0.13.9
