# One venv for everything; `make demo` and `make test` set it up on first use.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-docker lint clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar off --upgrade pip
	@echo "installing tltpipe and PyTorch into $(VENV) (several GB the first time) ..."
	$(BIN)/python -m pip install --progress-bar off --quiet --constraint constraints.txt --editable '.[runtime,dev]'
	@touch $@

demo: $(READY)
	$(BIN)/tltpipe demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest $(PYTEST_ARGS)

test-docker: lint
	$(BIN)/pytest --run-docker $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
