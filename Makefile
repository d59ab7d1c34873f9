# Shoal. Every target sets up what it needs: a fresh machine wants only Python 3.11+ and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
# Python keeps what it has compiled: tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: truth help setup lock wheel demo test faults simulations bench performance check docs vendor clean force

help: ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*##/ -/'

setup: $(READY) ## the virtual environment, from the lock file

# The stamp holds the folder it was made in: a virtual environment that was moved or copied is made again.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(READY): force
endif

# Another Python makes it again as well, where one is named; where none is, the environment keeps its own.
WHICH := import sys; print(sys.base_prefix, sys.version)
ifneq ($(PYTHON),)
ifneq ($(shell $(PYTHON) -c '$(WHICH)' 2>/dev/null),$(shell $(BIN)/python -c '$(WHICH)' 2>/dev/null))
$(READY): force
endif
endif

$(READY): requirements.lock pyproject.toml hatch_build.py app/events/_instants.c app/segments/partition/_fast_path.c app/runtime/kafka/_record_batch.c
	@set -eu; \
	found=; kept=$$($(BIN)/python -c 'import sys; print(sys._base_executable)' 2>/dev/null || :); \
	for python in $${PYTHON:-$$kept python3 python3.13 python3.12 python3.11 python}; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "shoal: no Python 3.11 or newer was found (looked for $${PYTHON:-python3, python3.13, python3.12, python3.11, python})." >&2; \
		echo "       Install one, or say where it is: make setup PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$found" --version) ..."; \
	fresh=--clear; if [ -f $(READY) ] && [ "$$(cat $(READY))" = '$(CURDIR)' ] \
		&& [ "$$($(BIN)/python -c '$(WHICH)' 2>/dev/null)" = "$$("$$found" -c '$(WHICH)')" ]; then fresh=; fi; \
	if ! "$$found" -m venv $$fresh $(VENV); then \
		echo "shoal: $$found cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --prefer-binary --require-hashes -r requirements.lock; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .; \
	printf '%s\n' '$(CURDIR)' > $(READY); \
	echo "Ready: $(BIN)/shoal"

lock: setup ## make requirements.lock again, after a change of pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock

wheel: setup ## dist/shoal-*.whl, to be installed elsewhere by pip
	@rm -f dist/shoal-*.whl
	@$(BIN)/python -m hatchling --quiet build --target wheel --directory dist
	@echo "Built: $$(ls dist/shoal-*.whl)"

demo: setup ## a simulated shop and its segments, live (ARGS="--for 60s": ends by itself)
	@$(BIN)/shoal demo $(ARGS)

# Tests wait more than they compute: four processes keep two cores busy. A file's tests stay together, in order: they share
# what they have started. Not in pytest's own process: what libraries say at the end of theirs would come after its summary.
TOGETHER := --dist loadfile --no-loadscope-reorder

# On CI's machines a deadline may pass for want of a core: a failed test runs once more. Not one that says whether changes are
# right: what fails there once is wrong.
ONCE := faults model population properties simulation unit
AGAIN := $(if $(CI),--reruns 1 --max-suite-reruns 3 --rerun-show-tracebacks $(ONCE:%=--rerun-exclude-path tests/%))

test: setup ## all tests but the long forms, on real Kafka too where Java and Maven are (ARGS="-k name": some, in one process)
	@$(BIN)/python -m pytest $(or $(ARGS),-n 4 $(TOGETHER) $(AGAIN))

# What fits into CI beside the tests, with other seeds than theirs. Three processes: two compute while one waits.
LONG := TRUTH_HISTORIES=500 TRUTH_CONSENTS=1750 TRUTH_SEED=2000 SIMULATION_RUNS=3000 SIMULATION_SEED=2000 FAULTS_KILLS=10
LONG_PATHS := $(filter-out tests/faults tests/benchmarks tests/support,$(patsubst %/,%,$(wildcard tests/[a-z]*/))) \
	tests/faults/test_kills.py tests/faults/test_erasures.py tests/faults/test_subscribers.py tests/faults/test_models.py \
	tests/faults/test_broker_failures.py::test_a_broker_that_dies_and_a_lost_answer_lose_and_repeat_nothing

long: setup ## the long tests and forms that CI runs: 500 histories, 2,000 with consent, 3,000 simulated runs, 10 kills a test
	@$(LONG) $(BIN)/python -m pytest -n 3 $(TOGETHER) $(AGAIN) -m "truth or faults or simulations or long" $(LONG_PATHS) $(ARGS)

truth: setup ## the engine against the oracle, the long form: 10,000 histories (TRUTH_HISTORIES=n, TRUTH_SEED=n)
	@TRUTH_HISTORIES=$${TRUTH_HISTORIES:-10000} $(BIN)/python -m pytest -m truth tests/properties tests/model $(ARGS)

FAULTS := tests/faults tests/memberships/test_redis_faults.py tests/destinations/test_outage.py \
	tests/service/test_hostile_input.py tests/service/test_live.py tests/service/test_acknowledged.py \
	tests/contract/test_watchdog.py tests/contract/test_all_processes.py

faults: setup ## everything killed, frozen, cut off, moved, the long form: some hours (FAULTS_KILLS=30 FAULTS_SOAK=5m FAULTS_SEED=1: less, which)
	@FAULTS_REPORT=$${FAULTS_REPORT:-.cache/faults.md} $(BIN)/python -m pytest $(FAULTS) -m "faults or not faults" $(ARGS)

simulations: setup ## the worker's own code on a simulated cluster, the long form: 100,000 runs (SIMULATION_RUNS=n, SIMULATION_SEED=n)
	@$(BIN)/python -m tests.simulation --runs $${SIMULATION_RUNS:-100000} --seed $${SIMULATION_SEED:-0} $(ARGS)

bench: setup ## how fast it is (ARGS="--only core,drain --events 100000": some, on fewer events)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

performance: setup ## docs/performance.md and its charts from docs/figures (ARGS=.cache/bench: from that run)
	@$(BIN)/python -m tools.performance_page $(ARGS)

check: setup ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup ## write the generated parts of the docs anew
	$(BIN)/python -m tools.settings_page
	$(BIN)/python -m tools.error_messages
	$(BIN)/python -m tests.unit.segments.language.wrong_definitions
	$(BIN)/python -m tools.performance_page
	$(BIN)/python -m tools.dashboards.files
	$(BIN)/python -m tools.openapi_document

vendor: ## bundle the libraries of the console's pages anew, after a change of tools/vendor/package.json; needs Node
	cd tools/vendor && npm ci && node build.mjs ../../app/web/static/vendor

clean: ## remove everything that was made here
	rm -rf $(VENV) .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
