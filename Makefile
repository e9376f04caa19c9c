# Needs make and Python 3.11 or later; everything else goes into .venv, by name, once.
# Another interpreter: make test PYTHON=python3.12

VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
# pip compiles what it copies; an editable install is left as it is.
COMPILE := $(PY) -m compileall -q tlsclose
WORKERS ?= 2

NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	if $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo $$python; break; fi; done)

.PHONY: demo test lint interop schannel bench bench-analyze fuzz pcaps clean
.DEFAULT_GOAL := test

demo: $(VENV)/.runtime
	$(PY) -m tlsclose demo

test: $(VENV)/.dev
	$(PY) -m pytest tests --ignore=tests/interop --ignore=tests/schannel --numprocesses=$(WORKERS) $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(BIN)/lint-imports

interop: $(VENV)/.dev
	$(PY) -m pytest tests/interop --numprocesses=$(WORKERS) $(PYTEST_ARGS)

# Linux on amd64, as root, with mmdebstrap: see tests/schannel/__init__.py
schannel: $(VENV)/.dev
	$(PY) -m tests.schannel.build
	$(PY) -m tests.schannel.suite
	$(PY) -m pytest tests/schannel $(PYTEST_ARGS)

fuzz: $(VENV)/.fuzz
	$(PY) -m tests.fuzz $(FUZZ_ARGS)

pcaps: $(VENV)/.dev
	$(PY) -m tests.interop.make_pcaps $(PCAPS_ARGS)

bench: $(VENV)/.dev
	$(PY) -m tests.benchmarks $(BENCH_ARGS)

bench-analyze: $(VENV)/.dev
	$(PY) -m tests.benchmarks.analyze $(BENCH_ARGS)

$(PY):
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	echo 'tlsclose needs Python 3.11 or later with its venv module (on Debian: python3-venv);' >&2; \
	echo 'name one with: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml | $(PY)
	$(PIP) --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: pyproject.toml | $(PY)
	$(PIP) --editable '.[dev]'
	@$(COMPILE)
	@touch $(VENV)/.runtime $@

$(VENV)/.fuzz: $(VENV)/.dev
	$(PIP) --editable '.[dev,fuzz]'
	@touch $@

clean:
	rm -rf $(VENV) .fuzz .schannel .bench-data .bench-venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
	find tests tlsclose -name __pycache__ -type d -prune -exec rm -rf {} +
