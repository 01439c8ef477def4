# Two commands: `make run` (the service with a demo clinic) and `make test`. A machine needs python3 (3.11 or newer),
# python3-venv and make; the rest is installed into .venv, by uv where it is at hand, else by pip.

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
UV := $(firstword $(shell command -v uv 2>/dev/null) $(wildcard $(BIN)/uv))
JOBS ?= 2
ARGS ?=

# The stamp bears the lock file's digest: an environment that holds what the lock file says is not touched again.
digest = $(firstword $(shell cat $(1) | sha256sum))
INSTALLED := .venv/installed-$(call digest,requirements.txt)
INSTALLED_DEV := .venv/installed-dev-$(call digest,requirements-dev.txt)
ifneq ($(wildcard $(INSTALLED_DEV)),)
INSTALLED := $(INSTALLED_DEV)
endif

.PHONY: help run test clients api-types check format screenshots bench phones morning drill chaos soak fuzz audit mutants delivery-mutants lock install install-dev clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

run: $(INSTALLED) ## run web, worker and mail catcher with a demo clinic, until Ctrl-C
	@exec setpriv --pdeathsig TERM -- $(BIN)/python -m service.cli.run

# One process more than there are processors: while one waits for what it started, the others work.
test: $(INSTALLED_DEV) ## run every test that this machine can run (ARGS="-k name" for some)
	@! command -v npm >/dev/null || $(BIN)/python -m tests.clients.install || true
	@$(BIN)/python -m pytest -n $$(($(JOBS) + 1)) --maxprocesses $$(($$(nproc) + 1)) --dist worksteal $(ARGS)

clients: $(INSTALLED_DEV) ## install the mobile sync clients that tests run, stamped by their lock file
	@$(BIN)/python -m tests.clients.install

api-types: $(INSTALLED_DEV) ## write TypeScript types of the REST API to var/api.d.ts (needs `make clients`)
	@$(BIN)/python -m tests.clients.api_types

check: $(INSTALLED_DEV) ## formatting, lint, types, import rules, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	@mkdir -p var && $(BIN)/cyclonedx-py requirements requirements.txt --output-reproducible --validate -o var/sbom.cdx.json

format: $(INSTALLED_DEV) ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: $(INSTALLED_DEV) ## picture the dashboard's main pages with the demo clinic, into docs/screens (needs Chromium)
	@$(BIN)/python -m tests.dashboard.screenshots

bench: $(INSTALLED_DEV) ## measure, as ratios against the bare work
	@$(BIN)/python -m tests.bench

phones: $(INSTALLED_DEV) ## let 500 phones synchronise at once, on PostgreSQL with two web processes (a minute)
	@$(BIN)/python -m tests.bench.phones $(ARGS)

morning: $(INSTALLED_DEV) ## drain 200,000 reminders that fall due at 09:00 (minutes; ARGS="--count 20000" for fewer)
	@$(BIN)/python -m tests.bench.morning $(ARGS)

drill: $(INSTALLED_DEV) ## lose a clinic and bring it back from its backup, step by step (a minute; ARGS=postgresql)
	@$(BIN)/python -m tests.drill $(ARGS)

chaos: $(INSTALLED_DEV) ## kill, freeze and starve workers on both databases, and check what they did (an hour; ARGS="--seed 1")
	@$(BIN)/python -m tests.chaos $(ARGS)

soak: $(INSTALLED_DEV) ## run under twice the base load while workers are killed, and see that nothing grows (20 minutes; ARGS="--minutes 3")
	@$(BIN)/python -m tests.soak $(ARGS)

fuzz: $(INSTALLED_DEV) ## feed the parsers of synchronisation, import and protocols with bytes (5 minutes; ARGS="--seconds 600")
	@$(BIN)/python -m tests.fuzz $(ARGS)

audit: $(INSTALLED_DEV) ## look every pinned package up among known vulnerabilities; fails where no source of them answers
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements.txt -r requirements-dev.txt

mutants: $(INSTALLED_DEV) ## change the plan engine in every small way and see that a test notices, then delivery-mutants (minutes)
	@mkdir -p var && $(BIN)/mutmut run --max-children $(JOBS) >var/mutants.log 2>&1 || { tail -n 20 var/mutants.log; exit 1; }
	@$(BIN)/python -m tests.mutants
	@$(MAKE) --no-print-directory delivery-mutants

delivery-mutants: $(INSTALLED_DEV) ## plant the known faults of deliveries, and see that a test notices (minutes)
	@$(BIN)/python -m tests.planted $(ARGS)

lock: $(INSTALLED_DEV) ## pin the newest versions that requirements*.in allow (UPGRADE= to keep the present ones)
	$(BIN)/uv pip compile -q $(LOCK_OPTIONS) requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q $(LOCK_OPTIONS) requirements-dev.in -o requirements-dev.txt

UPGRADE ?= --upgrade
LOCK_OPTIONS = $(UPGRADE) --python $(BIN)/python --python-version 3.11 --universal \
	--generate-hashes --no-emit-index-url --no-header

install: $(INSTALLED) ## install what the service needs

install-dev: $(INSTALLED_DEV) ## install what the checks and tests need too

clean: ## remove the environment and caches; the clinic's data in var/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis mutants
	rm -rf tests/clients/node_modules tests/clients/rxdb_server/node_modules

.venv/installed-%: | requirements.txt requirements-dev.txt
	@python=$(PYTHON); $${python:-false} -c '$(NEW_ENOUGH)' || \
		{ echo "Expected Python 3.11 or newer, got none (PYTHON=... names one)."; exit 1; }; \
	$(BIN)/python -c '' 2>/dev/null || { rm -rf .venv; $$python -m venv .venv; } || \
		{ rm -rf .venv; echo "To let Python make environments: apt-get install -y python3-venv"; exit 1; }
	@echo "Installing $(if $(findstring dev,$*),requirements-dev.txt,requirements.txt) ..."
	@$(if $(UV),$(UV) pip install -q --python $(BIN)/python --compile-bytecode,$(BIN)/python -m pip install -q \
		--disable-pip-version-check --no-input) --require-hashes -r requirements$(if $(findstring dev,$*),-dev).txt
	@rm -f .venv/installed-$(if $(findstring dev,$*),,[!d])*
	@touch $@
