# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-fast lint bench servers requirements clean
.DELETE_ON_ERROR:

$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "carewatch needs Python 3.11 or newer; try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || { echo "Making $(VENV) …"; $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv does not work here; on Debian: apt-get install python3-venv"; exit 1; }; }
	@echo "Installing what carewatch needs (pinned, hashes checked) …"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	@echo "Installing what the tests need …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# make demo ARGS="--for 3m --json"
demo: $(VENV)/run.stamp
	@$(BIN)/carewatch demo $(ARGS)

# The real servers that tests use: Mosquitto, InfluxDB 1.8.10 and 1.6, Kannel, Chromium.
servers: $(VENV)/run.stamp
	@$(BIN)/python -m tests.servers.get

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: $(VENV)/dev.stamp servers lint
	@$(BIN)/python -m pytest $(ARGS)

# No server, under 90 seconds; on every core. Of what is made up by chance a quarter of what `make test` tries.
test-fast: $(VENV)/dev.stamp
	@TESTS_EFFORT_PCT=25 $(BIN)/python -m pytest --numprocesses auto --dist loadscope -m "not server and not slow" $(ARGS)

bench: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks $(ARGS)

requirements: $(VENV)/dev.stamp
	@for part in run dev; do \
	  $(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" \
	    requirements/$$part.in -o requirements/$$part.txt; done

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
