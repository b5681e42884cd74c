# Needs only Python 3.11-3.13, make and git. Everything lands inside this folder: .venv/, .uv/, runs/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON_VERSIONS := >=3.11,<3.14
NAME ?= demo-$(shell date +%Y%m%d-%H%M%S)
export RAY_USAGE_STATS_ENABLED := 0

# The user's own uv where there is one, else a private copy, installed from the lock with its hash checked.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)

.PHONY: help setup search test format lint types tests cluster cluster-test lock docs audit fuzz chaos soak clean

help: ## What can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/.ready ## Build .venv from requirements.lock, bytecode compiled

search: setup ## Search the embedded corpus (industry titles -> 21 ISIC sections) for the best LSTM: 4 minutes
	.venv/bin/topknot search --name $(NAME) --time-limit 4m

test: setup format lint types tests ## Format check, lint, types, tests

format: setup
	.venv/bin/ruff format --check .

lint: setup
	.venv/bin/ruff check .

types: setup
	.venv/bin/mypy

tests: setup # in two halves at a time, as much of them is waiting for processes to start
	@log=$$(mktemp); second=(tests/test_*.py tests/tune_tests/test_se*.py); \
	.venv/bin/pytest $${second[@]/#/--ignore=} > $$log 2>&1 & half=$$!; \
	trap 'kill $$half 2> /dev/null || true; rm -f $$log' EXIT; ended=0; \
	.venv/bin/pytest "$${second[@]}" || ended=$$?; \
	wait $$half || ended=$$?; cat $$log; exit $$ended

cluster: .venv/.cluster ## Add what Ray's cluster launcher and jobs need (docs/cluster.md)

EXTRAS := --extra hyperopt --extra onnx --extra postgresql --extra serve --extra tensorboard # mlflow and wandb bring much, for few

lock: | $(if $(findstring .uv/,$(UV)),.uv/bin/uv) ## Resolve requirements.lock anew, and clusters/requirements.lock to go with it
	$(UV) pip compile pyproject.toml --upgrade --universal --generate-hashes $(EXTRAS) --group dev \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet -o requirements.lock
	$(UV) pip compile --group cluster -c <(sed -n 's/ *\\$$//; /^[^ #].*==/p' requirements.lock | grep -v '^python-dateutil==') --upgrade \
	  --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
	  -o clusters/requirements.lock # boto3 wants an older python-dateutil

docs: | $(if $(findstring .uv/,$(UV)),.uv/bin/uv) ## Build the documentation as a site, site/docs/index.html
	$(UV) tool run --quiet --with 'mkdocstrings-python>=2' 'zensical@0.0.73' build --clean -f mkdocs.yml
	@mkdir -p site/benchmarks/results && cp benchmarks/results/*.svg site/benchmarks/results/

audit: | $(if $(findstring .uv/,$(UV)),.uv/bin/uv) ## Ask the database of known holes (PyPI's, over the network) about all locked packages
	$(UV) tool run --quiet pip-audit --strict --requirement requirements.lock --require-hashes --disable-pip --progress-spinner off

chaos: setup ## Kill, stop, starve and damage searches, and see that they come to their ends whole (20 minutes; disk faults need root)
	.venv/bin/python benchmarks/chaos.py

soak: setup ## Run the smallest trials for an hour, and see whether memory, open files, threads and disk stay flat
	.venv/bin/python benchmarks/soak.py

fuzz: setup ## Read 119,000 generated inputs: each must give a right result or one clear error (5 to 11 minutes)
	.venv/bin/python benchmarks/fuzz.py

cluster-test: cluster ## A search on a cluster of this machine that loses nodes and driver (8 to 18 minutes; needs root, docs/cluster.md)
	.venv/bin/python benchmarks/cluster_test.py

clean: ## Remove .venv, .uv and caches; searches in runs/ stay
	rm -rf .venv .uv .mypy_cache .pytest_cache .ruff_cache .hypothesis

.uv/bin/uv:
	@echo "Fetching uv into .uv/"
	@mkdir -p .uv
	@awk '/^[a-zA-Z0-9]/ { on = /^uv==/ } on' requirements.lock > .uv/requirements.txt
	@python3 -m pip install --quiet --require-hashes --no-deps --target .uv -r .uv/requirements.txt \
	  || { echo "uv could not be installed with 'python3 -m pip'. Install uv (https://docs.astral.sh/uv/) and try again." >&2; exit 1; }

# A stamp, so that a set-up cut in the middle is done again.
.venv/.ready: requirements.lock pyproject.toml | $(if $(findstring .uv/,$(UV)),.uv/bin/uv)
	@$(UV) venv --quiet --allow-existing --python '$(PYTHON_VERSIONS)' .venv
	@echo "Installing the locked packages into .venv (once; TensorFlow and Ray are large)"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip sync --quiet --require-hashes --compile-bytecode requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.cluster: .venv/.ready clusters/requirements.lock
	@echo "Adding Ray's cluster launcher and jobs to .venv"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --require-hashes --compile-bytecode -r clusters/requirements.lock
	@touch $@
