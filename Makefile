# make without a target prints this list
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2
BASE ?= HEAD

PEERS := rectools replay recbole
ARGS ?=

.PHONY: help setup train test test-fast lint type docs wheel same-loss clean bench gpu bench-peers

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=python3.12 make setup takes another interpreter (3.11 or newer)."

setup: $(VENV)/.setup  ## create .venv with exactly the versions of requirements.lock

train: $(VENV)/.setup  ## fetch MovieLens 100K, train the best small recipe on it, show the result
	$(BIN)/python train.py experiment=ml100k_lstm_inputs

test: $(VENV)/.dev  ## run all tests, in seven minutes on two cores
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-fast: $(VENV)/.dev  ## run the tests of parts and contracts, in one minute
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not slow' tests/unit tests/contract

lint: $(VENV)/.dev  ## check style, format and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

type: $(VENV)/.dev  ## check types
	$(BIN)/mypy

docs: $(VENV)/.dev  ## build the pages as a site, site/index.html; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

wheel: $(VENV)/.dev  ## build dist/seqrec-<version>.whl, which carries configs/ and the command seqrec
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

same-loss: $(VENV)/.setup  ## prove that losses and metrics are those of an older commit: BASE=<commit>
	$(BIN)/python scripts/same_loss.py $(BASE) $(ARGS)

bench: $(VENV)/.setup  ## measure speed, memory, growth (minutes); ARGS='parts=train model=lstm_attn'
	$(BIN)/python scripts/benchmark.py $(ARGS)

gpu: $(VENV)/.dev  ## on a machine with a CUDA GPU: its tests, speed and a whole run, in ten minutes
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python scripts/benchmark.py parts=gpu $(ARGS)

bench-peers: $(VENV)/.setup $(PEERS:%=.venv-peers/%/.setup)  ## beside RecTools, RePlay, RecBole (an hour)
	$(BIN)/python scripts/benchmark.py parts=peers data=movielens_1m $(ARGS)

clean:  ## remove .venv, .venv-peers and the caches of tools; runs (outputs/) and fetched data stay
	rm -rf $(VENV) .venv-peers build dist site *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -not -path './outputs/*' -prune -exec rm -rf {} +
	@echo "removed: .venv, .venv-peers, build files, caches of tools. kept: outputs/, fetched and prepared data"

# The lock decides the versions; the stamps are remade when it or pyproject.toml changes.
$(VENV)/.setup: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: PYTHON=python3.11 make setup" if sys.version_info < (3, 11) else 0)'
	@echo "installing into $(VENV) (a few minutes the first time)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c requirements.lock -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.setup
	$(PIP) -c requirements.lock -e '.[dev]'
	@touch $@

.venv-peers/%/.setup: scripts/peers/%.txt
	@$(PYTHON) -c 'import sys; sys.exit("the peers need Python 3.11: PYTHON=python3.11 make bench-peers" if sys.version_info[:2] != (3, 11) else 0)'
	@echo "installing $* (a few minutes the first time)"
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
