# The ways into the house. README names two: make demo, make test.
#
#   make demo          the whole installation in one process, running a real project
#   make test          everything that can be checked without an AWS account
#   make simulate      random workflows under random mishaps: make simulate SEEDS=20000 FIRST=0 MODE=stream-only
#   make deploy-test   sam build and sam deploy onto an emulator on this machine, then a whole journey (tests/deploy)
#   make deploy        onto your AWS account: make deploy ARCH=arm64 PYTHON=3.13 ALERT_EMAIL=you@example.com PLUGINS=../folder
#   make worker-image  the image for tasks with docker:
.PHONY: demo test lint fuzz bench simulate deploy-test build deploy worker-image clean
.DEFAULT_GOAL := demo

PY ?= python3
venv := .venv

demo: $(venv)/.installed
	$(venv)/bin/skydag demo

test: $(venv)/.dev lint
	$(venv)/bin/python -m pytest -n 2

lint: $(venv)/.dev
	$(venv)/bin/ruff check .
	$(venv)/bin/mypy functions operators tests benchmarks
	$(venv)/bin/lint-imports
	$(venv)/bin/cfn-lint template.yaml

# Longer than CI does: N inputs from SEED on, in parallel; prints the seed of what fails and the least that fails.
N ?= 50000
SEED ?= 1

fuzz: $(venv)/.dev
	$(venv)/bin/python -m tests.fuzz $(N) $(SEED)

# The rows of docs/performance.md; make bench ROWS="sh> py>" prints those that hold one of the words.
bench: $(venv)/.dev
	$(venv)/bin/python -m benchmarks $(ROWS)

SEEDS ?= 2000
FIRST ?= 0

simulate: $(venv)/.dev
	$(venv)/bin/python -m tests.simulation.seeds --seeds $(SEEDS) --first $(FIRST) $(if $(MODE),--mode $(MODE))

$(venv)/.installed: pyproject.toml
	$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "skydag needs Python 3.11 or newer: make PY=python3.13 ...")'
	test -x $(venv)/bin/python || $(PY) -m venv $(venv)
	$(venv)/bin/python -m pip install -q --disable-pip-version-check 'pip>=25.1'
	$(venv)/bin/python -m pip install -q --disable-pip-version-check -e '.[embedded]'
	touch $@

$(venv)/.dev: $(venv)/.installed
	$(venv)/bin/python -m pip install -q --disable-pip-version-check --group dev
	touch $@

# ---- the artifact (style.md 3.5): built once, copied for each function -------------------------------------------------------

# SAM hands a makefile nothing but ARTIFACTS_DIR: architecture and Python version are variables here and parameters of the template.
# Both defaults are the same (a test), both are written into the artifact, and `make deploy` compares.
ARCH ?= arm64
PYTHON ?= 3.13

artifact := build/lambda-$(ARCH)-python$(PYTHON)
platform_arm64 := aarch64
platform_x86_64 := x86_64
platform := $(or $(platform_$(ARCH)),$(error ARCH is arm64 or x86_64, not '$(ARCH)'))
sources := pyproject.toml template.yaml $(wildcard hatch_build.py) functions/requirements.txt infra/trim.py \
	$(shell find functions operators -name '*.py' -o -name '*.js' -o -name '*.rb')
wheels := --only-binary=:all: --platform manylinux2014_$(platform) --python-version $(PYTHON) --implementation cp
into = $(PY) -m pip install -q --disable-pip-version-check --no-warn-conflicts --no-compile --no-deps --target

# Operators of other distributions (docs/plugins.md): folders, wheels, names, and what these need in turn. The file
# remembers which, so that others make another artifact.
PLUGINS ?=
plugin_sources = $(if $(PLUGINS),$(shell find $(PLUGINS) -name '*.py' -o -name pyproject.toml 2>/dev/null))
with_plugins = $(if $(PLUGINS),$(into) $(1) $(wheels) $(PLUGINS))

build/plugins.txt: always
	@mkdir -p build; echo '$(PLUGINS)' | cmp -s - $@ || echo '$(PLUGINS)' > $@

.PHONY: always
always:

build-%: $(artifact)/artifact.json
	cp -R $(artifact)/. "$(ARTIFACTS_DIR)"

$(artifact)/artifact.json: $(sources) $(plugin_sources) build/plugins.txt
	rm -rf $(artifact)
	$(into) $(artifact) .
	$(into) $(artifact) $(wheels) -r functions/requirements.txt
	$(call with_plugins,$(artifact))
	$(PY) infra/trim.py $(artifact)
	printf '{"architecture": "%s", "python": "python%s"}\n' $(ARCH) $(PYTHON) > $@

SAM ?= sam
parameters = Architecture=$(ARCH) PythonVersion=python$(PYTHON) $(if $(ALERT_EMAIL),AlertEmail=$(ALERT_EMAIL)) $(PARAMETERS)

build:
	ARCH=$(ARCH) PYTHON=$(PYTHON) PLUGINS='$(PLUGINS)' $(SAM) build --parameter-overrides $(parameters)
	$(PY) infra/trim.py --check .aws-sam/build $(ARCH) python$(PYTHON)

deploy: build
	$(SAM) deploy --parameter-overrides $(parameters)

# ---- the image for tasks with docker: ----------------------------------------------------------------------------------------

IMAGE ?= skydag-worker:latest
DOCKER ?= docker
worker := build/worker-$(ARCH)-python$(PYTHON)

worker-image: $(worker).stamp
	$(DOCKER) build --platform linux/$(if $(filter arm64,$(ARCH)),arm64,amd64) --build-arg PYTHON=$(PYTHON) $(DOCKER_OPTIONS) \
		-f infra/worker/Dockerfile -t $(IMAGE) $(worker)

$(worker).stamp: $(sources) $(plugin_sources) build/plugins.txt
	rm -rf $(worker)
	$(into) $(worker) .
	$(into) $(worker) $(wheels) -r functions/requirements.txt
	$(call with_plugins,$(worker))
	$(subst --no-deps,,$(into)) $(worker) $(wheels) -c functions/requirements.txt boto3
	touch $@

# ---- the journey on the emulator ---------------------------------------------------------------------------------------------

deploy-test: $(venv)/.dev
	$(venv)/bin/python -m tests.deploy.prepare .deploy
	$(venv)/bin/python -m pytest -p no:xdist -p no:cacheprovider -rs tests/deploy/journey.py

clean:
	rm -rf build dist .aws-sam .deploy .venv
