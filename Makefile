# All that is done by hand or by CI. `make` lists it.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete
PACKAGES := bench cloud_stream contracts dashboards edge_gateway features lakehouse simulators voltlake
PYTHON := $(shell for p in python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && { command -v $$p; break; }; done)
QUIET := --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help demo test integration setup fmt lint types bench-alerts bench-features bench-quick bench-lakehouse bench-peers bench-rules bench-simulator validate doctor clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## the whole road with real and simulated vehicles, until Ctrl-C; SECONDS=60 JSON=out.json VEHICLES=150 RATE=1 RECORDINGS=DIR DATA=DIR
	@$(PY) -m voltlake demo $(if $(SECONDS),--seconds $(SECONDS)) $(if $(JSON),--json $(JSON)) $(if $(VEHICLES),--vehicles $(VEHICLES)) \
	  $(if $(RATE),--rate $(RATE)) $(if $(RECORDINGS),--recordings $(RECORDINGS)) $(if $(DATA),--data $(DATA)) $(ARGS)

test: $(STAMP) ## all tests, with the real servers; ARGS="-k silver" for some
	@$(PY) -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

integration: $(STAMP) ## only the tests that start the whole stack
	@$(PY) -m pytest -m stack $(ARGS)

setup: $(STAMP) ## the environment in .venv, from requirements.lock with its hashes

fmt: $(STAMP) ## format
	@$(VENV)/bin/ruff format $(PACKAGES) tests
	@$(VENV)/bin/ruff check --fix-only --quiet $(PACKAGES) tests

lint: $(STAMP) ## style
	@$(VENV)/bin/ruff format --check $(PACKAGES) tests
	@$(VENV)/bin/ruff check $(PACKAGES) tests

types: $(STAMP) ## types
	@$(VENV)/bin/mypy $(PACKAGES)

bench-quick: $(STAMP) ## measure latencies and the highest rate, into bench/results/quick.json
	@$(PY) -m bench.quick $(ARGS)

bench-lakehouse: $(STAMP) ## what the lake costs a core, how soon and how quickly it is read, into bench/results/lakehouse.json
	@$(PY) -m bench.lakehouse $(ARGS)

bench-peers: $(STAMP) ## Spark with Delta beside our flows, in the same run, into bench/results/peers.json; installs Spark in the cache, once
	@$(PY) -m bench.peers $(ARGS)

bench-simulator: $(STAMP) ## what the simulator costs against a bare Mosquitto, into bench/results/simulator.json
	@$(PY) -m bench.simulator $(ARGS)

validate: $(STAMP) ## the physics against measured cars, into docs/validation.md; DATA=DIR JSON=FILE
	@$(PY) -m simulators.validation $(if $(DATA),--data $(DATA)) $(if $(JSON),--json $(JSON)) $(ARGS)

bench-alerts: $(STAMP) ## rules a second and core, from the sensor to the alert and the screen, map, live feed, into bench/results/alerts.json
	@$(PY) -m bench.alerts $(ARGS)

bench-rules: $(STAMP) ## precision and recall of the shipped rules on labelled faults, into bench/results/rules.json; RECORDINGS="DIR DIR" for real drives
	@$(PY) -m bench.alert_rules $(RECORDINGS)

bench-features: $(STAMP) ## the feature store beside stock Feast, into bench/results/features.json; ARGS="--stack --large DIR" for all of it
	@$(PY) -m bench.features $(ARGS)

doctor: $(STAMP) ## what this machine lacks
	@$(PY) -m voltlake doctor

clean: ## remove the environment, caches and the stack's data (stop it first: voltlake down)
	@if [ -x $(PY) ] && [ -d .voltlake ]; then $(PY) -m voltlake down; fi
	@rm -rf $(VENV) .voltlake .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@$(if $(PYTHON),,echo "voltlake needs Python 3.11 or 3.12 with venv (Debian: apt-get install python3 python3-venv)" >&2; exit 1)
	@echo "making the environment in $(VENV) with $(PYTHON): one to three minutes, once"
	@[ -x $(PY) ] || $(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PY) -m pip install $(QUIET) --no-compile --require-hashes -r requirements.lock
	@$(PY) -m pip install $(QUIET) --quiet --no-deps --no-build-isolation -e .
	@touch $@
