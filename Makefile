SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PROTOS := $(wildcard protos/mammosynth/v1/*.proto)
.DEFAULT_GOAL := help
# Threads that spin while they wait take the cores from each other; see services/cli.py.
export OMP_WAIT_POLICY ?= passive

.PHONY: help setup protos lint test test-slow bench chart manifests images e2e demo clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml protos/pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt grpcio-tools mypy-protobuf
	$(MAKE) --no-print-directory stubs
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable protos --editable '.[all,dev]'
	touch $@

.PHONY: stubs
stubs:
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc --proto_path=protos --python_out=protos \
	  --mypy_out=quiet:protos --grpc_python_out=protos --mypy_grpc_out=quiet:protos $(PROTOS)
	touch protos/mammosynth/v1/image_pb2.py

setup: $(VENV)/.installed ## Make the virtual environment and install everything into it

protos/mammosynth/v1/image_pb2.py: $(PROTOS) | $(VENV)/.installed
	$(MAKE) --no-print-directory stubs

protos: setup protos/mammosynth/v1/image_pb2.py ## Write the Python stubs of the contract

lint: protos ## Check format, style, types, imports between packages, and the contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd protos && $(abspath $(BIN))/buf lint

test: protos ## Run the tests, but for the slow ones
	$(BIN)/pytest

test-slow: protos ## Run the slow tests
	$(BIN)/pytest -m slow

GROUP ?= step peers memory

bench: protos ## Measure the style transfer engine, minutes; GROUP=step, peers or memory alone
	for group in $(GROUP); do echo "== $$group"; $(BIN)/python tests/services/stylizer/benchmark_$$group.py; done

chart: protos ## Lint the charts, render them, and check every object; needs helm
	@command -v helm >/dev/null || { echo "make chart needs helm, which is not on PATH"; exit 2; }
	$(BIN)/pytest tests/deploy

manifests: ## Write deploy/jobs/*.yaml from the chart; needs helm
	@command -v helm >/dev/null || { echo "make manifests needs helm, which is not on PATH"; exit 2; }
	$(PYTHON) deploy/manifests.py

SERVICES := curator trainer stylizer anomaly classifier orchestrator evaluator
VERSION := $(shell sed -n 's/^appVersion: "\(.*\)"/\1/p' deploy/charts/mammosynth/Chart.yaml)
IMAGE ?= mammosynth
ACCELERATOR ?= cpu

images: ## Build the images of all services; IMAGE, ACCELERATOR=gpu and EXTRA_INDEX_URL change them
	@command -v docker >/dev/null || { echo "make images needs docker, which is not on PATH"; exit 2; }
	for service in $(SERVICES); do \
	  docker build --file deploy/Dockerfile --build-arg SERVICE=$$service --build-arg ACCELERATOR=$(ACCELERATOR) \
	    --build-arg EXTRA_INDEX_URL="$(EXTRA_INDEX_URL)" --build-arg VERSION=$(VERSION) \
	    --build-arg REVISION="$$(git rev-parse HEAD)" --tag $(IMAGE)-$$service:$(VERSION) .; \
	done

e2e: protos ## Try everything on a real cluster; E2E=smoke is the short form. Variables: tests/e2e/cluster.py
	$(BIN)/pytest tests/e2e -m "$(if $(filter smoke,$(E2E)),smoke,e2e)" --color=yes -v -rP

DEMO ?= demo
MAMMOSYNTH := $(BIN)/mammosynth

demo: protos ## Make phantoms, train small gates, generate a dozen pairs, write a report
	$(MAMMOSYNTH) dataset phantom --output $(DEMO)/phantoms --patients 40
	$(MAMMOSYNTH) dataset prepare --images $(DEMO)/phantoms --table $(DEMO)/phantoms/table.csv --output $(DEMO)/dataset --size 96
	$(MAMMOSYNTH) train anomaly $(DEMO)/dataset --output $(DEMO)/models --preset laptop
	$(MAMMOSYNTH) train classifier $(DEMO)/dataset --output $(DEMO)/models --start random --freeze
	$(MAMMOSYNTH) generate --dataset $(DEMO)/dataset --models $(DEMO)/models --output $(DEMO)/run --pairs 12 --placebo 0.5
	$(MAMMOSYNTH) report $(DEMO)/run
	@echo; echo "Synthetic films: $(abspath $(DEMO))/run/accepted"; echo "Look at $(abspath $(DEMO))/run/report.html"

clean: ## Remove the demo and what tools left behind; the virtual environment stays
	rm -rf demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
