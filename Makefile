# Two commands: `make demo` and `make test`. Each sets up all it needs; a second call is fast.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Files that write rows of docs/faults.md; those in tests/scale take their time.
FAULTS = $(wildcard tests/plugins/mqtt/test_*faults.py tests/system/test_*faults.py)
export PYTHON
# Tests start hundreds of processes: each would compile the product anew where bytecode is not kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench soak package clean setup help

help:
	@echo "make demo      the whole product on an embedded demo plant (ARGS='--seconds 20')"
	@echo "make test      everything: check, windows, pictures, real servers, acceptance"
	@echo "make check     lint, types, contracts, quick tests: under two minutes"
	@echo "make bench     the speed figures, each against a floor or peer of the same run"
	@echo "make soak      the long runs"
	@echo "make package   the wheel, in dist/"
	@echo "make clean     remove what was built"

demo:
	@.ci/setup demo
	@$(BIN)/armillary demo $(ARGS)

setup:
	@.ci/setup test

check: setup
	@.ci/check

test: setup
	@.ci/check
	@.ci/real $(ARGS)

bench: setup
	@$(BIN)/armillary bench $(ARGS)

soak:
	@.ci/setup soak
	@FAULT_LOG=$$(mktemp) $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/scale \
		$$(grep -rlE '^(import|from) faultlog' --include='test_*.py' tests/plugins tests/system) $(ARGS)
	@$(BIN)/python -m pytest -o faulthandler_timeout=0 -m scale tests/acceptance tests/system tests/plugins/stores $(ARGS)

package: setup
	@rm -rf dist && $(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean:
	rm -rf .venv dist build demo.png .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app plugins tests scenes .ci -name __pycache__ -type d -prune -exec rm -rf {} +
