# npsight: `make` prints this help. Needs only Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export NPSIGHT_DATA ?= $(abspath ../shared/data)
export MLFLOW_DISABLE_TELEMETRY = true
export BENTOML_DO_NOT_TRACK = true
export OMP_WAIT_POLICY = passive
# Matrices of tests are small: threads that share one cost more work than they save.
test test-fast: export OPENBLAS_NUM_THREADS = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cdnow demo-skytrax demo-telco test test-fast lint format docs mutate-ten mutate-time bench-features bench-coverage bench-quality bench-noise bench-service bench-contributions bench-chaos bench-web bench-impact screenshots fuzz lock clean

help:  ## Print this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-20s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what npsight needs (about 1.3 GB, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

setup: $(READY)  ## Make the virtual environment

demo: $(READY)  ## Simulate a company, train, score, and print whom to call
	@$(BIN)/python scripts/demo.py

demo-cdnow: $(READY)  ## Churn on the CDNOW purchases (data in NPSIGHT_DATA)
	@$(BIN)/npsight check -c configs/cdnow.yaml
	@$(BIN)/npsight train -c configs/cdnow.yaml
	@$(BIN)/npsight score -c configs/cdnow.yaml
	@$(BIN)/npsight worklist -c configs/cdnow.yaml --top 5

demo-skytrax: $(READY)  ## Detractor risk and NPS on airline reviews (data in NPSIGHT_DATA)
	@$(BIN)/npsight check -c configs/skytrax.yaml
	@$(BIN)/npsight train -c configs/skytrax.yaml
	@$(BIN)/npsight score -c configs/skytrax.yaml
	@$(BIN)/npsight worklist -c configs/skytrax.yaml --top 5

demo-telco: $(READY)  ## Churn on a snapshot without time (data in NPSIGHT_DATA)
	@$(BIN)/npsight check -c configs/telco.yaml
	@$(BIN)/npsight train -c configs/telco.yaml

test: $(READY)  ## Run all tests
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test-fast: $(READY)  ## Run the quick tests only
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/docs

lint: $(READY)  ## Style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY)  ## Mend style where it can be done by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(READY)  ## Write the generated pages anew
	@$(BIN)/python -m npsight.config.reference > docs/project-file.md
	@$(BIN)/python -m npsight.jobs.building.catalogue > docs/features.md
	@$(BIN)/python -m npsight.service.errorpage > docs/errors.md
	@$(BIN)/python -m npsight.service.spec docs/api

mutate-ten: $(READY)  ## Plant ten faults of different kinds in the time rules (minutes)
	@$(BIN)/python scripts/mutate_time.py --ten --quick

mutate-time: $(READY)  ## Plant faults in the time rules and see the tests catch them
	@$(BIN)/python scripts/mutate_time.py

bench-features: $(READY)  ## Measure feature building against other ways (ENGINE=spark, HUGE=0, KEEP=1)
	@$(BIN)/python -m benchmarks.features --engine $(or $(ENGINE),duckdb) \
	  $(if $(filter 0,$(HUGE)),--no-huge) $(if $(filter 1,$(KEEP)),--keep) $(BENCH)

bench-coverage: $(READY)  ## Measure whether NPS intervals hold, on simulated companies (BENCH="--seeds 5")
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.coverage $(BENCH)

bench-quality: $(READY)  ## Measure predictions against other ways and the truth (BENCH="--only demo-300")
	@$(BIN)/python -m benchmarks.quality $(BENCH)

bench-chaos: $(READY)  ## Break things around a running service and count what callers notice (BENCH="--only swaps")
	@$(BIN)/python -m benchmarks.chaos $(BENCH)

bench-noise: $(READY)  ## Train on shuffled outcomes, their true twins and planted leaks (minutes)
	@$(BIN)/python -m benchmarks.noise $(BENCH)

fuzz: $(READY)  ## Throw 10,000 hostile bodies and schemathesis at the service (minutes)
	@NPSIGHT_FUZZ=$(or $(FUZZ),10000) $(BIN)/python -m pytest -q tests/slow/test_fuzz.py tests/slow/test_schemathesis.py

bench-contributions: $(READY)  ## Measure the explanation of 100,000 accounts against LightGBM's own
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.contributions $(BENCH)

bench-service: $(READY)  ## Measure single scores over HTTP against other ways to serve (BENCH="--minutes 1")
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.service $(BENCH)

bench-web: $(READY)  ## Measure the worklist's page over 200,000 accounts, on SQLite and PostgreSQL
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.web $(BENCH)

bench-impact: $(READY)  ## Measure whether the estimated effect of calls is the simulated one (BENCH="--seeds 100")
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.impact $(BENCH)

screenshots: $(READY)  ## Take pictures of every page of the demo (needs `make demo` and Chromium)
	@$(BIN)/python scripts/screenshots.py $(SHOTS)

lock: $(READY)  ## Resolve the dependencies anew
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --extra postgres --extra spark --extra sqlite --extra tune \
	  --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements.lock

clean:  ## Remove the environment and everything made
	@rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
