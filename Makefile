# `make demo` and `make test` are all a fresh machine needs: they create the environment first.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export RAY_AUTH_MODE ?= token
export RAY_AUTH_TOKEN_PATH ?= $(CURDIR)/.ray/auth_token

.PHONY: env demo test fast lint format clean

env: $(VENV)/.installed ## The environment with everything the project and its tests need.

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

.ray/auth_token:
	mkdir -p .ray && (umask 077; $(PYTHON) -c 'import secrets; print(secrets.token_hex(32), end="")' > $@ \
		|| python3 -c 'import secrets; print(secrets.token_hex(32), end="")' > $@)

demo: env .ray/auth_token ## The whole pipeline on a made-up table, on a local Ray.
	rm -rf runs/demo
	$(BIN)/ss-ray demo-table --out runs/demo.csv
	$(BIN)/ss-ray run --data runs/demo.csv --config jobs/demo.yaml --out runs/demo --csv

test: lint ## Everything that CI runs.
	$(BIN)/python -W error -m pytest -n 2 -m "not ray and not gpu and not slow"
	$(BIN)/python -W error -m pytest -n 2 -m "slow"
	$(BIN)/python -m pytest -m "ray and not gpu"

fast: env .ray/auth_token ## The quick tests: about a minute.
	$(BIN)/python -W error -m pytest -n 2 -m "not ray and not gpu and not slow"

lint: env .ray/auth_token
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .ray runs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
