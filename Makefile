# Each target does its own set-up, in .venv. Needed beforehand: make, and Python 3.11 or later.
.DEFAULT_GOAL := help
.PHONY: help demo test quick coverage gate bench against soak explore planted mutants peers lowest newest lint format docs \
	pictures site \
	release audit image lock clean

# Tests start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# python3.11, which requirements-dev.txt is made for, or else a python3 that is new enough.
PYTHON ?= $(shell for one in python3.11 python3; do \
	$$one -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$one && break; done)
BIN := .venv/bin
READY := .venv/ready
DEMO := .venv/demo/ready
PEERS := .venv/peers/ready
TOOLS := .venv/tools/ready
PIP := $(BIN)/python -m pip --disable-pip-version-check

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(DEMO) ## Plan, show, apply and plan again, on embedded S3, DocDB and Code Ocean
	@.venv/demo/bin/indexer demo

test: $(READY) $(PEERS) ## Run all tests
	$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder

quick: $(READY) ## Run the tests that start no server, no browser and no process: under a minute
	$(BIN)/pytest -q --quick -n 2

coverage: $(READY) $(PEERS) ## The same, measured: which lines and branches the tests go through; takes twice as long
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report term

gate: $(READY) ## Run the drift gate on a sandbox: failing, passing by rules, and in step
	$(BIN)/python tests/gate/on_sandbox.py plans/expected-drift.toml

# What to measure: make bench BENCH='--assets 400 4000 40000 --latency-ms 0 30'
BENCH ?= --assets 400 4000 --latency-ms 0 30

bench: $(READY) ## Time, CPU, memory and requests of a plan, against light servers
	PYTHONPATH=tests $(BIN)/python -m bench.measure $(BENCH)

# Rounds of the soak: make soak ROUNDS=100
ROUNDS ?= 20

# Another commit to measure against: make against COMMIT=v0.1.0 AGAINST='--assets 2000 --drift-every 2 --fsync-ms 0 8'
COMMIT ?= HEAD
AGAINST ?= --assets 2000 --drift-every 2 --fsync-ms 0 8

against: $(READY) ## Time, CPU, memory, requests and flushes of plan and apply, in turn with those of COMMIT
	PYTHONPATH=tests $(BIN)/python -m bench.against $(COMMIT) $(AGAINST)

soak: $(READY) ## Random worlds, faults and kills, ROUNDS times; the last line has the figures
	$(BIN)/python tests/resilience/soak.py $(ROUNDS)

# How long the explorer explores: make explore MINUTES=30
MINUTES ?= 5

explore: $(READY) ## Every schedule of small worlds in memory, for MINUTES; the last line has the figures
	$(BIN)/python tests/explore/explorer.py --minutes $(MINUTES)

planted: $(READY) ## Plant faults in the applier and the planner, one after the other: the explorer must find each
	$(BIN)/python tests/explore/planted.py

peers: $(READY) $(PEERS) ## The whole story and all golden cases on other S3 servers; writes docs/servers.md's table
	$(BIN)/python -W ignore tests/peers/run.py

# Fast, and through every third-party package: what another version of one would break.
SMOKE = tests/planner tests/contract tests/systems tests/runs tests/cli/test_cli_demo.py

lowest: ## Run a smoke suite on the lowest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear build/lowest
	$(PYTHON) tests/release/lowest.py > build/lowest/constraints.txt
	build/lowest/bin/pip --disable-pip-version-check install --quiet --constraint build/lowest/constraints.txt \
		--editable '.[dev]'
	build/lowest/bin/python -m pytest -q -W default $(SMOKE)

newest: ## The same on the newest versions, on each Python that is there
	for one in python3.11 python3.12 python3.13; do \
		$$one -c 'import ensurepip, venv' 2>/dev/null || { echo "There is no $$one here: left out" >&2; continue; }; \
		$$one -m venv --clear build/newest && \
		build/newest/bin/pip --disable-pip-version-check install --quiet --editable '.[dev]' && \
		build/newest/bin/python -m pytest -q -W default $(SMOKE) || exit 1; \
	done

# Which modules to mutate again: make mutants MODULES='guard ledger'; without it, those that are not done yet
MODULES ?=

mutants: $(READY) ## Change the code that decides on writes, one detail after the other: a test must fail each time
	PATH="$(CURDIR)/$(BIN):$$PATH" nice $(BIN)/mutmut run --max-children 2 $(foreach one,$(MODULES),'*.$(one).*')
	$(BIN)/python tests/mutants/survivors.py

lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Put the code into the form that `make lint` wants
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(READY) ## Write the generated parts of the documentation
	$(BIN)/python tests/docs/generated.py

pictures: $(READY) ## Record the demo and photograph a report, for README and site; needs Debian's chromium
	$(BIN)/python tests/docs/pictures.py

site: $(READY) ## Build the documentation into build/site; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -n -q docs build/site

release: $(READY) $(TOOLS) ## Build and check sdist, wheel and bill of materials; VERSION=x.y.z sets the version and its notes first
ifdef VERSION
	@test "$$($(BIN)/python -m hatchling version)" = "$(VERSION)" || $(BIN)/python -m hatchling version "$(VERSION)"
	$(BIN)/python -m towncrier build --yes --version "$(VERSION)"
else
	@$(BIN)/python -m towncrier build --draft >/dev/null
endif
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python tests/release/artefacts.py dist
	$(BIN)/python tests/release/bill.py dist .venv/tools

# It asks a service on the internet, so it is no part of the other checks: run it before a release, and every week or so.
audit: $(TOOLS) ## Look the pinned packages up in the list of known vulnerabilities; needs the internet
	@for one in $(AUDITED); do echo "$$one" >&2; \
		.venv/tools/bin/pip-audit --strict --disable-pip --require-hashes $(AUDIT) --requirement $$one || failed=1; \
	done; exit $${failed:-0}

# More options for it: make audit AUDIT='--vulnerability-service osv'
AUDIT ?=
AUDITED = requirements.txt requirements-demo.txt requirements-dev.txt requirements-tools.txt requirements-peers.txt

# A tag can be moved, a digest cannot: without one there is no image.
image: ## Build the container image on the base that DIGEST=sha256:... names; Dockerfile says how to find it
	@printf '%s\n' '$(DIGEST)' | grep -Eqx 'sha256:[0-9a-f]{64}' || { echo "Name the base by its digest:" \
		"make image DIGEST=sha256:... (Dockerfile says how to find it)" >&2; exit 1; }
	docker build --build-arg DIGEST='$(DIGEST)' --tag indexer:$(CURRENT) .

CURRENT = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' src/indexer/__init__.py)

LOCKED = CUSTOM_COMPILE_COMMAND='make lock' .venv/tools/bin/pip-compile --quiet --upgrade --generate-hashes \
	--strip-extras --unsafe-package data-asset-indexer \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(TOOLS) ## Pin the newest versions of everything in requirements-dev.txt, and of what users need in requirements.txt
	$(LOCKED) --extra dev --extra sandbox --output-file requirements-dev.txt pyproject.toml requirements-dev.in
	$(LOCKED) --extra sandbox --output-file requirements-demo.txt pyproject.toml requirements-demo.in
	$(LOCKED) --output-file requirements.txt pyproject.toml
	$(LOCKED) --output-file requirements-peers.txt requirements-peers.in
	$(LOCKED) --allow-unsafe --output-file requirements-tools.txt requirements-tools.in
	@# The package itself is not pinned on purpose: it is installed from the checkout, without dependencies.
	sed -i '/^# WARNING: The following packages were not pinned/,$$d' requirements-demo.txt requirements-dev.txt

clean: ## Remove everything that make and the tools have made
	rm -rf .venv build dist mutants htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

NO_PYTHON = Python 3.11 or later, with its venv module, is needed (on Debian: apt-get install python3-venv). \
	Name another one with: make PYTHON=/path/to/python

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what requirements-dev.txt pins into .venv" >&2
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# What the demo needs and nothing else, so that a first look takes seconds, not minutes.
$(DEMO): requirements-demo.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x .venv/demo/bin/python || $(PYTHON) -m venv .venv/demo
	@echo "Installing what requirements-demo.txt pins into .venv/demo" >&2
	@.venv/demo/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements-demo.txt
	@.venv/demo/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(PEERS): requirements-peers.txt | $(READY)
	@echo "Installing what requirements-peers.txt pins into .venv/peers" >&2
	@test -x .venv/peers/bin/python || $(PYTHON) -m venv .venv/peers
	@.venv/peers/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements-peers.txt
	@touch $@

$(TOOLS): requirements-tools.txt | $(READY)
	@echo "Installing what requirements-tools.txt pins into .venv/tools" >&2
	@test -x .venv/tools/bin/python || $(PYTHON) -m venv .venv/tools
	@.venv/tools/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements-tools.txt
	@touch $@
